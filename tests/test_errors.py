"""Every error of the agent has the one base, a sentence of its own, and a code of its own."""

import importlib
import pkgutil
from pathlib import Path

import pytest

import device
from device import errors
from device.cli.exit_codes import EXIT_CODES
from device.errors import FieldpostError


def modules():
    for found in pkgutil.walk_packages(device.__path__, "device."):
        if found.name != "device.simulate.recordings":  # needs an extra
            yield importlib.import_module(found.name)


def exception_classes() -> list[type[BaseException]]:
    found = {
        item
        for module in modules()
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, BaseException)
        and item.__module__.startswith("device")
    }
    return sorted(found, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}")


@pytest.mark.parametrize("kind", exception_classes(), ids=lambda kind: kind.__qualname__)
def test_every_exception_is_one_of_ours(kind):
    """One base for all, a contract in the docstring, an exit code that help explains."""
    assert issubclass(kind, FieldpostError)
    assert (kind.__doc__ or "").strip()
    assert kind.exit_code in EXIT_CODES


def test_codes_are_unique():
    """A program that reads `code` knows the class."""
    public = [kind for kind in exception_classes() if not kind.__name__.startswith("_")]
    codes = [kind.code for kind in public]

    assert sorted(set(codes)) == sorted(codes)


def test_the_tree_on_the_page_is_the_tree():
    """The docstring of errors.py names every class of the module."""
    tree = errors.__doc__ or ""
    own = [kind.__name__ for kind in exception_classes() if kind.__module__ == "device.errors"]

    assert [] == [name for name in own if f" {name} " not in f" {tree.replace(chr(10), ' ')} "]


def test_exceptions_live_on_one_page():
    """Outside errors.py an exception class is private to what raises it, or a surface's own."""
    elsewhere = {
        kind.__qualname__: Path(kind.__module__.replace(".", "/"))
        for kind in exception_classes()
        if kind.__module__ != "device.errors" and not kind.__qualname__.startswith("_")
    }

    assert {} == {
        name: place for name, place in elsewhere.items() if Path("device/cli") not in place.parents
    }
