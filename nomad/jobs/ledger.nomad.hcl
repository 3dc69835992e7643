# The ledger: takes votes out of the queue, and counts each coin once. Nobody calls it; it has the way to Postgres.
#
# Its password in Postgres is the variable `nomad/jobs/ledger`, which no other job can read.
#
#   nomad job run -var programs=… -var campaign=… -var envoy=… -var vault=… ledger.nomad.hcl

variable "programs" {
  type        = string
  description = "The directory of hashicoin-ledger"
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

job "ledger" {
  group "ledger" {
    # One. Should there ever be two, a machine that came back, say, the newer one is the writer and the older one is refused by Postgres.
    count = 1

    network {
      mode = "bridge"
      # The ledger's figures, through the sidecar.
      port "metrics" {
        to = -1
      }
      port "envoy_metrics" {
        to = 9102
      }
    }

    # What was signed last is in a directory of the machine's own, for whoever comes next. An allocation's own disk would not do: not
    # every allocation that comes next is given it.
    constraint {
      attribute = "${meta.hashicoin_data}"
      operator  = "is_set"
    }

    restart {
      attempts = 10
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }

    update {
      # The new one starts when the old one has ended: there is one writer, so there is no canary.
      max_parallel      = 1
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    service {
      name = "ledger"
      port = "8081"

      # Where Prometheus finds the figures.
      meta {
        metrics       = "${NOMAD_HOST_ADDR_metrics}"
        envoy_metrics = "${NOMAD_HOST_ADDR_envoy_metrics}"
      }

      # That Redis and the store answer.
      check {
        name     = "the ledger counts"
        type     = "http"
        path     = "/healthz"
        expose   = true
        interval = "5s"
        timeout  = "4s"
      }

      connect {
        sidecar_service {
          proxy {
            config {
              envoy_prometheus_bind_addr = "0.0.0.0:9102"
            }
            expose {
              path {
                path            = "/metrics"
                protocol        = "http"
                local_path_port = 8081
                listener_port   = "metrics"
              }
            }
            upstreams {
              destination_name = "redis"
              local_bind_port  = 6379
            }
            upstreams {
              destination_name = "postgres"
              local_bind_port  = 5432
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

    task "ledger" {
      driver = "raw_exec"

      # May read public keys and sign checkpoints, and never a coin.
      vault {
        role        = "ledger"
        change_mode = "noop"
      }

      # The ledger reads the file again when it changes.
      template {
        destination = "${NOMAD_SECRETS_DIR}/keys.json"
        change_mode = "noop"
        data        = "{{ with secret \"transit/keys/hashicoin\" }}{{ .Data | toJSONPretty }}{{ end }}"
      }

      template {
        destination = "${NOMAD_SECRETS_DIR}/postgres-password"
        change_mode = "restart"
        perms       = "600"
        data        = "{{ with nomadVar \"nomad/jobs/ledger\" }}{{ .postgres_password }}{{ end }}"
      }

      env {
        VAULT_ADDR                       = var.vault
        HASHICOIN_POSTGRES_PASSWORD_FILE = "${NOMAD_SECRETS_DIR}/postgres-password"
      }

      config {
        command = "${var.programs}/hashicoin-ledger"
        args = [
          "serve", "--listen", "127.0.0.1:8081", "--redis", "redis://127.0.0.1:6379", "--log", "json",
          "--store", "postgres://hashicoin_ledger@127.0.0.1:5432/hashicoin",
          "--campaign", var.campaign, "--keys", "${NOMAD_SECRETS_DIR}/keys.json",
          "--vault-log-key", "hashicoin-log", "--signed-head", "${meta.hashicoin_data}/ledger.signed",
        ]
      }

      kill_timeout = "20s"

      resources {
        cpu    = 300
        memory = 128
      }
    }
  }
}
