"""How large objects are cut for S3."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.config_objects import S3Config
from gateway.objects.s3 import S3Objects

MIB = 1024 * 1024
STORE = S3Objects(S3Config(bucket="bkt", endpoint="http://127.0.0.1:9", key_id="a"), secret=b"s")


@given(st.integers(min_value=1, max_value=5 * 1024**4))
def test_parts_fit_what_s3_takes(size_bytes):
    """Equal parts of whole mebibytes, 5 MiB or more and 10,000 at most; 64 MiB are enough."""
    part_bytes = STORE.part_bytes(size_bytes)
    count = -(-size_bytes // part_bytes)

    assert part_bytes % MIB == 0
    assert part_bytes >= 5 * MIB
    assert count <= 10_000
    assert part_bytes <= 64 * MIB or count > 9_000


def test_the_usual_sizes():
    """Small parts where a link may be bad, few of them where an object is large."""
    sizes = (9 * MIB, 320 * MIB, 1024 * MIB, 16 * 1024 * MIB)

    assert [5, 5, 16, 64] == [STORE.part_bytes(size) // MIB for size in sizes]
