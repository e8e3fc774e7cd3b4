"""Duty calendars: fetched from a URL or a file, kept for when the line is down, read by a child."""
