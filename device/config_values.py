"""Turn decoded TOML and environment variables into typed settings that know their origin."""

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from device.config import Config, RecorderConfig
from device.config_lines import KeyPath

DEFAULT = "default"
_HINTS = typing.get_type_hints(Config)
SECTIONS: dict[str, type[Any]] = {
    name: hint
    for name, hint in _HINTS.items()
    if isinstance(hint, type) and dataclasses.is_dataclass(hint)
}
"""Table name → its dataclass; `recorders` is the one array of tables."""
CLOUD_IMAGES = "cloud_images"
"""What the table [cloud.images] is called among the sections; it exists only when written."""
_OF_SUBTABLE = {("cloud", "images"): CLOUD_IMAGES}
_SCHEMAS: dict[str, type[Any]] = {**SECTIONS, CLOUD_IMAGES: SECTIONS["cloud"]}

_PREFIX = "FIELDPOST_"
_UNITS = {
    "k": 1024, "kib": 1024, "kb": 1000,
    "m": 1024**2, "mib": 1024**2, "mb": 1000**2,
    "g": 1024**3, "gib": 1024**3, "gb": 1000**3,
    "t": 1024**4, "tib": 1024**4, "tb": 1000**4,
    "b": 1, "byte": 1,
}  # fmt: skip
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value and where it was set: `file:line`, `env NAME` or `default`."""

    value: Any
    origin: str


@dataclass(slots=True, kw_only=True)
class Draft:
    """What the sources say so far, later ones on top, and everything that is wrong with them."""

    sections: dict[str, dict[str, Setting]] = field(default_factory=dict)
    recorders: list[dict[str, Setting]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take_document(
        self, document: Mapping[str, Any], lines: Mapping[KeyPath, int], file: Path
    ) -> None:
        """Lay one file over what is there: tables merge, scalars and arrays replace."""

        def where(*path: str | int) -> str:
            known = (lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines)
            return f"{file}:{next(known, 1)}"

        for name, content in document.items():
            if name == "recorders":
                self._take_recorders(content, where)
            elif name not in SECTIONS:
                meant = _nearest(name, [*SECTIONS, "recorders"])
                self.problems.append(f"{where(name)}: there is no section [{name}]{meant}")
            elif not isinstance(content, dict):
                self.problems.append(f"{where(name)}: {name} must be a table: [{name}]")
            else:
                self._take_table(name, content, where)

    def take_environment(self, environ: Mapping[str, str]) -> None:
        """Lay `FIELDPOST_SECTION__KEY` variables over what is there."""
        for variable in sorted(environ):
            if not variable.startswith(_PREFIX) or variable.startswith(f"{_PREFIX}GATEWAY_"):
                continue
            name, double, key = variable.removeprefix(_PREFIX).lower().partition("__")
            if not double:
                self._near_miss(variable, name)
            elif name not in _SCHEMAS:
                meant = _nearest(name, SECTIONS)
                self.problems.append(f"env {variable}: there is no section [{name}]{meant}")
            else:
                section = self.sections.setdefault(name, {})
                text = environ[variable]
                value = _from_text(_type_of(_SCHEMAS[name], key), text)
                self._set(section, _SCHEMAS[name], (name, key), value, f"env {variable}")

    def _take_table(self, name: str, content: Mapping[str, Any], where: Any) -> None:
        section = self.sections.setdefault(name, {})
        for key, value in content.items():
            below = _OF_SUBTABLE.get((name, key))
            if below is None:
                self._set(section, _SCHEMAS[name], (name, key), value, where(name, key))
            elif not isinstance(value, dict):
                self.problems.append(f"{where(name, key)}: {key} must be a table: [{name}.{key}]")
            else:
                inner = self.sections.setdefault(below, {})
                for inner_key, inner_value in value.items():
                    place, path = where(name, key, inner_key), (f"{name}.{key}", inner_key)
                    self._set(inner, _SCHEMAS[below], path, inner_value, place)

    def _take_recorders(self, content: Any, where: Any) -> None:
        if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
            self.problems.append(
                f"{where('recorders')}: recorders must be an array of tables: [[recorders]]"
            )
            return
        self.recorders = []
        for index, table in enumerate(content):
            recorder: dict[str, Setting] = {}
            for key, value in table.items():
                origin = where("recorders", index, key)
                self._set(recorder, RecorderConfig, ("recorders", key), value, origin)
            if "url" not in table:
                place = where("recorders", index)
                self.problems.append(f"{place}: this recorder has no url")
            self.recorders.append(recorder)

    def _set(
        self,
        section: dict[str, Setting],
        schema: type[Any],
        path: tuple[str, str],
        value: Any,
        origin: str,
    ) -> None:
        name, key = path
        expected = _type_of(schema, key)
        if expected is None:
            keys = [each.name for each in dataclasses.fields(schema)]
            meant = _unit_meant(key, value, keys) or _nearest(key, keys)
            self.problems.append(f"{origin}: [{name}] has no key {key}{meant}")
        elif value == "" and _default_of(schema, key) == "":
            section[key] = Setting(value="", origin=origin)
        elif complaint := _wrong_type(expected, value):
            self.problems.append(f"{origin}: [{name}] {key} {complaint}")
        else:
            section[key] = Setting(value=expected(value), origin=origin)

    def _near_miss(self, variable: str, name: str) -> None:
        """Refuse FIELDPOST_CLOUD_BASE_URL: it would be ignored, which nobody who wrote it wants."""
        for section in SECTIONS:
            if key := name.removeprefix(f"{section}_") if name.startswith(f"{section}_") else "":
                right = f"{_PREFIX}{section.upper()}__{key.upper()}"
                self.problems.append(f"env {variable}: did you mean {right}?")


def _type_of(schema: type[Any], key: str) -> type[Any] | None:
    """Say what a key holds: str, int, bool or Path; None where there is no such key."""
    hint = typing.get_type_hints(schema).get(key)
    if isinstance(hint, types.UnionType):
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
    return hint


def _default_of(schema: type[Any], key: str) -> Any:
    (found,) = (each for each in dataclasses.fields(schema) if each.name == key)
    return found.metadata.get("built-in", found.default)


def _wrong_type(expected: type[Any], value: Any) -> str | None:
    if expected is bool:
        return None if isinstance(value, bool) else "must be true or false"
    if expected is int:
        return _wrong_number(value)
    if not isinstance(value, str):
        return f"must be text in quotes, not {_shown(value)}"
    if not value or not value.isprintable():
        return "holds a character that cannot be printed" if value else "is empty"
    return None


def _wrong_number(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return None
    number = _bytes_meant(value) if isinstance(value, str) else None
    meant = f"; write {number}" if number is not None else ""
    return f"must be a whole number without quotes, not {_shown(value)}{meant}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _bytes_meant(text: str) -> int | None:
    """Read `8MiB`, `500 MB`, `12` the way its author meant it; None if it is no size."""
    match = _SIZE.fullmatch(text)
    if not match:
        return None
    unit = match.group(2).lower()
    factor = 1 if unit in {"", "bytes"} else _UNITS.get(unit)
    return None if factor is None else int(float(match.group(1)) * factor)


def _unit_meant(key: str, value: Any, keys: Iterable[str]) -> str | None:
    """Explain `max_mb` where the key is `max_bytes`."""
    stem, _, unit = key.rpartition("_")
    unit = unit.lower()
    right = f"{stem}_bytes"
    if right not in keys or unit not in _UNITS:
        return None
    sizes = isinstance(value, int | float) and not isinstance(value, bool)
    figure = f" = {int(value * _UNITS[unit])}" if sizes else ""
    return f"; the unit is bytes: {right}{figure}"


def _nearest(word: str, known: Iterable[str]) -> str:
    names = list(known)
    if near := difflib.get_close_matches(word, names, n=1, cutoff=0.5):
        return f"; did you mean {near[0]}?"
    return f" (there are: {', '.join(names)})"


def _from_text(expected: type[Any] | None, text: str) -> Any:
    """Read an environment variable; what cannot be read stays text, and is refused as such."""
    if expected is bool:
        return _BOOLEANS.get(text.strip().lower(), text)
    if expected is int and re.fullmatch(r"\s*[+-]?\d+\s*", text):
        return int(text)
    return text
