"""Ogg/Opus cut into streams that play on their own: bytes in, bytes out, no files."""
