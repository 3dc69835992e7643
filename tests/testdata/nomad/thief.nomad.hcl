# Asks Vault for the miner's role, in a job that is not the miner.

job "thief" {
  type = "batch"

  group "thief" {
    restart {
      attempts = 0
      mode     = "fail"
    }
    reschedule {
      attempts  = 0
      unlimited = false
    }
    task "thief" {
      driver = "raw_exec"
      vault { role = "miner" }
      config { command = "/bin/true" }
    }
  }
}
