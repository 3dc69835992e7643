# Who may open a connection to `redis`. Nobody else may: the mesh denies what no intention allows.

Kind = "service-intentions"
Name = "redis"

Sources = [
  { Name = "api", Action = "allow" },
  { Name = "ledger", Action = "allow" },
  { Name = "mint", Action = "allow" },
]
