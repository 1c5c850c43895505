"""How a gateway reaches itself for what phones bring."""

import pytest

from gateway.phone.tunnels import own_origin


@pytest.mark.parametrize(
    ("listening", "came_to", "expected"),
    [
        ("0.0.0.0", "192.0.2.7", "http://127.0.0.1:8470"),  # noqa: S104 - nobody listens
        ("::", "2001:db8::7", "http://[::1]:8470"),
        ("192.0.2.7", "192.0.2.7", "http://192.0.2.7:8470"),
        ("fd00::7", "fd00::7", "http://[fd00::7]:8470"),
        ("localhost", "127.0.0.1", "http://127.0.0.1:8470"),
    ],
)
def test_its_own_key_stays_on_the_machine(listening, came_to, expected):
    """An address that a phone came to can be another machine's a moment later."""
    assert expected == own_origin(listening, (came_to, 8470))
