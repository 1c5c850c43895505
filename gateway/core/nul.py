"""The one character that no database keeps in text: U+0000, told without parsing JSON."""

import re

_ESCAPED = b"\\u0000"
# After an even number of backslashes: `\\u0000` in JSON is a backslash and five letters.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


def has_nul(text: bytes) -> bool:
    """Say whether a JSON text has U+0000 in a string or a name; JSON can only write it escaped."""
    return _ESCAPED in text and _NUL.search(text) is not None
