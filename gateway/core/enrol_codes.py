"""One-time codes that people type at a box: their text, and their hash at rest."""

import hashlib
from datetime import timedelta

LIFE = timedelta(minutes=15)
"""How long a code is good."""

ENTROPY_BYTES = 5

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 8
_HALF = 4
# What people read and type in place of letters that are not in the alphabet.
_TAKEN_FOR = str.maketrans("OIL", "011")
_SALT = b"fieldpost-enrol-code"
_COST = 2**14
_BLOCK = 8


def write_code(entropy: bytes) -> str:
    """Write 40 random bits as `K7QF-2MXP`: no letter in it looks like another or like a digit."""
    number = int.from_bytes(entropy, "big")
    letters = [_ALPHABET[number >> 5 * at & 31] for at in range(_LENGTH)]
    return f"{''.join(letters[:_HALF])}-{''.join(letters[_HALF:])}"


def read_code(typed: str) -> str | None:
    """Read what somebody typed, whatever the case, blanks and hyphens; None if it is no code."""
    letters = typed.upper().translate(_TAKEN_FOR)
    letters = "".join(letter for letter in letters if letter not in " -")
    if len(letters) != _LENGTH or not set(letters) <= set(_ALPHABET):
        return None
    return f"{letters[:_HALF]}-{letters[_HALF:]}"


def code_hash(code: str) -> str:
    """Hash a code for keeping and for finding it; takes about 0.1 s and 16 MiB.

    40 bits are few: with a fast hash, whoever reads the database could try them all within the life
    of a code. The salt is fixed because the code is all there is to find it by.
    """
    return hashlib.scrypt(code.encode(), salt=_SALT, n=_COST, r=_BLOCK, p=1, dklen=32).hex()
