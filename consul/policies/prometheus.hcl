# Prometheus: may read the figures of agents, and where services are; nothing else of Consul.

agent_prefix ""   { policy = "read" }
node_prefix ""    { policy = "read" }
service_prefix "" { policy = "read" }
