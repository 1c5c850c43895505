"""How long things are kept: uploaded recordings, the audit log, what was counted.

One process at a time sees to it. A recording is deleted only once it is uploaded and was so for all
its days: what is pending, or failed its check, stays until a person decides.
"""

import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from device.clock import Clock
from gateway.config_bounds import BoundsConfig
from gateway.errors import GatewayError
from gateway.model_bounds import ALL_DEVICES, RETENTION, Aged, AuditEntry
from gateway.recordings import RecordingDesk
from gateway.store import Store

logger = logging.getLogger(__name__)

_LEASE = "retention"
_LEASE_S = 300.0
_HOLD_AGAIN_S = 60.0
_JITTER = 0.2
_PAGE = 500
_MOST_DAYS = 36_500
_RATES_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """A recording that was kept for long enough."""

    recording_id: str
    device_id: str | None
    uploaded_at: datetime
    days: int


class Retention:
    """Removes what was kept for long enough."""

    def __init__(
        self,
        store: Store,
        recordings: RecordingDesk,
        clock: Clock,
        bounds: BoundsConfig,
        *,
        process_id: str,
    ) -> None:
        self._store = store
        self._recordings = recordings
        self._clock = clock
        self._bounds = bounds
        self._process_id = process_id

    async def run(self, every_s: float) -> None:
        """Do it again and again until cancelled; what fails is tried the next time."""
        while True:
            # Spread out: gateways that were started together share a store.
            await self._clock.sleep(every_s * random.uniform(1 - _JITTER, 1 + _JITTER))  # noqa: S311 - no secret
            try:
                await self.once()
            except GatewayError as error:
                logger.warning("Retention ended early.", extra={"reason": str(error)})
            except Exception:
                logger.exception("Retention failed.")

    async def once(self, *, dry_run: bool = False) -> list[Outdated]:
        """Remove what is outdated, unless another process does; with `dry_run` only say what.

        Raises:
            Unavailable: The database; what is removed is removed.
        """
        if dry_run:
            return [each async for each in self._outdated()]
        if not await self._held():
            return []
        gone: list[Outdated] = []
        held_at_s = self._clock.monotonic()
        try:
            async for each in self._outdated():
                if self._clock.monotonic() - held_at_s > _HOLD_AGAIN_S:
                    if not await self._held():
                        return gone
                    held_at_s = self._clock.monotonic()
                await self._delete(each)
                gone.append(each)
            await self._forget()
        finally:
            await self._store.leases.drop(_LEASE, self._process_id)
        return gone

    async def _held(self) -> bool:
        return await self._store.leases.hold(_LEASE, self._process_id, _LEASE_S)

    async def _outdated(self) -> AsyncIterator[Outdated]:
        quotas = await self._store.quotas.all()
        general = quotas.pop(ALL_DEVICES, None)
        days = general.retention_days if general is not None else None
        if days is None:
            days = self._bounds.retention_days
        own = {
            subject: quota.retention_days
            for subject, quota in quotas.items()
            if quota.retention_days is not None
        }
        for device_id, own_days in own.items():
            async for aged in self._older(own_days, device_id):
                yield _outdated(aged, own_days)
        async for aged in self._older(days, None):
            if aged.device_id not in own:
                yield _outdated(aged, days)

    async def _older(self, days: int, device_id: str | None) -> AsyncIterator[Aged]:
        """Page through what is uploaded and older than so many days; 0 days are for ever."""
        before = _before(self._clock.now(), days)
        seq, more = 0, days > 0
        while more:
            found = await self._store.ageing.page(
                before, after_seq=seq, limit=_PAGE, device_id=device_id
            )
            for aged in found:
                seq = aged.seq
                yield aged
            more = len(found) == _PAGE

    async def _delete(self, outdated: Outdated) -> None:
        await self._recordings.expire(outdated.recording_id)
        await self._store.audit.note(
            AuditEntry(
                at=self._clock.now(),
                actor=RETENTION,
                action="deleteRecording",
                subject=outdated.recording_id,
                details={
                    "device_id": outdated.device_id,
                    "uploaded_at": outdated.uploaded_at.isoformat(),
                    "retention_days": outdated.days,
                },
            )
        )

    async def _forget(self) -> None:
        now = self._clock.now()
        kept = _before(now, self._bounds.audit_days)
        await self._store.audit.forget(kept)
        await self._store.quotas.forget(kept.date())
        await self._store.rates.forget(now - _RATES_KEPT)


def _before(now: datetime, days: int) -> datetime:
    # The calendar ends: one device's number beyond it must not end everybody's retention.
    return now - timedelta(days=min(days, _MOST_DAYS))


def _outdated(aged: Aged, days: int) -> Outdated:
    return Outdated(
        recording_id=aged.id, device_id=aged.device_id, uploaded_at=aged.uploaded_at, days=days
    )
