"""What can be done with settings of devices: read them merged, replace or change one level."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from device.clock import Clock
from gateway.core import settings
from gateway.errors import InvalidRequest
from gateway.store import Store

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What a device is told: `value`, which level each setting is of, what its own level says.

    `version` grows with every change of a level that counts.
    """

    value: Mapping[str, Any]
    origins: Mapping[str, str]
    own: Mapping[str, Any]
    version: int


class SettingsDesk:
    """The use cases of settings; a level is a device's id, or `settings.GATEWAY` for all."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def read(self, level: str) -> Merged:
        """Merge what holds for all devices with a level's own."""
        if level == settings.GATEWAY:
            (general,) = await self._store.settings.levels([level])
            value, origins = settings.merged(general.document, {})
            return Merged(
                value=value, origins=origins, own=general.document, version=general.version
            )
        general, own = await self._store.settings.levels([settings.GATEWAY, level])
        value, origins = settings.merged(general.document, own.document)
        return Merged(
            value=value,
            origins=origins,
            own=own.document,
            # Both only ever grow: their sum changes with each.
            version=general.version + own.version,
        )

    async def replace(self, level: str, document: Mapping[str, Any]) -> Merged:
        """Put a document in place of a level's own.

        Raises:
            InvalidRequest: Something in it is no setting or out of its range; names all of it.
        """
        return await self._change(level, {}, document)

    async def patch(self, level: str, patch: Mapping[str, Any]) -> Merged:
        """Change a level's own: objects are merged deeply, null removes.

        Raises:
            InvalidRequest: See `replace`; nothing is changed then.
        """
        return await self._change(level, None, patch)

    async def _change(
        self, level: str, base: Mapping[str, Any] | None, patch: Mapping[str, Any]
    ) -> Merged:
        change = partial(_changed, base=base, patch=patch)
        written = await self._store.settings.change(level, change, self._clock.now())
        logger.info(
            "Settings were written.", extra={"level": level, "settings_version": written.version}
        )
        return await self.read(level)


def _changed(
    own: Mapping[str, Any], *, base: Mapping[str, Any] | None, patch: Mapping[str, Any]
) -> dict[str, Any]:
    document = settings.patched(own if base is None else base, patch)
    wrongs = settings.wrongs(document)
    if wrongs:
        raise InvalidRequest(
            "; ".join(f"{each.field}: {each.reason}" for each in wrongs),
            details={
                "field": wrongs[0].field,
                "fields": [{"field": each.field, "reason": each.reason} for each in wrongs],
            },
        )
    return document
