# The terminating gateway, on the one machine with a leg in each network.

service {
  kind    = "terminating-gateway"
  name    = "pci-gateway"
  address = "127.0.0.1"
  port    = 8443
  check {
    tcp      = "127.0.0.1:8443"
    interval = "2s"
  }
}
