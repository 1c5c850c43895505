"""Find the line on which each key of a TOML document stands, which tomllib does not tell."""

import re
from collections.abc import Iterator

KeyPath = tuple[str | int, ...]
"""Where a key is: table names and keys as text, places in arrays as numbers from 0."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"[ \t]*")
_VOID = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_ESCAPED = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map each key, table and element of a valid TOML document to its line, counted from 1.

    Args:
        text: A document that tomllib accepts; for others the answer is merely incomplete.
    """
    return _Walk(text).lines()


class _Walk:
    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._found: dict[KeyPath, int] = {}
        self._array_tables: dict[KeyPath, int] = {}

    def lines(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while True:
            self._skip(_VOID)
            if self._at >= len(self._text):
                return self._found
            before = self._at
            if self._take("[["):
                table = self._place(tuple(self._dotted()), new_element=True)
                self._at = self._end_of_line()
            elif self._take("["):
                table = self._place(tuple(self._dotted()), new_element=False)
                self._at = self._end_of_line()
            else:
                self._pair(table)
            if self._at == before:  # not TOML after all: give up on this line
                self._at = self._end_of_line() + 1

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for key in self._dotted():
            path = (*path, key)
            self._found.setdefault(path, line)
        self._skip(_BLANK)
        if self._take("="):
            self._skip(_BLANK)
            self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._take("["):
            for index in self._items("]"):
                self._found[(*path, index)] = self._line()
                self._value((*path, index))
        elif self._take("{"):
            for _ in self._items("}"):
                self._pair(path)
        elif string := _STRING.match(self._text, self._at):
            self._at = string.end()
        else:
            self._skip(_SCALAR)

    def _items(self, closing: str) -> Iterator[int]:
        """Stop at each element up to the closing bracket; the caller reads past the element."""
        index = 0
        while self._at < len(self._text):
            self._skip(_VOID)
            if self._take(closing):
                return
            before = self._at
            yield index
            index += 1
            self._skip(_VOID)
            if not self._take(",") and self._at == before:
                self._at += 1  # not TOML after all

    def _place(self, path: KeyPath, *, new_element: bool) -> KeyPath:
        """Resolve a header: inside an array of tables it means that array's newest element."""
        line = self._line()
        placed: KeyPath = ()
        for position, part in enumerate(path):
            placed = (*placed, part)
            self._found.setdefault(placed, line)
            last = position == len(path) - 1
            if last and new_element:
                self._array_tables[placed] = self._array_tables.get(placed, -1) + 1
            if placed in self._array_tables:
                placed = (*placed, self._array_tables[placed])
                self._found.setdefault(placed, line)
        return placed

    def _dotted(self) -> Iterator[str]:
        while True:
            self._skip(_BLANK)
            if bare := _BARE.match(self._text, self._at):
                self._at = bare.end()
                yield bare.group()
            elif string := _STRING.match(self._text, self._at):
                self._at = string.end()
                yield _unquote(string.group())
            else:
                return
            self._skip(_BLANK)
            if not self._take("."):
                return

    def _take(self, token: str) -> bool:
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True

    def _skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self._text, self._at):
            self._at = match.end()

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _end_of_line(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end


def _unquote(quoted: str) -> str:
    if quoted.startswith("'"):
        return quoted[1:-1]
    return _ESCAPE.sub(_character, quoted[1:-1])


def _character(escape: re.Match[str]) -> str:
    code = escape.group(1)
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _ESCAPED.get(code, code)
