"""Charts: 24 hours of one series as a picture, drawn by a child process."""
