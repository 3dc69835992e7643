# The Consul server of a mesh that denies whatever no intention allows.
#
# It promises: no request without a token, no connection between services without an intention. Ports, addresses and the data directory come by flags or in a
# second file. `hashicoin dev --mesh` and the tests start this very file.

server           = true
bootstrap_expect = 1

connect { enabled = true }

acl {
  enabled        = true
  default_policy = "deny"
  # While the servers are away, agents go on with the policies that they know.
  down_policy = "extend-cache"
  # Set once by `consul acl set-agent-token`, kept over restarts, in no file of configuration.
  enable_token_persistence = true
}

# Whatever the policy for configuration says, gossip and RPC stay on the addresses that they were given.
client_addr = "127.0.0.1"
ui_config { enabled = false }

# A leader of one finds out sooner that it is one.
performance { raft_multiplier = 1 }

# Nobody is asked for a newer version or told about this one.
disable_update_check = true
telemetry {
  disable_hostname          = true
  prometheus_retention_time = "60s"
}
