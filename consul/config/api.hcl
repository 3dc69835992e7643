# The service `api`, and the gate in its sidecar. `hashicoin keyring --config-entry` prints this very file with the module's path and the gate's configuration put in.
#
# It promises: whatever goes wrong with the gate, no gated request reaches the API.

Kind     = "service-defaults"
Name     = "api"
Protocol = "http"

EnvoyExtensions = [
  {
    Name = "builtin/wasm"
    # Without this line Consul mounts the filter fail_open: the first lost VM takes the gate away. It belongs here; inside Arguments it is dropped without a word.
    Required = true
    Arguments = {
      Protocol     = "http"
      ListenerType = "inbound"
      ProxyType    = "connect-proxy"
      PluginConfig = {
        Name   = "coin_gate"
        RootID = "coin_gate"
        VmConfig = {
          # Envoy shares a VM between plugins of one id and one code: this one is nobody else's.
          VmID    = "coin_gate"
          Runtime = "v8"
          # A file that is there before the sidecar starts: nothing to fetch, nothing to wait for. Consul checks no hash of a local file; README.md says how to.
          Code = { Local = { Filename = "/etc/hashicoin/coin_gate.wasm" } }
        }
        Configuration = "{}"
      }
    }
  }
]
