-- The load of `cargo xtask bench gate`: POST requests without a body, each with the next line of a file as its Authorization header.

local requests = {}
local next_request = 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    local headers = {}
    if line ~= "" then
      headers["authorization"] = line
    end
    requests[#requests + 1] = wrk.format("POST", "/v1/votes", headers)
  end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"us":%d,"refused":%d,"failed":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout
  ))
end
