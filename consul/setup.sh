#!/bin/sh
# Gives a Consul with ACLs its policies, one token for each part, and the configuration of the mesh. Can be run again at any time: what is there stays.
#
#   CONSUL_HTTP_ADDR=… CONSUL_HTTP_TOKEN_FILE=… consul/setup.sh TOKENS [CONFIG]
#
# TOKENS  a directory; each token goes to TOKENS/<part>, readable for its owner alone
# CONFIG  the directory of the configuration entries [default: config, beside this file]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tokens=${1:?"usage: setup.sh TOKENS [CONFIG]"}
config=${2:-$here/config}
umask 077
mkdir -p "$tokens"

# token PART ARGUMENTS…: a token with these rights, unless the one in the file is good.
token() {
  part=$1
  shift
  if [ -s "$tokens/$part" ] && CONSUL_HTTP_TOKEN_FILE="$tokens/$part" consul acl token read -self >/dev/null 2>&1; then
    return
  fi
  consul acl token create -format=json -description="hashicoin: $part" "$@" |
    sed -n 's/^ *"SecretID": "\(.*\)",$/\1/p' >"$tokens/$part.new"
  [ -s "$tokens/$part.new" ] || { echo "setup.sh: Consul gave no token for $part" >&2; exit 1; }
  mv "$tokens/$part.new" "$tokens/$part"
}

for file in "$here"/policies/*.hcl; do
  name=hashicoin-$(basename "$file" .hcl)
  consul acl policy update -name="$name" -rules=@"$file" >/dev/null 2>&1 ||
    consul acl policy create -name="$name" -rules=@"$file" >/dev/null
done

# An agent may write what is about its own node, and read who else there is.
for node in ${HASHICOIN_NODES:-server pci}; do
  token "agent-$node" -node-identity="$node:dc1"
done
for service in api redis ledger mint; do
  token "$service" -service-identity="$service"
done
token gateway -templated-policy=builtin/api-gateway -var=name:gateway
token pci-gateway -policy-name=hashicoin-pci-gateway
token keys -policy-name=hashicoin-keys
token prometheus -policy-name=hashicoin-prometheus
# HASHICOIN_NOMADS names Nomad's agents (server apps pci), if Nomad runs the parts.
for agent in ${HASHICOIN_NOMADS:-}; do
  token "nomad-$agent" -policy-name="hashicoin-nomad-$agent"
done

for file in "$config"/*.hcl; do
  consul config write "$file" >/dev/null
done
