"""In which order media go up."""

from device.core.uploads.order import digest_medium, sending_order
from tests.fakes.uploads import manifest_of


def test_pictures_first_and_the_digests_medium_last() -> None:
    """Images go before the audio, which the recording's digest stands for."""
    manifest = manifest_of(b"audio", b"one", b"two")

    assert [1, 2, 0] == [m.index for m in sending_order(manifest)]
    assert 0 == digest_medium(manifest).index
