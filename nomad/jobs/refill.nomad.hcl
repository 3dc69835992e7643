# The refilling miners: keep so many coins waiting in the pool, with as many instances as the API leaves room for.
#
# They do what the miner does for an order, again and again; each instance makes coins of its own.
#
#   nomad job run -var programs=… -var envoy=… -var vault=… -var campaign=… -var expires=… refill.nomad.hcl

variable "programs" {
  type        = string
  description = "The directory of hashicoin-mint"
}

variable "envoy" {
  type        = string
  description = "The path of Envoy"
}

variable "vault" {
  type        = string
  description = "Vault's address, as this job's network reaches it"
}

variable "campaign" {
  type        = string
  description = "The campaign's name, such as hashiconf-2020"
}

variable "expires" {
  type        = string
  description = "When the coins stop counting, such as 2030-01-01T00:00:00Z"
}

variable "keep" {
  type        = number
  description = "How many coins are to wait in the pool"
  default     = 1000
}

variable "capacity" {
  type        = number
  description = "As the API's"
  default     = 4
}

variable "requests_per_second" {
  type        = number
  description = "As the API's"
  default     = 2000
}

variable "window" {
  type        = string
  description = "As the API's"
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
  default     = "30s"
}

job "refill" {
  group "refill" {
    count = 0

    scaling {
      min = 0
      max = 4

      policy {
        evaluation_interval = var.evaluation_interval
        cooldown            = var.cooldown

        # What the API leaves free: of the instances that it has, or of those that its requests are worth, whichever are more. It never has more than three.
        check "room" {
          source = "prometheus"
          query  = "clamp_min(${var.capacity} - clamp_min(clamp_max(ceil(sum(rate(envoy_http_downstream_rq_total{proxy=\"api\", envoy_http_conn_manager_prefix=\"public_listener\"}[${var.window}])) / ${var.requests_per_second}), 3), scalar(sum(nomad_nomad_job_summary_running{exported_job=\"api\"} + nomad_nomad_job_summary_starting{exported_job=\"api\"}))), 0)"

          strategy "pass-through" {}
        }
      }
    }

    network {
      mode = "bridge"
      # The sidecar's figures.
      port "envoy_metrics" {
        to = 9102
      }
    }

    # The way to Redis may take a moment to come about.
    restart {
      attempts = 30
      interval = "5m"
      delay    = "1s"
      mode     = "delay"
    }

    update {
      max_parallel      = 4
      health_check      = "task_states"
      min_healthy_time  = "1s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    service {
      # To the mesh it is the mint: one of those who may speak to Redis. Nobody calls it.
      name = "mint"

      # Where Prometheus finds the sidecar's figures.
      meta {
        envoy_metrics = "${NOMAD_HOST_ADDR_envoy_metrics}"
      }

      connect {
        sidecar_service {
          proxy {
            config {
              envoy_prometheus_bind_addr = "0.0.0.0:9102"
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
            args    = ["-c", "${NOMAD_SECRETS_DIR}/envoy_bootstrap.json", "--concurrency", "1", "--disable-hot-restart"]
          }
          env {
            # Nomad's own path is relative to a directory that raw_exec does not start in.
            CONSUL_GRPC_ADDR = "unix://${NOMAD_ALLOC_DIR}/tmp/consul_grpc.sock"
          }
          resources {
            cpu    = 100
            memory = 96
          }
        }
      }
    }

    task "refill" {
      driver = "raw_exec"

      # May sign coins, and nothing else.
      vault {
        role        = "refill"
        change_mode = "noop"
      }

      env {
        VAULT_ADDR = var.vault
      }

      config {
        command = "${var.programs}/hashicoin-mint"
        args = [
          "mint", "--vault-key", "hashicoin", "--pool-redis", "redis://127.0.0.1:6379",
          "--campaign", var.campaign, "--expires", var.expires, "--keep", var.keep, "--every", "5",
        ]
      }

      kill_timeout = "20s"

      resources {
        cpu    = 200
        memory = 128
      }
    }
  }
}
