"""What callers may do how often and how much of, and what is kept of who did what."""
