#!/bin/sh
# Keeps the public keys of everybody who checks coins as Vault has them. KEYS is the file of the API and the ledger, which read it again when it changes; the gate
# gets the same keys by the API's configuration entry.
#
#   VAULT_ADDR=… VAULT_TOKEN=… CONSUL_HTTP_ADDR=… CONSUL_HTTP_TOKEN_FILE=… consul/keys.sh KEYS CAMPAIGN MODULE
#
# Wants hashicoin, consul and consul-template on PATH. Vault is asked every HASHICOIN_KEYS_EVERY (60s): public keys have no lease that would say when they
# change. It ends when Consul does not take the entry; start it again then, as an init system does: what Consul missed is made good first.
set -eu

usage="usage: keys.sh KEYS CAMPAIGN MODULE"
keys=${1:?$usage} campaign=${2:?$usage} module=${3:?$usage}
here=$(cd "$(dirname "$0")" && pwd)

# Not one pipe: half an entry must not get to Consul when the file is no keyring.
mount_gate() {
  entry=$(hashicoin keyring "$keys" --config-entry --campaign "$campaign" --module "$module")
  printf '%s\n' "$entry" | consul config write - >/dev/null
}

if [ "${4:-}" = gate ]; then
  mount_gate
  exit
fi
if [ -s "$keys" ]; then
  mount_gate
fi
exec consul-template -log-level=warn -kill-signal=SIGTERM -vault-retry-attempts=0 -vault-default-lease-duration="${HASHICOIN_KEYS_EVERY:-60s}" \
  -template "$here/keys.ctmpl:$keys:sh '$here/keys.sh' '$keys' '$campaign' '$module' gate"
