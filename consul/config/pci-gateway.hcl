# The way out of the mesh: the only proxy with a leg in the network of the database.

Kind = "terminating-gateway"
Name = "pci-gateway"

Services = [{ Name = "postgres" }]
