"""The operator's work from the shell, against the running daemon.

Every command takes the configuration's path and returns the exit code of CONTRACT.md
section 1: 0 done, 1 it failed, 2 usage or configuration. Answers go to stdout, trouble
as one line to stderr. On a terminal people get tables, in a pipe programs get one
tab-separated line each.
"""
