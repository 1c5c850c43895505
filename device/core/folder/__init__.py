"""What a folder of recordings means, as pure functions of names and bytes."""
