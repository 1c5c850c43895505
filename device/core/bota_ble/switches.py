"""What a simulated Bota recorder may do differently, or wrong: one switch each (§10)."""

from dataclasses import dataclass
from enum import Enum


class HashForm(Enum):
    """What follows EOF."""

    NONE = 0
    BARE = 1
    """33 bytes: the hash alone."""
    NAMED = 2
    """49 bytes: the hash, and whose it is."""
    FOREIGN = 3
    """49 bytes of another recording."""
    FOREIGN_BARE = 4
    """33 bytes of another recording."""
    WRONG = 5
    """49 bytes that claim to be this recording's and are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Switches:
    """All off is a recorder as its papers describe it.

    Packets are numbered from 0 over the life of the recorder, replays included, so that each fault
    strikes once; `cuts` are numbers within one stream, each of which strikes once as well.
    """

    name: str = "Bota Pin"
    legacy_advertisement: bool = False
    without_facts: bool = False
    """DEVICE_STATUS and STORAGE_INFO in their shortest forms."""
    sync_active: bool = False
    status_unreadable: bool = False
    needs_bond: bool = False
    """The storage service is for paired hosts."""
    mtus: tuple[int, ...] = ()
    """The largest ATT MTU of each connection in turn; the last one stays."""
    encrypted_v2: bool = False
    """0406 is there, and v1 is refused with `v2_code`."""
    v2_code: int = 0x21

    entries_per_notification: int = 0
    """0 is as many as fit."""
    count_prefix: bool = False
    silent_list: bool = False
    list_delay_s: float = 0.0
    lost_lists: int = 0
    """So many listings lose their last notification."""
    repeated_list: bool = False
    no_times: bool = False
    listed_kib: int | None = None
    """A lie about every size."""

    hash_form: HashForm = HashForm.NAMED
    hash_delay_s: float = 0.05
    start_errors: tuple[int | None, ...] = ()
    """Answers to the first STARTs; None is an ERROR without a code."""
    dropped: frozenset[int] = frozenset()
    doubled: frozenset[int] = frozenset()
    truncated: frozenset[int] = frozenset()
    overlong: frozenset[int] = frozenset()
    flipped: frozenset[int] = frozenset()
    """A bit of the payload flips where the radio cannot see it."""
    stalled: frozenset[int] = frozenset()
    stall_s: float = 3.0
    cuts: frozenset[int] = frozenset()
    flipped_checksums: int = 0
    """So many EOFs tell a wrong CRC-32."""
    lost_ends: int = 0
    """So many EOFs never arrive."""
    relay: bool = False
    echo: bool = False

    lenient_confirm: bool = False
    """CONFIRM deletes what was never acknowledged."""
    lost_confirms: int = 0
    provisioning_result: int | None = None
    """What the token is answered with; None follows the papers."""
