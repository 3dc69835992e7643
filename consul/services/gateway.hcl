# The API gateway's proxy, on the machine that browsers reach.

service {
  kind    = "api-gateway"
  name    = "gateway"
  address = "127.0.0.1"
  # Where a Prometheus that Nomad runs finds the proxy's figures.
  meta { envoy_metrics = "127.0.0.1:9106" }
  proxy {
    config { envoy_prometheus_bind_addr = "127.0.0.1:9106" }
  }
}
