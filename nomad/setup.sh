#!/bin/sh
# Has Vault and Consul believe who a Nomad's jobs are, and says what each job may do, with Nomad itself too. Can be run again at any time.
#
#   NOMAD_ADDR=… NOMAD_TOKEN=… VAULT_ADDR=… VAULT_TOKEN=… CONSUL_HTTP_ADDR=… CONSUL_HTTP_TOKEN_FILE=… nomad/setup.sh
#
# Wants vault, consul and nomad on PATH, a Vault and a Consul that vault/setup.sh and consul/setup.sh have set up, and NOMAD_ADDR as those two reach it: they fetch Nomad's
# public keys from there. Nomad signs each identity, Vault and Consul check it, and nobody hands a token to anybody.
set -eu

: "${NOMAD_ADDR:?"where Vault and Consul find Nomad, such as http://nomad.example:4646"}"
jwks=$NOMAD_ADDR/.well-known/jwks.json

# Vault: a role for each job that asks for anything, and nothing for the others. A role is bound to its job, so that a job cannot take another one's.
if ! vault auth list -format=json | grep -q '"jwt-nomad/"'; then
  vault auth enable -path=jwt-nomad jwt >&2
fi
# No default role: a job that names none gets nothing.
vault write auth/jwt-nomad/config jwks_url="$jwks" jwt_supported_algs=RS256 >/dev/null

# role JOB POLICIES. A dispatched job is here what it was dispatched from.
role() {
  vault write "auth/jwt-nomad/role/$1" - >/dev/null <<END
{
  "role_type": "jwt",
  "bound_audiences": ["vault.io"],
  "bound_claims": { "nomad_namespace": "default", "nomad_job_id": "$1" },
  "user_claim": "/nomad_job_id",
  "user_claim_json_pointer": true,
  "claim_mappings": { "nomad_namespace": "nomad_namespace", "nomad_job_id": "nomad_job_id", "nomad_task": "nomad_task" },
  "token_type": "service",
  "token_policies": "$2",
  "token_no_default_policy": true,
  "token_period": "30m"
}
END
}
role api hashicoin-key-reader
role ledger hashicoin-key-reader,hashicoin-log-signer
role miner hashicoin-mint
role refill hashicoin-mint

# Consul: a service gets a token for itself. The gateway's also stands for what is behind it.
if ! consul acl auth-method read -name=nomad-workloads >/dev/null 2>&1; then
  consul acl auth-method create -type=jwt -name=nomad-workloads -description="hashicoin: services that Nomad runs" -config=- >/dev/null <<END
{
  "JWKSURL": "$jwks",
  "JWTSupportedAlgs": ["RS256"],
  "BoundAudiences": ["consul.io"],
  "ClaimMappings": { "nomad_namespace": "nomad_namespace", "nomad_job_id": "nomad_job_id", "nomad_service": "nomad_service" }
}
END
fi

# rule SERVICE JOBS [TYPE NAME]: who may be called so. Without this anybody who can run a job could run one that is called `ledger`, and speak to Postgres.
rules=$(consul acl binding-rule list -method=nomad-workloads)
case $rules in
*"hashicoin: tasks of prometheus "*) ;;
*)
  consul acl binding-rule create -method=nomad-workloads -description="hashicoin: tasks of prometheus " -bind-type=policy -bind-name=hashicoin-prometheus \
    -selector='value.nomad_namespace == "default" and value.nomad_job_id == "prometheus" and "nomad_service" not in value' >/dev/null
  ;;
esac
rule() {
  selector="value.nomad_namespace == \"default\" and value.nomad_service == \"$1\" and value.nomad_job_id matches \"^($2)\$\""
  case $rules in
  *"hashicoin: $1 "*) return ;;
  esac
  consul acl binding-rule create -method=nomad-workloads -description="hashicoin: $1 " -selector="$selector" \
    -bind-type="${3:-service}" -bind-name="${4:-$1}" >/dev/null
}
rule api api
rule redis redis
rule ledger 'ledger|ledger-init'
rule mint 'miner|refill'
rule pci-gateway pci-gateway policy hashicoin-pci-gateway

# Nomad: the autoscaler may look at what is scaled, and say how many instances there are to be.
nomad acl policy apply -namespace default -job autoscaler autoscaler - >/dev/null <<END
namespace "default" {
  policy = "scale"
}
END
