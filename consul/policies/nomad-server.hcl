# Nomad's server: with a terminating gateway's job it writes which services the gateway stands for. It registers nothing.

agent_prefix ""   { policy = "read" }
node_prefix ""    { policy = "read" }
service_prefix "" { policy = "read" }
mesh = "write"
