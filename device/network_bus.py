"""What services on the system bus say, remembered until they say that it changed."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from device.bell import Bell

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus
    from dbus_fast.message import Message

logger = logging.getLogger(__name__)

CALL_S = 3.0
"""What the bus may take for a connection, and a service for an answer."""

_BUS = "org.freedesktop.DBus"
_BUS_PATH = "/org/freedesktop/DBus"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"

Properties = Mapping[str, object]
Objects = Mapping[str, Mapping[str, Properties]]


@dataclass(frozen=True, slots=True)
class _Question:
    service: str
    path: str
    interface: str


_ASKING = object()
"""Stands for an answer that is on its way."""


class SystemBus:
    """A connection that is made when asked, and made anew when it broke.

    A signal is only a hint: what it is about is forgotten, and asked for when wanted again. So
    nothing can come out of step with the service.

    Args:
        listened: The interfaces whose properties matter, by the service that has them.
        news: Rings when something is forgotten because it changed.
        address: The bus; by default where the system says that it is.
    """

    def __init__(
        self, listened: Mapping[str, Sequence[str]], news: Bell, address: str | None = None
    ) -> None:
        self._listened = listened
        self._news = news
        self._address = address
        self._bus: MessageBus | None = None
        self._known: dict[_Question, Any] = {}
        self._done: set[_Question] = set()
        self._silent: set[str] = set()

    async def connect(self) -> bool:
        """Connect if that is not done; say whether there is a bus."""
        if self._bus is not None and self._bus.connected:
            return True
        await self.aclose()
        self._bus = await _connected(self._address)
        if self._bus is None:
            return False
        self._bus.add_message_handler(self._heard)
        await asyncio.gather(
            *(
                self._ask(_Question(_BUS, _BUS_PATH, _BUS), _BUS, "AddMatch", "s", [rule])
                for rule in _rules(self._listened)
            )
        )
        return True

    async def properties(self, service: str, path: str, interface: str) -> Properties | None:
        """Return an object's properties; None: there is no such service or object, or no answer.

        It never starts a service that is not there.
        """
        question = _Question(service, path, interface)
        answer = await self._remembered(question, _PROPERTIES, "GetAll", "s", [interface])
        return answer if isinstance(answer, dict) else None

    async def objects(self, service: str, path: str) -> Objects | None:
        """Return a service's objects by path, interface and property; None as for `properties`."""
        question = _Question(service, path, _OBJECTS)
        answer = await self._remembered(question, _OBJECTS, "GetManagedObjects", "", [])
        return answer if isinstance(answer, dict) else None

    async def once(self, service: str, path: str, method: str, signature: str, body: Any) -> None:
        """Call a method (`interface.Member`), unless that was done since the service came.

        It may be refused, which is nobody's trouble.
        """
        question = _Question(service, path, method)
        if question not in self._done:
            self._done.add(question)
            interface, _, member = method.rpartition(".")
            await self._ask(question, interface, member, signature, body)

    def forget(self) -> None:
        """Ask for everything anew, in case a signal was lost.

        A service that owed an answer costs the connection: what waits for it goes with that.
        """
        self._known.clear()
        if self._silent and self._bus is not None:
            self._silent.clear()
            self._bus.disconnect()

    async def aclose(self) -> None:
        """Disconnect and forget. Never raises."""
        bus, self._bus = self._bus, None
        self._known.clear()
        self._done.clear()
        self._silent.clear()
        if bus is None:
            return
        bus.disconnect()
        try:
            async with asyncio.timeout(CALL_S):
                await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # it says not
        except (OSError, EOFError):
            logger.debug("The system bus had ended before")

    async def _remembered(
        self, question: _Question, interface: str, member: str, signature: str, body: list[Any]
    ) -> Any:
        if question in self._known:
            return self._known[question]
        self._known[question] = _ASKING
        try:
            answer = await self._ask(question, interface, member, signature, body)
        finally:
            # What changed while it was asked is not remembered: the answer may be of before.
            fresh = self._known.get(question) is _ASKING
            if fresh:
                del self._known[question]
        if fresh:
            self._known[question] = answer
        return answer

    async def _ask(
        self, question: _Question, interface: str, member: str, signature: str, body: list[Any]
    ) -> Any:
        from dbus_fast.constants import MessageFlag, MessageType  # noqa: PLC0415 - heavy
        from dbus_fast.errors import DBusFastError  # noqa: PLC0415 - as above
        from dbus_fast.message import Message  # noqa: PLC0415 - as above
        from dbus_fast.unpack import unpack_variants  # noqa: PLC0415 - as above

        bus = self._bus
        if bus is None or not bus.connected or question.service in self._silent:
            return None
        try:
            message = Message(
                destination=question.service,
                path=question.path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
                flags=MessageFlag.NO_AUTOSTART,
            )
            async with asyncio.timeout(CALL_S):
                answer = await bus.call(message)
        except TimeoutError:
            self._silent.add(question.service)
            logger.warning(
                "A service on the system bus does not answer",
                extra={"service": question.service, "duration_s": CALL_S},
            )
            return None
        except (DBusFastError, OSError, EOFError) as error:
            logger.debug("The system bus failed", extra={"error": str(error)})
            return None
        if answer.message_type is not MessageType.METHOD_RETURN:
            return None
        return unpack_variants(answer.body[0]) if answer.body else None

    def _heard(self, message: "Message") -> None:
        path = message.path or ""
        match message.member, message.body:
            case "PropertiesChanged", [str(interface), *_]:
                # Objects come with the properties of everything that lies below them.
                self._drop(
                    lambda known: (
                        (known.path, known.interface) == (path, interface)
                        or (known.interface == _OBJECTS and path.startswith(known.path))
                    )
                )
            case "InterfacesAdded" | "InterfacesRemoved", _:
                self._drop(lambda known: known.interface == _OBJECTS)
            case "NameOwnerChanged", [str(service), *_]:
                self._silent.discard(service)
                self._done = {done for done in self._done if done.service != service}
                self._drop(lambda known: known.service == service)
            case _:
                return

    def _drop(self, concerned: Callable[[_Question], bool]) -> None:
        stale = [known for known in self._known if concerned(known)]
        for known in stale:
            del self._known[known]
        if stale:
            self._news.ring()


async def _connected(address: str | None) -> "MessageBus | None":
    from dbus_fast.aio import MessageBus  # noqa: PLC0415 - heavy, and not every box has a bus
    from dbus_fast.constants import BusType  # noqa: PLC0415 - as above
    from dbus_fast.errors import DBusFastError  # noqa: PLC0415 - as above

    try:
        bus = MessageBus(bus_address=address, bus_type=BusType.SYSTEM)
        async with asyncio.timeout(CALL_S):
            return await bus.connect()
    except (DBusFastError, OSError, EOFError) as error:  # TimeoutError is an OSError
        logger.debug("There is no system bus", extra={"error": str(error)})
        return None


def _rules(listened: Mapping[str, Sequence[str]]) -> list[str]:
    """Return match rules for signals that matter, and no others: each one wakes the process."""
    changed = f"type='signal',interface='{_PROPERTIES}',member='PropertiesChanged'"
    owned = f"type='signal',sender='{_BUS}',interface='{_BUS}',member='NameOwnerChanged'"
    rules = []
    for service, interfaces in listened.items():
        rules.append(f"{owned},arg0='{service}'")
        for interface in interfaces:
            if interface == _OBJECTS:
                rules.append(f"type='signal',sender='{service}',interface='{_OBJECTS}'")
            else:
                rules.append(f"{changed},sender='{service}',arg0='{interface}'")
    return rules
