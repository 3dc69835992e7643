# The mint's sidecar, on a machine of the public network. Nobody calls the mint; it puts coins into Redis, and speaks to Vault, which is no part of the mesh.

service {
  name = "mint"
  connect {
    sidecar_service {
      address = "127.0.0.1"
      port    = 21004
      checks  = [{ name = "the sidecar listens", tcp = "127.0.0.1:21004", interval = "2s" }]
      proxy {
        config { envoy_prometheus_bind_addr = "127.0.0.1:9105" }
        upstreams = [{ destination_name = "redis", local_bind_port = 6383 }]
      }
    }
  }
}
