# Makes the ledger's store, or brings it up to date: run before the ledger of a new campaign or release.
#
# A job of its own, because it comes to Postgres as the owner of the schema. That password is the variable `nomad/jobs/ledger-init`, which the ledger cannot read.
#
#   nomad job run -var programs=… -var campaign=… -var envoy=… ledger-init.nomad.hcl

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

job "ledger-init" {
  type = "batch"

  group "init" {
    network {
      mode = "bridge"
    }

    # The way to Postgres may take a moment to come about.
    restart {
      attempts = 30
      interval = "5m"
      delay    = "1s"
      mode     = "fail"
    }

    service {
      # To the mesh it is the ledger: the one who may speak to Postgres.
      name = "ledger"

      connect {
        sidecar_service {
          proxy {
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

    task "init" {
      driver = "raw_exec"

      template {
        destination = "${NOMAD_SECRETS_DIR}/postgres-password"
        perms       = "600"
        data        = "{{ with nomadVar \"nomad/jobs/ledger-init\" }}{{ .postgres_password }}{{ end }}"
      }

      env {
        HASHICOIN_POSTGRES_PASSWORD_FILE = "${NOMAD_SECRETS_DIR}/postgres-password"
      }

      config {
        command = "${var.programs}/hashicoin-ledger"
        args = [
          "init", "--store", "postgres://hashicoin_owner@127.0.0.1:5432/hashicoin",
          "--campaign", var.campaign, "--writer-role", "hashicoin_ledger",
        ]
      }

      resources {
        cpu    = 100
        memory = 64
      }
    }
  }
}
