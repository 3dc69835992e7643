# The external Postgres: no part of the mesh, and no agent on its machine. The agent beside the terminating gateway, which can reach it, says whether it is there.

service {
  name    = "postgres"
  address = "127.0.0.2"
  port    = 5432
  check {
    tcp      = "127.0.0.2:5432"
    interval = "2s"
  }
}
