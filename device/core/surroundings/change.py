"""Which changes of the network are worth waking somebody for."""

from dataclasses import replace

from device.surroundings import NetworkState

LOUD_DB = 5
"""By how much a signal changes before it is told at once."""
QUIET_S = 60.0
"""How long smaller changes of it wait."""


def worth_telling(told: NetworkState, now: NetworkState, told_s: float) -> bool:
    """Say whether to tell of `now` who last heard of `told`, `told_s` seconds ago.

    A signal wavers all the time, and nothing else does.
    """
    if replace(told, signal_dbm=None) != replace(now, signal_dbm=None):
        return True
    if told.signal_dbm is None or now.signal_dbm is None:
        return told.signal_dbm != now.signal_dbm
    apart_db = abs(told.signal_dbm - now.signal_dbm)
    return apart_db > LOUD_DB or (apart_db > 0 and told_s >= QUIET_S)
