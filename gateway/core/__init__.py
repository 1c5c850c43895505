"""Server-side decisions without I/O."""
