# Whoever brings the public keys to the gate: may write what is configured for the service `api`, and nothing else.

service "api" { policy = "write" }
