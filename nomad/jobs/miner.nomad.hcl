# The miner: has Vault sign coins, and puts them into the pool. Each dispatch is an order of coins.
#
# Serials follow from the allocation's id: an allocation that is started again makes the same coins, and no two make the same.
#
#   nomad job run -var programs=… -var envoy=… -var vault=… miner.nomad.hcl
#   nomad job dispatch -meta campaign=hashiconf-2020 -meta expires=2030-01-01T00:00:00Z -meta count=1000 miner

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

job "miner" {
  type = "batch"

  parameterized {
    payload       = "forbidden"
    meta_required = ["campaign", "expires", "count"]
  }

  group "miner" {
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
      mode     = "fail"
    }

    # Another allocation would be another order.
    reschedule {
      attempts  = 0
      unlimited = false
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

    task "miner" {
      driver = "raw_exec"

      # May sign coins, and nothing else.
      vault {
        role        = "miner"
        change_mode = "noop"
      }

      env {
        VAULT_ADDR = var.vault
      }

      config {
        command = "${var.programs}/hashicoin-mint"
        args = [
          "mint", "--json", "--vault-key", "hashicoin", "--pool-redis", "redis://127.0.0.1:6379",
          "--campaign", "${NOMAD_META_campaign}", "--expires", "${NOMAD_META_expires}", "--count", "${NOMAD_META_count}",
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
