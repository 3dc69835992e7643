# Who may open a connection to `postgres`. Nobody else may: the mesh denies what no intention allows.

Kind = "service-intentions"
Name = "postgres"

Sources = [
  { Name = "ledger", Action = "allow" },
]
