# Who may open a connection to `api`. Nobody else may: the mesh denies what no intention allows.

Kind = "service-intentions"
Name = "api"

Sources = [
  { Name = "gateway", Action = "allow" },
]
