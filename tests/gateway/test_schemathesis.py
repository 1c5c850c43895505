"""Every route that openapi.json describes answers as described, whatever it is asked."""

import pytest

from tests.gateway.fuzzing import fuzz, served

EXAMPLES = 3
"""For each operation and phase; `make test-schema` asks for more."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway that serves."""
    with served(tmp_path_factory.mktemp("fuzzed") / "gateway") as found:
        yield found


@pytest.mark.timeout(240)
@pytest.mark.parametrize("credential", ["key", "token"])
def test_answers_are_those_described(gateway, tmp_path, credential):
    """No 500, no status, header, type or body but those of the description; nonsense is refused."""
    done = fuzz(gateway, getattr(gateway, credential), tmp_path, examples=EXAMPLES)

    assert 0 == done.returncode, done.stdout + done.stderr
