"""Write the example configuration from the dataclasses, so that it cannot be wrong."""

from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from device.config import RecorderConfig
from device.config_values import SECTIONS

_HEAD = """\
# Fieldpost's configuration, usually /etc/fieldpost/fieldpost.toml.
# Every key is optional; what is commented out shows its default.
# Files in conf.d/*.toml beside it are read next, then variables such as
# FIELDPOST_CLOUD__BASE_URL. Check it with: fieldpost config check
"""
_IMAGES = """\
# Images may go to another cloud than everything else. It takes the keys of [cloud].
# [cloud.images]
# api = "sivi"
# token_file = "/etc/fieldpost/token-images"
"""
_RECORDERS = """\
# One [[recorders]] table for each recorder or folder.
# [[recorders]]
"""
_URLS = ("serial:///dev/serial/by-id/usb-Example_Recorder_AM-07-if00?baud=921600",)


def example() -> str:
    """Return the text of docs/fieldpost.toml."""
    blocks = [_HEAD]
    for name, schema in SECTIONS.items():
        lines = [_about(schema), f"[{name}]"]
        for each in fields(schema):
            shown = each.metadata.get("built-in", getattr(schema(), each.name))
            lines += [f"# {each.metadata['doc']}", f"# {each.name} = {_toml(shown)}"]
        blocks.append("\n".join(lines) + "\n")
        if name == "cloud":
            blocks.append(_IMAGES)
    lines = [_RECORDERS.rstrip()]
    for each in fields(RecorderConfig):
        shown = _URLS[0] if each.name == "url" else _default(each)
        shown = "native" if shown is None else shown
        lines += [f"# # {each.metadata['doc']}", f"# {each.name} = {_toml(shown)}"]
    blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


def _about(schema: type[Any]) -> str:
    return f"# {(schema.__doc__ or '').splitlines()[0]}"


def _default(each: Field[Any]) -> Any:
    return each.default_factory() if each.default_factory is not MISSING else each.default


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str | Path) else str(value)
