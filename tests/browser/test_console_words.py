"""The console's words keep up with the gateway: nothing that there is lacks a row or a sentence."""

import re
from pathlib import Path
from typing import get_args, get_type_hints

from msgspec import Struct

from gateway.core.settings import OffPeakHours, Settings
from gateway.model import CommandType, Scope
from gateway.model_events import DeliveryStatus, EventType
from gateway.model_phones import VisitState
from gateway.routes.waveform import NoPeaks

CONSOLE = Path(__file__).parents[2] / "gateway" / "web" / "static" / "console"


def told(file: str, name: str) -> set[str]:
    """Give the codes of a table: its names, or the first words of its pairs."""
    table = (CONSOLE / file).read_text().partition(f"const {name} = ")[2].partition(";\n")[0]
    return set(
        re.findall(r'\["([\w:.]*)",', table) or re.findall(r"(?:[{,\n]\s*)(\w+): ", table)
    ) - {""}


def paths(shape: type[Struct], at: str = "") -> set[str]:
    """Give the path of each setting."""
    found = set()
    for name, hint in get_type_hints(shape).items():
        inner = next((each for each in get_args(hint) if isinstance(each, type)), None)
        section = isinstance(inner, type) and issubclass(inner, Struct)
        leaf = not section or inner is OffPeakHours
        found |= {f"{at}{name}"} if leaf else paths(inner, f"{at}{name}.")
    return found


def test_every_setting_can_be_edited():
    """Each setting that the gateway knows has a row, and no row is of another."""
    table = (CONSOLE / "settings_table.js").read_text()
    rows = set(re.findall(r'"((?:connection|upload|audio|power)\.[\w.]+)"', table))

    assert paths(Settings) == rows


def test_every_scope_can_be_given():
    """A key made in the console can have each scope."""
    assert set(Scope) == told("keys.js", "SCOPES")


def test_every_command_can_be_given():
    """Each command has a name for people."""
    assert set(CommandType) == told("device_commands.js", "TYPES")


def test_every_end_of_a_delivery_and_of_a_visit_has_words():
    """What a list shows is never a bare code."""
    assert set(DeliveryStatus) == told("deliveries.js", "STATES")
    assert set(VisitState) == told("phones.js", "VISITS")


def test_every_event_can_be_wanted():
    """A webhook made in the console can want each event that happens by itself."""
    line = (CONSOLE / "webhooks.js").read_text().partition("const TYPES = ")[2].partition(";")[0]

    assert set(EventType) - {EventType.WEBHOOK_TEST} == set(re.findall(r'"([\w.]+)"', line))


def test_every_reason_for_no_waveform_is_explained():
    """Nobody must guess why there is no waveform."""
    assert set(NoPeaks) == told("player.js", "NO_WAVE")
