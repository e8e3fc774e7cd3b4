"""9. Over HTTP: health, metrics, API, one page; the same on a UNIX socket for the shell commands."""
