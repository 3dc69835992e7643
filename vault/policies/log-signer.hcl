# Signs the ledger's checkpoints, with a key of their own: whoever can sign a checkpoint must not be able to make a coin, nor the other way round.

path "transit/sign/hashicoin-log" {
  capabilities = ["update"]
  # No hash, no prehash, no other version of the key.
  allowed_parameters = {
    "input" = []
  }
}

path "transit/sign/hashicoin-log/*" {
  capabilities = ["deny"]
}

# The public halves alone, to check each signature before it is published, and to publish the keys themselves.
path "transit/export/public-key/hashicoin-log" {
  capabilities = ["read"]
}

# Its own token: how long it lasts, and to make it last.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
