# How sidecars treat what comes in, before an intention or the gate looks at it.

Kind = "mesh"

HTTP {
  # The gate and the API do not need the caller's certificate in a header.
  SanitizeXForwardedClientCert = true
  Incoming {
    # One reading of a path for everybody: what cannot be read in one way is refused, not repaired.
    RequestNormalization {
      InsecureDisablePathNormalization = false
      MergeSlashes                     = true
      PathWithEscapedSlashesAction     = "REJECT_REQUEST"
      HeadersWithUnderscoresAction     = "REJECT_REQUEST"
    }
  }
}
