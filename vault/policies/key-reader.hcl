# Reads the public keys and which of them count. For whoever brings them to the gate and the ledger (consul-template, an operator).

path "transit/keys/hashicoin" {
  capabilities = ["read"]
}
path "transit/keys/hashicoin-log" {
  capabilities = ["read"]
}

# Its own token: how long it lasts, and to make it last.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
