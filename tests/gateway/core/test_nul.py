"""U+0000 in a JSON text."""

import json

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.nul import has_nul
from tests.gateway.core.json_values import ANY_JSON


def holds_nul(value):
    match value:
        case str():
            return "\0" in value
        case list():
            return any(map(holds_nul, value))
        case dict():
            return any(map(holds_nul, value)) or any(map(holds_nul, value.values()))
    return False


@given(ANY_JSON, st.booleans())
@example("\0", True)
@example("\\u0000", True)
@example("\\\0", True)
@example({"\\\\\0": 1}, True)
@example({"a\\": "u0000"}, False)
def test_it_is_told_from_what_looks_like_it(value, ascii_only):
    """In names and values, however many backslashes stand before it."""
    assert holds_nul(value) == has_nul(json.dumps(value, ensure_ascii=ascii_only).encode())
