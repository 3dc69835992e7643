# The terminating gateway: the way out of the mesh to Postgres, on the one machine with a leg in each network.
#
#   nomad job run -var envoy=… pci-gateway.nomad.hcl

variable "envoy" {
  type        = string
  description = "The path of Envoy"
}

variable "port" {
  type        = number
  description = "Where the other proxies reach it, on the machine's public leg"
  default     = 8443
}

variable "consul_grpc" {
  type        = number
  description = "The port on this machine's loopback where its Consul agent configures proxies"
  default     = 8502
}

job "pci-gateway" {
  node_pool = "pci"

  group "gateway" {
    count = 1

    network {
      # The machine's own: a bridge would have to pass packets on between the two networks, and this machine passes none on.
      mode = "host"
      port "mesh" {
        static = var.port
      }
      # The proxy's figures, on the public leg.
      port "envoy_metrics" {}
    }

    restart {
      attempts = 10
      interval = "1m"
      delay    = "1s"
      mode     = "delay"
    }

    update {
      # It has one port, so the old one ends before the new one starts.
      max_parallel      = 1
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    service {
      name = "pci-gateway"
      port = "mesh"

      # Where Prometheus finds the proxy's figures.
      meta {
        envoy_metrics = "${NOMAD_ADDR_envoy_metrics}"
      }

      check {
        name     = "the gateway listens"
        type     = "tcp"
        interval = "5s"
        timeout  = "2s"
      }

      connect {
        gateway {
          proxy {
            config {
              envoy_prometheus_bind_addr = "${NOMAD_ADDR_envoy_metrics}"
            }
          }
          terminating {
            service {
              name = "postgres"
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
            # In the machine's own network Nomad takes Consul's usual port, whatever its agent was told.
            CONSUL_GRPC_ADDR = "127.0.0.1:${var.consul_grpc}"
          }
          resources {
            cpu    = 100
            memory = 96
          }
        }
      }
    }
  }
}
