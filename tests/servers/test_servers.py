"""The servers themselves: up, strict where the tests lean on it, and whole after a crash."""

import uuid
from urllib.parse import urlsplit

from tests.servers.daemon import call


def test_s3_keeps_what_it_took_over_a_crash(s3):
    """A PUT answered 200 is there after SIGKILL and a new start."""
    key = uuid.uuid4().hex
    status, _, said = s3.call("put_object", b"a recording", Key=key)
    assert status == 200, said

    s3.daemon.restart()

    assert b"a recording" == s3.content(key)


def test_s3_wants_a_signature(s3):
    """A server that lets everybody in proves nothing about what we send."""
    url = urlsplit(s3.presigned("put_object", Key="k"))

    assert 403 == call("PUT", s3.port, url.path, b"x")[0]


def test_gcs_opens_sessions(gcs):
    """Its session URI is what an agent is handed."""
    url = urlsplit(gcs.open_session("a/b"))

    assert gcs.port == url.port
    assert gcs.content("a/b") is None


def test_tus_on_node_says_what_it_speaks(tus_on_node):
    """OPTIONS announces tus 1.0.0."""
    _, headers, _ = call("OPTIONS", tus_on_node.port, "/files")

    assert "1.0.0" == headers["tus-version"]


def test_seaweedfs_says_what_it_speaks(weed):
    """OPTIONS announces tus 1.0.0."""
    _, headers, _ = call("OPTIONS", weed.filer, "/.tus/buckets/recordings/k")

    assert "1.0.0" == headers["tus-version"]
