"""What surrounds the box, read from what its services and its kernel say, as pure functions."""
