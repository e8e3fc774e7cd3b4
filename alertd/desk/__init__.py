"""What HTTP and the shell may ask of the running daemon: `web.desk.Desk` over the keeper's book and the store."""
