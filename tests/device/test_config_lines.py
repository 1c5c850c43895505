"""The line finder agrees with tomllib about what is there, and with the text about where."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from device.config_lines import key_lines

BARE = st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True)
QUOTED = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=6)
KEYS = BARE | QUOTED
SCALARS = st.one_of(
    st.integers(-(2**60), 2**60),
    st.booleans(),
    st.sampled_from(["plain", "with # hash", 'with "quotes"', "[a]\nb = 1\n", "it's", "\\", ""]),
)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def text_written(value: str, how: int) -> str:
    if how == 1 and "'" not in value:
        return f"'''\n{value}'''"
    if how == 2 and "\\" not in value and '"' not in value:
        return f'"""{value}"""'
    return quoted(value)


def written(value, how: int) -> str:
    match value:
        case bool() | int():
            return str(value).lower()
        case str():
            return text_written(value, how)
        case list():
            return "[ # list\n" + "".join(f"{written(v, how)},\n" for v in value) + "]"
        case dict():
            pairs = (f"{quoted(key)} = {written(v, 0)}" for key, v in value.items())
            return "{ " + ", ".join(pairs) + " }"
    raise AssertionError(value)


def values(depth: int):
    if depth == 0:
        return SCALARS
    inner = values(depth - 1)
    return SCALARS | st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)


TABLES = st.dictionaries(KEYS, values(2), max_size=4)


def leaves(value, path=()):
    match value:
        case dict():
            for key, inner in value.items():
                yield from leaves(inner, (*path, key))
        case list():
            for index, inner in enumerate(value):
                yield from leaves(inner, (*path, index))
        case _:
            yield path


@given(
    sections=st.dictionaries(KEYS, TABLES | st.lists(TABLES, min_size=1, max_size=3), max_size=3),
    how=st.integers(0, 2),
)
def test_every_key_is_found_where_it_was_written(sections, how):
    """Whatever the document, each value has a line, and keys of tables stand on theirs."""
    lines: list[str] = []
    expected: dict[tuple[str | int, ...], int] = {}
    for name, content in sections.items():
        tables = content if isinstance(content, list) else [content]
        for index, table in enumerate(tables):
            path = (name, index) if isinstance(content, list) else (name,)
            brackets = ("[[", "]]") if isinstance(content, list) else ("[", "]")
            lines.append(f"{brackets[0]}{quoted(name)}{brackets[1]} # [no.table]")
            expected[path] = len(lines)
            for key, value in table.items():
                expected[(*path, key)] = len(lines) + 1
                lines.extend(f"  {quoted(key)} = {written(value, how)}".split("\n"))
            lines.append("")
    text = "\n".join(lines)

    found = key_lines(text)

    assert expected == {path: found.get(path) for path in expected}
    assert set() == set(leaves(tomllib.loads(text))) - set(found)


def test_dotted_keys_and_nested_headers_have_their_lines():
    """Dotted keys, sub-tables of array elements and inline tables are all found."""
    text = '[[a]]\nb.c = 1\n[a.d]\ne = [\n 1,\n {f = 2},\n]\n[[a]]\n"g h" = 3\n'

    found = key_lines(text)

    assert 2 == found["a", 0, "b", "c"]
    assert 4 == found["a", 0, "d", "e"]
    assert 6 == found["a", 0, "d", "e", 1, "f"]
    assert 9 == found["a", 1, "g h"]


@given(st.text(max_size=80) | st.text("[]{}=\"'#,.\n a1", max_size=40))
def test_any_text_ends(text):
    """What is not TOML gives an incomplete answer, never an error or an endless loop."""
    found = key_lines(text)

    assert all(1 <= line <= text.count("\n") + 1 for line in found.values())
