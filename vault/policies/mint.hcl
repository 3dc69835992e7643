# Signs coins, and nothing else. For hashicoin-mint alone: whoever has a token with this policy can make coins.

path "transit/sign/hashicoin" {
  capabilities = ["update"]
  # No hash, no prehash, no other version of the key: a coin is signed as it is, by the newest key.
  allowed_parameters = {
    "batch_input" = []
    "input"       = []
  }
}

# A hash in the path changes nothing about an Ed25519 signature where Vault takes it (sha1), so it would be a second way to the same coin.
path "transit/sign/hashicoin/*" {
  capabilities = ["deny"]
}

# The public halves alone, to check each signature before a coin leaves. The key's settings are the key-reader's.
path "transit/export/public-key/hashicoin" {
  capabilities = ["read"]
}

# Its own token: how long it lasts, and to make it last.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
