# The Consul agent of a machine without a server: it registers and checks what runs there, and is the only one that the proxies there speak to.
#
# Ports, addresses, the data directory and the servers to join come by flags or in a second file.

server = false

connect { enabled = true }

acl {
  enabled                  = true
  default_policy           = "deny"
  down_policy              = "extend-cache"
  enable_token_persistence = true
}

client_addr = "127.0.0.1"

disable_update_check = true
telemetry {
  disable_hostname          = true
  prometheus_retention_time = "60s"
}
