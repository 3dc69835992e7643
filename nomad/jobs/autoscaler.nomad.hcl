# The Nomad Autoscaler: asks Prometheus how much is to be done, and says how many instances of the API and of the miners there are to be. What it keeps to stands with the
# jobs, in their `scaling` blocks.
#
# Nomad lets it scale jobs because it is the job `autoscaler` (setup.sh), and nothing else; it speaks to the agent of its machine, over a socket.
#
#   nomad job run -var autoscaler=… autoscaler.nomad.hcl

variable "autoscaler" {
  type        = string
  description = "The path of the Nomad Autoscaler"
}

job "autoscaler" {
  group "autoscaler" {
    count = 1

    network {
      mode = "bridge"
      port "http" {
        to = 8080
      }
    }

    restart {
      attempts = 10
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
    }

    update {
      max_parallel      = 1
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    service {
      # Of Nomad, not of the mesh: nobody calls it but for its health.
      provider = "nomad"
      name     = "autoscaler"
      port     = "http"

      check {
        name     = "the autoscaler works"
        type     = "http"
        path     = "/v1/health"
        interval = "5s"
        timeout  = "2s"
      }
    }

    task "autoscaler" {
      driver = "raw_exec"

      # Who it is, in NOMAD_TOKEN; good for as long as the allocation is.
      identity {
        env = true
      }

      template {
        destination = "${NOMAD_TASK_DIR}/autoscaler.hcl"
        change_mode = "restart"
        data        = <<-END
        nomad {
          address = "unix://{{ env "NOMAD_SECRETS_DIR" }}/api.sock"
        }
        http {
          bind_address = "0.0.0.0"
          bind_port    = 8080
        }
        telemetry {
          prometheus_metrics = true
          disable_hostname   = true
        }
        apm "prometheus" {
          driver = "prometheus"
          config = {
            {{ range nomadService "prometheus" }}
            address = "http://{{ .Address }}:{{ .Port }}"
            {{ end }}
          }
        }
        strategy "target-value" {
          driver = "target-value"
        }
        strategy "pass-through" {
          driver = "pass-through"
        }
        END
      }

      config {
        command = var.autoscaler
        args    = ["agent", "-config", "${NOMAD_TASK_DIR}/autoscaler.hcl", "-plugin-dir", "${NOMAD_TASK_DIR}"]
      }

      resources {
        cpu    = 100
        memory = 128
      }
    }
  }
}
