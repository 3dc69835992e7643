# Nomad's client beside the terminating gateway: it takes the gateway's registration away when it has ended, and that of nothing else.

agent_prefix ""       { policy = "read" }
node_prefix ""        { policy = "read" }
service "pci-gateway" { policy = "write" }
