"""Which recorders `setup` takes, and what becomes of a recording there once it is in the cloud."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from device.cli.setup_talk import Talk
from device.config import Config, RecorderConfig
from device.config_checks import DRIVER_OF_SCHEME, problems
from device.errors import UsageInvalid
from device.words import count

if TYPE_CHECKING:
    from device.cli.around import Around, Found

RELEASE = "delete"
_NONE = "none"
_ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A recorder that may be taken: configured, or seen just now, or both."""

    recorder: RecorderConfig
    configured: bool
    sure: bool
    about: str


def decide(
    config: Config,
    named: Sequence[str],
    release: str | None,
    talk: Talk,
    look: "Callable[[], Around | None]",
) -> tuple[RecorderConfig, ...]:
    """Say which recorders there are to be: those that stay first, then new ones.

    Args:
        config: What is configured now.
        named: Urls or folders from the command line, to be added; they answer the question.
        release: For all of them; None asks for each.
        talk: Who is asked.
        look: Looks around; None where nothing could be looked at.

    Raises:
        UsageInvalid: What was named is no recorder.
    """
    if named:
        seen = look() if any(each.startswith("ble:") for each in named) else None
        wanted = list(config.recorders)
        for text in named:
            recorder = _known(read_recorder(text), seen)
            if recorder.url not in {each.url for each in wanted}:
                wanted.append(recorder)
    elif talk.asks:
        wanted = _asked(config, look(), talk)
    else:
        wanted = list(config.recorders)
    return tuple(
        _released(each, release, talk, new=each not in config.recorders) for each in wanted
    )


def read_recorder(text: str) -> RecorderConfig:
    """Make a recorder of a url, or of the path of a folder.

    Raises:
        UsageInvalid: It is neither.
    """
    url = f"folder://{quote(str(Path(text)))}" if text.startswith("/") else text
    recorder = RecorderConfig(url=url, release=RELEASE)
    if wrong := complaint(recorder):
        raise UsageInvalid(f"{text}: {wrong}", hint="fieldpost scan shows the urls of recorders")
    return recorder


def complaint(recorder: RecorderConfig) -> str | None:
    """Say what the configuration's own checks have against a recorder."""

    def nowhere(_section: str, _key: str) -> str:
        return ""

    found = next(problems(Config(recorders=(recorder,)), nowhere, (nowhere,)), None)
    return found.removeprefix(": [[recorders]] ") if found else None


def _known(recorder: RecorderConfig, seen: "Around | None") -> RecorderConfig:
    """Give a recorder the driver that what was seen asks for."""
    for each in seen.found if seen else ():
        if each.recorder.url == recorder.url and each.driver == "bota":
            return replace(recorder, driver=each.driver)
    return recorder


def _asked(config: Config, around: "Around | None", talk: Talk) -> list[RecorderConfig]:
    candidates = _candidates(config, around.found if around else ())
    wanted: list[RecorderConfig] = []
    if candidates:
        talk.say()
        for number, each in enumerate(candidates, 1):
            talk.say(f"{number}. {each.recorder.url}")
            talk.say(each.about, indent="   ")
        taken = [n for n, each in enumerate(candidates, 1) if each.configured] or [
            n for n, each in enumerate(candidates, 1) if each.sure
        ]
        numbers = talk.ask(
            "Which of these? Numbers with commas, all, or none",
            lambda answer: _numbers(answer, len(candidates)),
            default=", ".join(map(str, taken)) or _NONE,
            option="--recorder URL",
        )
        wanted = [candidates[number - 1].recorder for number in numbers]
    else:
        talk.say("No recorder was found. One that is plugged in later can be added then.")
    question = "A folder that recordings come into, or the url of another recorder"
    while True:
        more = talk.ask(
            question,
            lambda answer: None if answer.lower() == _NONE else read_recorder(answer),
            default=_NONE,
            option="--recorder URL",
        )
        if more is None:
            return wanted
        question = "One more folder or url"
        if more.url in {each.url for each in wanted}:
            talk.say("That one is taken already.")
            continue
        wanted.append(more)
        path = unquote(urlsplit(more.url).path)
        if more.url.startswith("folder:") and not Path(path).is_dir():
            talk.say(f"{path} is not there yet: create it, or mount its disk.")


def _candidates(config: Config, found: "Sequence[Found]") -> list[Candidate]:
    """List what is configured, in its order, then what is new."""
    seen = {each.recorder.url: each for each in found}
    configured = [
        Candidate(
            recorder=each,
            configured=True,
            sure=True,
            about=", ".join(["configured", *_about(seen.get(each.url))]),
        )
        for each in config.recorders
    ]
    new = [
        Candidate(
            recorder=replace(
                each.recorder,
                release=RELEASE,
                # What the scheme means anyway need not be written.
                driver=each.driver if each.driver == "bota" else None,
            ),
            configured=False,
            sure=_sure(each),
            about=", ".join(_about(each)),
        )
        for each in found
        if not each.configured_for
    ]
    return [*configured, *new]


def _sure(found: "Found") -> bool:
    """Whether it is one, or may well be: a port of the board itself is anything."""
    return hasattr(found.seen, "address") or getattr(found.seen, "usb_id", None) is not None


def _about(found: "Found | None") -> list[str]:
    if found is None:
        return []
    from device.links.finding import Nearby  # noqa: PLC0415 - only after a look around

    seen = found.seen
    if isinstance(seen, Nearby):
        signal = [] if seen.rssi_dbm is None else [f"{seen.rssi_dbm} dBm"]
        return [seen.name or "no name", "Bluetooth", *signal, f"driver {found.driver}"]
    usb = [f"USB {seen.usb_id}"] if seen.usb_id else ["no USB: may be anything"]
    return [seen.description or "serial port", *usb]


def _numbers(answer: str, most: int) -> list[int]:
    word = answer.strip().lower()
    if word == _NONE:
        return []
    if word == _ALL:
        return list(range(1, most + 1))
    parts = answer.replace(",", " ").split()
    numbers = {int(part) for part in parts if part.isascii() and part.isdigit()}
    if len(parts) == 0 or not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageInvalid("type numbers such as 1, 2")
    if not all(1 <= number <= most for number in numbers):
        raise UsageInvalid(f"there is {count(most, 'recorder')} to choose from")
    return sorted(numbers)


def _released(
    recorder: RecorderConfig, release: str | None, talk: Talk, *, new: bool
) -> RecorderConfig:
    def read(answer: str) -> RecorderConfig:
        chosen = replace(recorder, release=answer)
        if wrong := complaint(chosen):
            raise UsageInvalid(wrong, hint="--release delete")
        return chosen

    if release is not None:
        return read(release)
    if not new and not talk.asks:
        return recorder
    folder = (recorder.driver or DRIVER_OF_SCHEME.get(recorder.url.partition(":")[0])) == "folder"
    talk.say()
    talk.say(recorder.url)
    ways = "delete, keep or archive:/path" if folder else "delete or keep"
    question = f"What becomes of a recording here once the cloud has it: {ways}"
    return talk.ask(question, read, default=recorder.release, option="--release")
