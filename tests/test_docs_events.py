"""docs/events.md says what is true: its types, routes, settings, commands and metrics."""

import re
from pathlib import Path

from gateway.cli import _parser
from gateway.config_events import EventsConfig, read_events
from gateway.metrics import Metrics
from gateway.model_events import EventType
from gateway.routes.webhooks import ROUTES

TEXT = (Path(__file__).parents[1] / "docs" / "events.md").read_text()


def test_every_type_is_told():
    """And no other."""
    types = set(re.findall(r"`((?:recording|device|webhook)\.[a-z]+)`", TEXT))

    assert set(EventType) == types


def test_every_route_is_told():
    """By its path."""
    told = {
        re.sub(r"\?.*", "", path).replace("{id}", "{}")
        for path in re.findall(r"/v1/(?:webhooks|deliveries|events)[^`\s,]*", TEXT)
    }

    assert {re.sub(r"\{\w+\}", "{}", route.path) for route in ROUTES} == told


def test_its_commands_are_commands():
    """They parse as they stand."""
    commands = re.findall(r"\$ fieldpost-gateway (.+)", TEXT)

    assert commands
    for command in commands:
        _parser().parse_args(command.split())


def test_its_settings_are_settings(tmp_path):
    """Each that it names is read."""
    names = set(re.findall(r"FIELDPOST_GATEWAY_([A-Z_]+)", TEXT))
    creds = tmp_path / "creds"
    creds.touch()
    values = {
        "WEBHOOKS_ALLOW_HTTP": "1",
        "NATS_URL": "nats://nats.example.org:4222",
        "NATS_CREDS_FILE": str(creds),
        "NATS_STREAM": "MINE",
        "EVENTS_KEEP_DAYS": "2",
    }
    read = read_events({f"FIELDPOST_GATEWAY_{name}": text for name, text in values.items()})

    assert set(values) == names
    assert read == EventsConfig(
        allow_http=True,
        nats_url="nats://nats.example.org:4222",
        nats_stream="MINE",
        nats_creds=creds,
        keep_s=2 * 24 * 3600,
    )


def test_its_metrics_are_metrics():
    """Under the names that Prometheus gives them."""
    named = set(re.findall(r"fieldpost_gateway_[a-z_]+", TEXT))
    known = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in Metrics().registry.collect()
    }

    assert set() == named - known
