"""Ids in Bota's form: a prefix and letters and digits. Randomness is an argument."""

from enum import StrEnum


class Prefix(StrEnum):
    """What an id is the id of."""

    RECORDING = "rec"
    MEDIUM = "med"
    DEVICE = "dev"
    TOKEN = "tok"  # noqa: S105 - a prefix, not a secret
    KEY = "key"
    COMMAND = "cmd"
    ENROL_CODE = "enc"
    REQUEST = "req"
    EVENT = "evt"
    WEBHOOK = "wh"
    DELIVERY = "dlv"
    PHONE = "phn"
    PHONE_CODE = "phc"
    VISIT = "vis"
    PROCESS = "prc"


ENTROPY_BYTES = 16


def make_id(prefix: Prefix, entropy: bytes) -> str:
    """Write an id as `<prefix>_<hex>`; 16 bytes of entropy never meet again."""
    return f"{prefix}_{entropy.hex()}"
