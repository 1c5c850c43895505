"""Closing a spool: whoever opens it next is alone with it."""

import threading

from device.spool import moves
from tests.device.spool.recordings import AUDIO, IMAGE, recording


def test_the_lock_is_held_until_the_last_step_has_ended(reopen, monkeypatch):
    """A seal under way in another thread, its task cancelled, ends before the lock is given up."""
    spool = reopen()
    entry = spool.begin(recording())
    for index, content in enumerate((AUDIO, IMAGE)):
        partial = spool.partial(entry.id, index)
        partial.append(content)
        spool.finish_medium(entry.id, index, partial)
    reached, go_on, closed = threading.Event(), threading.Event(), threading.Event()
    write_file = moves.write_file

    def slowly(*args):
        reached.set()
        go_on.wait(10)
        write_file(*args)

    def close():
        spool.close()
        closed.set()

    monkeypatch.setattr(moves, "write_file", slowly)
    threads = [
        threading.Thread(target=spool.seal, args=(entry.id,)),
        threading.Thread(target=close),
    ]
    threads[0].start()
    reached.wait(10)
    threads[1].start()
    early = closed.wait(0.2)
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert not early
    assert closed.is_set()
