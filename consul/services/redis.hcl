# Redis and its sidecar, on a machine of the public network. Redis itself listens on loopback alone.

service {
  name = "redis"
  port = 6379
  check {
    tcp      = "127.0.0.1:6379"
    interval = "2s"
  }
  connect {
    sidecar_service {
      address = "127.0.0.1"
      port    = 21002
      checks  = [{ name = "the sidecar listens", tcp = "127.0.0.1:21002", interval = "2s" }]
      proxy {
        config { envoy_prometheus_bind_addr = "127.0.0.1:9103" }
      }
    }
  }
}
