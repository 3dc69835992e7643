#!/bin/sh
# Sets a Vault up for HashiCoin: the keys, one policy for each role, and for each role a way to a token of its own. Running it again changes nothing
# that is right and mends what is not; a key that is not as it must be is left alone, and named.
#
# Wants the vault command on PATH, VAULT_ADDR, and VAULT_TOKEN of somebody who may set up mounts, policies and token roles. With HASHICOIN_AUDIT_FILE
# set it also makes Vault write an audit log to that file (a path on Vault's machine), in which every coin's signature can be found.
set -eu

policies=$(cd "$(dirname "$0")" && pwd)/policies

say() {
  printf 'vault/setup.sh: %s\n' "$1" >&2
}

if ! vault secrets list -format=json | grep -q '"transit/"'; then
  vault secrets enable -path=transit transit >&2
fi

for key in hashicoin hashicoin-log; do
  if ! vault read "transit/keys/$key" >/dev/null 2>&1; then
    vault write -f "transit/keys/$key" type=ed25519 exportable=false allow_plaintext_backup=false derived=false >/dev/null
    say "made the key $key"
  fi
  settings=$(vault read -format=json "transit/keys/$key")
  for wanted in '"type": "ed25519"' '"exportable": false' '"allow_plaintext_backup": false' '"derived": false'; do
    if ! printf '%s\n' "$settings" | grep -q "^ *$wanted"; then
      say "the key $key is not as it must be ($wanted), and that cannot be changed: give this Vault another mount, or that key another name"
      exit 1
    fi
  done
  vault write "transit/keys/$key/config" deletion_allowed=false >/dev/null
done

for role in mint verifier key-reader log-signer; do
  vault policy write "hashicoin-$role" "$policies/$role.hcl" >/dev/null
  # Orphans outlive whoever asked for them. Periodic tokens last for as long as they are renewed, and one that is forgotten is gone the next day.
  vault write "auth/token/roles/$role" \
    allowed_policies="hashicoin-$role" token_no_default_policy=true orphan=true renewable=true token_period=24h >/dev/null
done

if [ -n "${HASHICOIN_AUDIT_FILE:-}" ] && ! vault audit list -format=json 2>/dev/null | grep -q '"hashicoin/"'; then
  vault audit enable -path=hashicoin file file_path="$HASHICOIN_AUDIT_FILE" >/dev/null
  say "audit log: $HASHICOIN_AUDIT_FILE"
fi

say "ready: vault token create -role=ROLE, where ROLE is mint, verifier, key-reader or log-signer"
