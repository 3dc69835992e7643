# Nomad's client on the machine of the jobs. They register themselves, each with its own identity; the client takes away what has ended, whatever it was.

agent_prefix ""   { policy = "read" }
node_prefix ""    { policy = "read" }
service_prefix "" { policy = "write" }
