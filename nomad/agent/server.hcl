# The Nomad server: decides what runs where, and signs who each job is.
#
# It promises: no request without a token, and what a job may do in Vault and Consul follows from what the job is. Addresses, the data directory, the place of Consul
# and the agent's own token there come in a second file. `hashicoin dev --nomad` and the tests start this very file.

server {
  enabled          = true
  bootstrap_expect = 1
}

acl { enabled = true }

consul {
  # The agents of one site find each other by address; the catalog is for what people deploy.
  auto_advertise   = false
  server_auto_join = false
  # What a service proves to Consul that it is. No job carries a token of Consul.
  service_identity {
    aud = ["consul.io"]
    ttl = "1h"
  }
  # The same for what a task looks up there.
  task_identity {
    aud = ["consul.io"]
    ttl = "1h"
  }
}

vault {
  enabled = true
  # What a task proves to Vault that it is. No job carries a token of Vault, and each has a role of its own.
  default_identity {
    aud = ["vault.io"]
    ttl = "1h"
  }
}

telemetry {
  prometheus_metrics = true
  disable_hostname   = true
}

disable_update_check = true
