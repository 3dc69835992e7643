# Asks Vault whether a coin's signature is good. The gate and the ledger do not need this: they have the public keys.

path "transit/verify/hashicoin" {
  capabilities = ["update"]
  # As coins are signed: no hash, no prehash.
  allowed_parameters = {
    "batch_input" = []
    "input"       = []
    "signature"   = []
  }
}

path "transit/verify/hashicoin/*" {
  capabilities = ["deny"]
}

# Its own token: how long it lasts, and to make it last.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
