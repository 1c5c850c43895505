"""How deep a JSON text is nested, told without parsing it."""

import re

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def nesting(text: bytes) -> int:
    """Count the levels of arrays and objects; of a text that is not JSON, any number."""
    level = deepest = 0
    for byte in _STRING.sub(b"", text):
        if byte in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif byte in b"]}":
            level -= 1
    return deepest
