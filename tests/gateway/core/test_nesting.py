"""How deep a JSON text is nested."""

import json

import pytest
from hypothesis import given

from gateway.core.nesting import nesting
from tests.gateway.core.json_values import ANY_JSON


def depth(value):
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(ANY_JSON)
def test_levels_are_those_of_the_parsed_value(value):
    """Brackets and quotes inside strings do not count."""
    assert nesting(json.dumps(value).encode()) == depth(value)


@pytest.mark.parametrize("text", [b"", b'"[[', b"]]]", b"\xff", b'"\\'])
def test_what_is_not_json_is_counted_too(text):
    """Nothing fails on a broken text: the parser refuses it afterwards."""
    assert nesting(text) <= 1
