# The Nomad client of a machine: runs there what the server gives it.
#
# It promises: no request without a token. Addresses, directories, the machine's pool (`pci` for the one with a leg in each network, so that nothing lands there but what
# asks for it), the places of Consul, Vault and CNI's plugins, the agent's own token in Consul, and where the machine keeps what must last
# (`meta { hashicoin_data = "…" }`: Redis and the ledger run on a machine that says so) come in a second file.

acl { enabled = true }

client {
  enabled = true
  # A vote that waits may take 30 s: whoever answers it is not killed before that.
  max_kill_timeout = "60s"
  options = {
    # Nobody asks a cloud's metadata service where this machine is.
    "fingerprint.denylist" = "env_aws,env_azure,env_digitalocean,env_gce"
    # Programs as they are, in the network of their group. With container images this is "docker", and the jobs' `driver` lines change with it.
    "driver.allowlist" = "raw_exec"
  }
}

plugin "raw_exec" {
  config { enabled = true }
}

consul {
  auto_advertise   = false
  client_auto_join = false
}

vault { enabled = true }

telemetry {
  prometheus_metrics         = true
  publish_allocation_metrics = true
  publish_node_metrics       = true
  disable_hostname           = true
}

disable_update_check = true
