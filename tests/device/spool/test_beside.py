"""Pulls beside each other: a long one holds up no other."""

import threading

from device.spool import partial as partials
from device.spool.spool import Spool
from tests.device.spool.recordings import AUDIO, recording


def test_hashing_a_long_prefix_holds_up_no_other_pull(spool: Spool, monkeypatch):
    """While gigabytes of one recording are hashed anew, others are begun, pulled and finished."""
    long, other = spool.begin(recording("aa" * 16)), spool.begin(recording("bb" * 16))
    first = spool.partial(long.id, 0)
    first.append(AUDIO[:1000])
    first.close()
    reached, go_on, read = threading.Event(), threading.Event(), partials.read_from_disk

    def slowly(file):
        reached.set()
        go_on.wait(10)
        return read(file)

    monkeypatch.setattr(partials, "read_from_disk", slowly)
    opening = threading.Thread(target=spool.partial, args=(long.id, 0))
    opening.start()
    reached.wait(10)
    monkeypatch.setattr(partials, "read_from_disk", read)
    done = threading.Event()

    def pull():
        partial = spool.partial(other.id, 0)
        partial.append(AUDIO)
        spool.finish_medium(other.id, 0, partial)
        done.set()

    pulling = threading.Thread(target=pull)
    pulling.start()
    beside = done.wait(2)
    go_on.set()
    for thread in (opening, pulling):
        thread.join(10)

    assert beside
