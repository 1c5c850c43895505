"""A recorder that has used up its quota waits, says why, and holds up nobody else's."""

import pytest

from gateway.core.tunnel import Standing
from gateway.model_bounds import Quota
from tests.gateway.phone.recorders import AUDIO, SHORT, NativeRecorder, switched_on
from tests.gateway.phone.test_syncing import contents, held

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    ("quota", "said"),
    [
        (Quota(recordings_per_day=1), "quota_exceeded: 1 recordings were made on this day"),
        (Quota(storage_bytes=2 * len(AUDIO) - 1), "storage_quota_exceeded: more than"),
    ],
)
async def test_others_are_not_held_up(api, phone, quota, said):
    """What the cloud asks of one recorder's owner is not asked of all that phones bring."""
    full_id, _ = await api.device("FP0001")
    await api.gateway.store.quotas.write(full_id, quota, api.gateway.clock.now())
    full = NativeRecorder({(b"A" * 16, 1): (AUDIO,), (b"B" * 16, 1): (AUDIO[::-1],)})
    other = NativeRecorder({(b"C" * 16, 1): (SHORT,), (b"D" * 16, 1): (AUDIO,)}, serial="FP0002")
    async with switched_on(full, other), phone.page() as page:
        channel = page.connect(full.gatt())
        waits = await page.hear(
            Standing,
            lambda s: s.channel == channel and any(said in row.message for row in s.recordings),
        )
        done = await page.all_released(page.connect(other.gatt()), 2)

    assert {"sending"} == {row.state for row in waits.recordings if row.message}
    assert ("FP0002", 0) == (done.recorder, other.left)
    assert set(held(other)) <= set(await contents(api))
