"""6. It survives: schema and migrations, commit, outbox, readings journal; a memory twin."""
