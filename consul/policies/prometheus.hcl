# Prometheus: may read the figures of agents, and nothing else of Consul.

agent_prefix "" { policy = "read" }
