"""What runs beside the daemon: demo, simulate, decode."""
