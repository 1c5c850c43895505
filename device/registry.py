"""Lazy tables of implementations: a name costs a string until it is used."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any


def resolve(seam: str, builtin: Mapping[str, str], name: str) -> Any:
    """Import the implementation called `name` of a seam.

    Args:
        seam: The entry-point group is `fieldpost.<seam>`; third parties register there.
        builtin: The seam's own table, name → "module:attribute".
        name: What the configuration asks for.

    Raises:
        LookupError: Neither built in nor installed; the message lists what is.
    """
    if path := builtin.get(name):
        module, _, attribute = path.partition(":")
        return getattr(import_module(module), attribute)
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, rarely needed

    installed = entry_points(group=f"fieldpost.{seam}")
    if name in installed.names:
        return installed[name].load()
    known = ", ".join(sorted({*builtin, *installed.names}))
    raise LookupError(f"no {seam} is called {name!r} (there are: {known})")
