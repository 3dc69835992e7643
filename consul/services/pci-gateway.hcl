# The terminating gateway, on the one machine with a leg in each network.

service {
  kind    = "terminating-gateway"
  name    = "pci-gateway"
  address = "127.0.0.1"
  port    = 8443
  proxy {
    config { envoy_prometheus_bind_addr = "127.0.0.1:9107" }
  }
  check {
    tcp      = "127.0.0.1:8443"
    interval = "2s"
  }
}
