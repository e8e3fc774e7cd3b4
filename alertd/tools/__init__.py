"""What runs beside the daemon: demo, simulate, backtest, decode."""
