# Breaks every rule about jobs.

job "careless" {
  group "lonely" {
    network { mode = "bridge" }
    task "all" {
      driver = "raw_exec"
      config { command = "/bin/true" }
    }
  }

  group "open" {
    network {
      mode = "host"
      port "http" {}
    }
    service {
      name = "open"
      port = "http"
    }
    task "all" {
      driver = "raw_exec"
      vault { role = "miner" }
      config { command = "/bin/true" }
    }
  }
}
