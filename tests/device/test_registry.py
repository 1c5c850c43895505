"""Registry: names become implementations only when used."""

import pytest

from device import registry


def test_builtin_name_resolves():
    """A built-in name gives the attribute it stands for."""
    assert registry.resolve("links", {"decoder": "json:loads"}, "decoder")("1") == 1


def test_unknown_name_lists_the_known():
    """An unknown name says what there is instead."""
    with pytest.raises(LookupError, match=r"no drivers is called 'smp' \(there are: native\)"):
        registry.resolve("drivers", {"native": "json:loads"}, "smp")
