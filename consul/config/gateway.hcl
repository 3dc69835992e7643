# Where browsers come in: from here on everything goes through the mesh.

Kind = "api-gateway"
Name = "gateway"

Listeners = [
  {
    Name     = "public"
    Protocol = "http"
    Port     = 8088
    # A coin is money to whoever reads it on the way: beyond loopback, put TLS { Certificates = [ … ] } here.
    MaxRequestHeadersKB = 16
  }
]
