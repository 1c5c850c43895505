"""The page on clouds: its configurations work, and it names what the facts name."""

import re
from pathlib import Path

import pytest

from device.cloud_facts import FACTS
from device.config_file import load

PAGE = (Path(__file__).parent.parent / "docs" / "clouds.md").read_text()


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_every_configuration_is_good(tmp_path: Path, block: str) -> None:
    """What the page tells to write down passes `config check`."""
    file = tmp_path / "fieldpost.toml"
    file.write_text(block)

    loaded = load(file, {}, needs_token=False)

    assert loaded.config.cloud.api in FACTS


@pytest.mark.parametrize("api", sorted(FACTS))
def test_every_api_has_its_row(api: str) -> None:
    """Each API that is built in is in the first table."""
    assert f"| `{api}` |" in PAGE


def test_defaults_are_those_of_the_facts() -> None:
    """Paths and ranges on the page are the ones that are checked."""
    for facts in FACTS.values():
        assert facts.finalize_path in PAGE
        for bound in facts.url_life_s or ():
            assert str(bound) in PAGE
