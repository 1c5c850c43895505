"""What operators see: health, metrics, logs, headers, the API's description."""

import asyncio
import json
import logging
import os
from pathlib import Path

import msgspec
import pytest

import gateway
from gateway.errors import GatewayError, StorageFull
from gateway.logs import JsonLines
from gateway.openapi import describe, written
from gateway.routes.table import ROUTES

COMMITTED = Path(gateway.__file__).parent / "openapi.json"


@pytest.mark.asyncio
async def test_livez_depends_on_nothing(api):
    """A process that answers is alive."""
    answer = await api.call("GET", "/livez", token="")

    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.asyncio
async def test_readyz_names_each_check(api):
    """All checks are listed when all is well."""
    answer = await api.call("GET", "/readyz", token="")

    assert answer.status == 200
    assert answer.json["checks"] == {"store": "ok", "objects": "ok", "draining": "ok"}


@pytest.mark.asyncio
async def test_readyz_says_what_is_wrong(api, monkeypatch):
    """A full object store takes this gateway out of the rotation."""

    async def full():
        raise StorageFull("the object store is full")

    monkeypatch.setattr(api.gateway.objects, "ping", full)
    answer = await api.call("GET", "/readyz", token="")

    assert answer.status == 503
    assert answer.json["checks"]["objects"] == "the object store is full"


@pytest.mark.asyncio
@pytest.mark.parametrize("folder", ["objects", "parts", "rejected"])
async def test_readyz_names_a_folder_that_cannot_be_written_to(api, monkeypatch, folder):
    """A folder of somebody else's is told before a recording meets it."""
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path.name != folder and may(path, mode))
    answer = await api.call("GET", "/readyz", token="")

    assert answer.status == 503
    assert f"may not write to {folder} of" in answer.json["checks"]["objects"]
    assert "FIELDPOST_GATEWAY_DATA" in answer.json["checks"]["objects"]


@pytest.mark.asyncio
async def test_readyz_does_not_wait_for_a_hanging_store(api, monkeypatch):
    """A check that hangs is a failed check."""
    monkeypatch.setattr("gateway.routes.health._CHECK_S", 0.01)
    monkeypatch.setattr(api.gateway.store, "ping", asyncio.Event().wait)
    answer = await api.call("GET", "/readyz", token="")

    assert answer.status == 503
    assert answer.json["checks"]["store"].startswith("no answer")


@pytest.mark.asyncio
async def test_readyz_is_false_while_draining(api):
    """A gateway about to stop asks for no more requests."""
    api.gateway.draining = True
    answer = await api.call("GET", "/readyz", token="")

    assert (answer.status, answer.json["checks"]["draining"]) == (503, "about to stop")


@pytest.mark.asyncio
async def test_metrics_label_routes_not_ids(api):
    """Counters carry route templates, never what was asked for."""
    await api.call("GET", "/v1/recordings/rec_secret")
    await api.call("GET", "/nowhere/rec_secret")
    text = (await api.call("GET", "/metrics", token="")).body.decode()

    assert 'route="/v1/recordings/{recording_id}",status="404"' in text
    assert 'route="unmatched",status="404"' in text
    assert "rec_secret" not in text
    assert "fieldpost_gateway_received_bytes_total 0.0" in text


@pytest.mark.asyncio
async def test_every_answer_tells_the_time_and_its_request(api):
    """Clients learn the time from Date; a given request id comes back."""
    answer = await api.call("GET", "/livez", headers={"X-Request-ID": "r-1"})
    made = await api.call("GET", "/livez", headers={"X-Request-ID": "no good id"})

    assert "GMT" in answer.headers["Date"]
    assert answer.headers["X-Request-ID"] == "r-1"
    assert made.headers["X-Request-ID"].startswith("req_")


@pytest.mark.asyncio
async def test_unknown_paths_and_methods_are_problems(api):
    """Also what no route answers comes in both error shapes."""
    missing = await api.call("GET", "/v1/nothing")
    method = await api.call("PATCH", "/v1/recordings")

    assert (missing.status, missing.code) == (404, "not_found")
    assert (method.status, method.code) == (405, "method_not_allowed")
    assert set(method.headers["Allow"].split(",")) >= {"GET", "POST"}


@pytest.mark.asyncio
async def test_a_fault_of_ours_is_a_500_with_a_request_id(api, monkeypatch):
    """A bug answers with a problem, tells nothing, and is found in the log."""

    async def broken(*_, **__):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(api.gateway.recordings, "find", broken)
    answer = await api.call("GET", "/v1/recordings/rec_0")

    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"secret detail" not in answer.body


@pytest.mark.asyncio
async def test_the_access_log_holds_no_secret(api, caplog):
    """One line per request, with the route's template and neither query nor token."""
    caplog.set_level(logging.INFO)
    target = await api.target(await api.recording(), b"x" * 10)
    await api.ask(target["upload_url"], 10)
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    text = json.dumps(lines)

    assert lines[-1]["route"] == "/v1/uploads/{medium_id}"
    assert lines[-1]["status"] == 308
    assert "signature" not in text
    assert api.token not in text


@pytest.mark.asyncio
async def test_the_description_is_served(api):
    """What is committed is what is served."""
    answer = await api.call("GET", "/openapi.json", token="")

    assert answer.body == COMMITTED.read_bytes()


@pytest.mark.asyncio
async def test_version_says_what_runs(api):
    """The version is the package's."""
    answer = await api.call("GET", "/version", token="")

    assert answer.json["name"] == "fieldpost-gateway"


def test_the_committed_description_is_current():
    """gateway/openapi.json is what the code says (`fieldpost-gateway openapi` rewrites it)."""
    assert written() == COMMITTED.read_bytes()


def test_every_operation_is_described():
    """Each has an id of its own, examples, and problem responses."""
    operations = [o for path in describe()["paths"].values() for o in path.values()]

    assert len({o["operationId"] for o in operations}) == len(ROUTES)
    for operation in operations:
        assert "application/problem+json" in str(operation["responses"])
        for content in _json_contents(operation):
            assert "example" in content


def test_every_example_is_of_its_shape():
    """Examples decode as the structs they illustrate."""
    for route in ROUTES:
        if route.body is not None:
            msgspec.convert(route.example, route.body)
        for answer in route.answers:
            if answer.body is not None:
                msgspec.convert(answer.example, answer.body)


@pytest.mark.asyncio
async def test_a_probe_that_goes_well_is_no_line_in_the_log(api, caplog):
    """The watchdog asks all day long: a log full of that hides what happened."""
    caplog.set_level("INFO")
    await api.call("GET", "/livez")
    await api.call("GET", "/version")

    assert ["/version"] == [r.route for r in caplog.records if r.name == "gateway.access"]


def test_every_error_is_a_gateway_error_with_its_own_words():
    """No two errors share code and status; all derive from one base."""
    kinds = _below(GatewayError)
    named = [(kind.status, kind.code) for kind in kinds]

    assert len(set(named)) == len(named)
    assert all(kind.title for kind in kinds)


def _json_contents(operation):
    bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
    return [
        b["content"]["application/json"]
        for b in bodies
        if "application/json" in b.get("content", {})
    ]


def _below(kind):
    return [each for sub in kind.__subclasses__() for each in (sub, *_below(sub))]
