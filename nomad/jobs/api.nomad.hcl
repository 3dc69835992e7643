# The API, which serves the page too. In its sidecar is the gate; nothing reaches the API but through it.
#
#   nomad job run -var programs=… -var campaign=… -var envoy=… -var vault=… api.nomad.hcl

variable "programs" {
  type        = string
  description = "The directory of hashicoin-api"
}

variable "campaign" {
  type        = string
  description = "The path of the campaign file"
}

variable "envoy" {
  type        = string
  description = "The path of Envoy"
}

variable "vault" {
  type        = string
  description = "Vault's address, as this job's network reaches it"
}

variable "requests_per_second" {
  type        = number
  description = "How many requests per second one instance is to be given"
  default     = 2000
}

variable "capacity" {
  type        = number
  description = "How many instances of the API and of the refilling miners there is room for, all together"
  default     = 4
}

variable "window" {
  type        = string
  description = "Over how long requests are counted"
  default     = "1m"
}

variable "evaluation_interval" {
  type        = string
  description = "How often the autoscaler looks"
  default     = "10s"
}

variable "cooldown" {
  type        = string
  description = "For how long the autoscaler lets a change work"
  default     = "1m"
}

job "api" {
  group "api" {
    count = 1

    scaling {
      min = 1
      max = 3

      policy {
        evaluation_interval = var.evaluation_interval
        cooldown            = var.cooldown

        # How much of what an instance is to be given it gets, by the sidecars' figures; 1 is the target. But no more instances than there is room for: the miners give way
        # first, and their place is taken when they are gone. Those that only start have a place too.
        check "requests" {
          source = "prometheus"
          query  = "clamp_max(sum(rate(envoy_http_downstream_rq_total{proxy=\"api\", envoy_http_conn_manager_prefix=\"public_listener\"}[${var.window}])) / ${var.requests_per_second}, ${var.capacity} - scalar(sum(nomad_nomad_job_summary_running{exported_job=\"refill\"} + nomad_nomad_job_summary_starting{exported_job=\"refill\"}) or vector(0))) / scalar(sum(nomad_nomad_job_summary_running{exported_job=\"api\"}))"

          strategy "target-value" {
            target = 1
          }
        }
      }
    }

    network {
      mode = "bridge"
      # The API's figures, through the sidecar, and on this port nothing else of the API.
      port "metrics" {
        to = -1
      }
      # The sidecar's figures, the gate's among them.
      port "envoy_metrics" {
        to = 9102
      }
    }

    # Nobody is sent here any more when it is told to end.
    shutdown_delay = "3s"

    restart {
      attempts = 10
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }

    update {
      max_parallel      = 1
      canary            = 1
      auto_promote      = true
      auto_revert       = true
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
    }

    service {
      name = "api"
      port = "8080"

      # Where Prometheus finds the figures.
      meta {
        metrics       = "${NOMAD_HOST_ADDR_metrics}"
        envoy_metrics = "${NOMAD_HOST_ADDR_envoy_metrics}"
      }

      # That it serves. Whether what it depends on works, /healthz says to people: an API that answers "try again" is better than a proxy that answers nothing.
      check {
        name     = "the API serves"
        type     = "http"
        path     = "/v1/charities"
        expose   = true
        interval = "5s"
        timeout  = "2s"
      }

      connect {
        sidecar_service {
          proxy {
            config {
              # None: a server-sent event stream has no end, and the API ends everything else by itself.
              local_request_timeout_ms   = 0
              envoy_prometheus_bind_addr = "0.0.0.0:9102"
            }
            expose {
              path {
                path            = "/metrics"
                protocol        = "http"
                local_path_port = 8080
                listener_port   = "metrics"
              }
            }
            upstreams {
              destination_name = "redis"
              local_bind_port  = 6379
            }
          }
        }

        sidecar_task {
          driver = "raw_exec"
          config {
            command = var.envoy
            # Two workers, so that the gate runs in more than one VM. When the keys change, connections are closed after their next answer, and cut when the longest vote
            # would be over: they keep the gate that they were opened with.
            args = [
              "-c", "${NOMAD_SECRETS_DIR}/envoy_bootstrap.json", "--concurrency", "2", "--disable-hot-restart",
              "--drain-strategy", "immediate", "--drain-time-s", "40",
            ]
          }
          env {
            # Nomad's own path is relative to a directory that raw_exec does not start in.
            CONSUL_GRPC_ADDR = "unix://${NOMAD_ALLOC_DIR}/tmp/consul_grpc.sock"
          }
          resources {
            cpu    = 200
            memory = 192
          }
        }
      }
    }

    task "api" {
      driver = "raw_exec"

      # May read public keys, and nothing else.
      vault {
        role        = "api"
        change_mode = "noop"
      }

      # The API reads the file again when it changes.
      template {
        destination = "${NOMAD_SECRETS_DIR}/keys.json"
        change_mode = "noop"
        data        = "{{ with secret \"transit/keys/hashicoin\" }}{{ .Data | toJSONPretty }}{{ end }}"
      }

      env {
        VAULT_ADDR = var.vault
      }

      config {
        command = "${var.programs}/hashicoin-api"
        args = [
          "serve", "--listen", "127.0.0.1:8080", "--redis", "redis://127.0.0.1:6379", "--log", "json",
          "--campaign", var.campaign, "--keys", "${NOMAD_SECRETS_DIR}/keys.json",
        ]
      }

      # Longer than the gateway lets a vote take.
      kill_timeout = "40s"

      resources {
        cpu    = 300
        memory = 128
      }
    }
  }
}
