# The API and its sidecar, on a machine of the public network.

service {
  name = "api"
  port = 8080
  # That it listens. Whether what it depends on works, /healthz says to people: an API that answers "try again" is better than a proxy that answers nothing.
  check {
    tcp      = "127.0.0.1:8080"
    interval = "2s"
  }
  connect {
    sidecar_service {
      address = "127.0.0.1"
      port    = 21001
      checks = [
        { name = "the sidecar listens", tcp = "127.0.0.1:21001", interval = "2s" },
        { name = "the API", alias_service = "api" },
      ]
      proxy {
        config {
          # None: a server-sent event stream has no end, and the API ends everything else by itself.
          local_request_timeout_ms   = 0
          # The proxy's figures and the gate's, and nothing else of the admin interface.
          envoy_prometheus_bind_addr = "127.0.0.1:9102"
        }
        upstreams = [{ destination_name = "redis", local_bind_port = 6381 }]
      }
    }
  }
}
