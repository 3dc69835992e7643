# The terminating gateway and what it stands for: it registers both, and presents `postgres`'s certificate to who calls it.

service "pci-gateway" { policy = "write" }
service "postgres"    { policy = "write" }
service_prefix ""     { policy = "read" }
node_prefix ""        { policy = "read" }
