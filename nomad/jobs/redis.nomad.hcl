# Redis: the queue of votes and the pool of coins. What it has said yes to is on the disk.
#
#   nomad job run -var redis_server=… -var redis_cli=… -var envoy=… redis.nomad.hcl

variable "redis_server" {
  type        = string
  description = "The path of redis-server, 7 or later"
}

variable "redis_cli" {
  type        = string
  description = "The path of redis-cli, for the health check"
}

variable "envoy" {
  type        = string
  description = "The path of Envoy"
}

job "redis" {
  group "redis" {
    # One: a second one would be another queue.
    count = 1

    network {
      mode = "bridge"
      # The sidecar's figures.
      port "envoy_metrics" {
        to = 9102
      }
    }

    # What was said yes to is in a directory of the machine's own. An allocation's own disk would not do: not
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
      # The old one ends before the new one starts: they share a file. So there is no canary.
      max_parallel      = 1
      min_healthy_time  = "5s"
      healthy_deadline  = "2m"
      progress_deadline = "5m"
      auto_revert       = true
    }

    service {
      name = "redis"
      port = "6379"

      # Where Prometheus finds the sidecar's figures.
      meta {
        envoy_metrics = "${NOMAD_HOST_ADDR_envoy_metrics}"
      }

      check {
        name     = "redis answers"
        type     = "script"
        task     = "redis"
        command  = var.redis_cli
        args     = ["-p", "6379", "-e", "ping"]
        interval = "5s"
        timeout  = "2s"
      }

      connect {
        sidecar_service {
          proxy {
            config {
              envoy_prometheus_bind_addr = "0.0.0.0:9102"
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

    task "redis" {
      driver = "raw_exec"

      config {
        command = var.redis_server
        args = [
          "--bind", "127.0.0.1", "--port", "6379", "--dir", "${meta.hashicoin_data}",
          "--appendonly", "yes", "--appendfsync", "always", "--save", "",
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
