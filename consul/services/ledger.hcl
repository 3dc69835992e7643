# The ledger and its sidecar, on a machine of the public network. Nobody calls it; it has the way to Postgres.

service {
  name = "ledger"
  connect {
    sidecar_service {
      address = "127.0.0.1"
      port    = 21003
      checks  = [{ name = "the sidecar listens", tcp = "127.0.0.1:21003", interval = "2s" }]
      proxy {
        config { envoy_prometheus_bind_addr = "127.0.0.1:9104" }
        upstreams = [
          { destination_name = "redis", local_bind_port = 6382 },
          { destination_name = "postgres", local_bind_port = 5433 },
        ]
      }
    }
  }
}
