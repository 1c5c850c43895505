"""Model: the identity of recordings."""

from hypothesis import given
from hypothesis import strategies as st

from device.model import RecorderId, RecordingKey

keys = st.builds(
    RecordingKey,
    recorder=st.text(max_size=8).map(RecorderId),
    recording=st.text(max_size=8),
    generation=st.integers(0, 2**64 - 1),
)


@given(keys, keys)
def test_entry_id_is_the_key(one: RecordingKey, other: RecordingKey):
    """Two keys share an entry id exactly when they are equal: no field runs into the next."""
    assert (one == other) == (one.entry_id() == other.entry_id())


def test_entry_id_is_pinned():
    """The entry id of a known key never changes between releases: it names things in the cloud."""
    key = RecordingKey(recorder=RecorderId("native:AM-07"), recording="00" * 16, generation=3)

    assert key.entry_id() == "159a16ef726d35d5de484d376ba710b6"
