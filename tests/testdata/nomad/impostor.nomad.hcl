# Calls itself the ledger, to speak to Postgres, in a job that is not the ledger.

job "impostor" {
  type = "batch"

  group "impostor" {
    network { mode = "bridge" }
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    service {
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
          config { command = "/bin/false" }
        }
      }
    }
    task "impostor" {
      driver = "raw_exec"
      config { command = "/bin/true" }
    }
  }
}
