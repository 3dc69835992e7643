-- The gate's rival in `cargo xtask bench edge-vs-vault`: asks Vault about the coin of each vote, and lets a vote through when Vault says that its
-- signature is good. What it leaves out (expiry, campaign, canonical forms) makes it faster, not slower.

-- Transit takes standard base64, a coin has the URL-safe one without padding.
local function standard(text)
  return (text:gsub("-", "+"):gsub("_", "/")) .. string.rep("=", (4 - #text % 4) % 4)
end

function envoy_on_request(request)
  local headers = request:headers()
  if headers:get(":method") ~= "POST" then
    return
  end
  local coin = headers:get("authorization") or ""
  local payload, version, signature = coin:match("^Coin ([%w_-]+)%.(%d+)%.([%w_-]+)$")
  if payload == nil then
    request:respond({ [":status"] = "401" }, "no coin")
    return
  end
  local body = '{"input":"' .. standard(payload) .. '","signature":"vault:v' .. version .. ":" .. standard(signature) .. '"}'
  local answer, said = request:httpCall("vault", {
    [":method"] = "POST",
    [":path"] = "/v1/transit/verify/hashicoin",
    [":authority"] = "vault",
    ["content-type"] = "application/json",
    ["x-vault-token"] = "VAULT_TOKEN",
  }, body, 5000)
  if answer[":status"] ~= "200" or not said:find('"valid":true', 1, true) then
    request:respond({ [":status"] = "403" }, "Vault did not confirm the coin")
  end
end
