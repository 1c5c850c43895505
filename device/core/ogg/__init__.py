"""Ogg/Opus cut into streams that play on their own: bytes in, bytes out, no files."""


class Uncuttable(Exception):
    """A stream is not cut, because no cut of it would surely be right; the sentence says why."""
