# What every proxy of the mesh does.

Kind = "proxy-defaults"
Name = "global"

# No path, no header and no body: a coin must not reach a log. The details hold the gate's reason.
AccessLogs {
  Enabled    = true
  Type       = "stdout"
  TextFormat = "%START_TIME% %PROTOCOL% %REQ(:METHOD)% %RESPONSE_CODE% %RESPONSE_CODE_DETAILS% %DURATION%ms %RESPONSE_FLAGS%\n"
}
