# What the gateway sends to the API.

Kind = "http-route"
Name = "votes"

Parents = [
  {
    Kind        = "api-gateway"
    Name        = "gateway"
    SectionName = "public"
  }
]

Rules = [
  {
    # Server-sent events last as long as somebody looks. Below zero is "no limit"; zero would be Envoy's own 15 s.
    Matches  = [{ Path = { Match = "exact", Value = "/v1/tally/stream" } }]
    Filters  = { TimeoutFilter = { RequestTimeout = "-1s" } }
    Services = [{ Name = "api" }]
  },
  {
    # `Prefer: wait` may take 30 s.
    Matches  = [{ Path = { Match = "prefix", Value = "/" } }]
    Filters  = { TimeoutFilter = { RequestTimeout = "35s" } }
    Services = [{ Name = "api" }]
  }
]
