"""What a bug report holds, taken from an allow-list, and what is taken out of all of it."""
