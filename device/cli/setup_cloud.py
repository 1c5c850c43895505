"""Which cloud `setup` takes: asked by what each is for, and our own gateway only if it answers."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from device.cli.setup_talk import TRIES, Talk
from device.cloud_facts import FACTS
from device.config import CloudConfig, Config
from device.config_checks import problems
from device.config_clouds import is_loopback, split
from device.config_file import Loaded
from device.config_values import DEFAULT
from device.errors import CloudError, UsageInvalid


class CloudName(StrEnum):
    """What can be asked for; `gateway` is a Bota-style API at an address of one's own."""

    BOTA = "bota"
    GATEWAY = "gateway"
    SIRO = "siro"
    SIVI = "sivi"
    CRYOMIX = "cryomix"
    SWAYZIO = "swayzio"


ABOUT = {
    CloudName.BOTA: "Bota's cloud: audio and images",
    CloudName.GATEWAY: "a Fieldpost gateway of your own: audio and images",
    CloudName.SIRO: "Siro: MP3, WAV or AAC audio of sales calls",
    CloudName.SIVI: "Sivi: images alone, beside another cloud",
    CloudName.CRYOMIX: "Cryo-Mix: audio for mixing",
    CloudName.SWAYZIO: "Swayzio: music up to 500 MB",
}
_SIVI = "Sivi takes no audio: choose the cloud for audio here; docs/clouds.md shows [cloud.images]"
_OTHER = "as it is"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says of the cloud."""

    name: CloudName | None = None
    base_url: str | None = None
    end_user_id: str | None = None


def decide(
    loaded: Loaded, wishes: Wishes, talk: Talk, answers: Callable[[CloudConfig], str]
) -> CloudConfig:
    """Say where recordings are to go.

    Args:
        loaded: What is configured now.
        wishes: Questions that are answered.
        talk: Who is asked.
        answers: Says in words who answers at a gateway's address.

    Raises:
        CloudError: The gateway does not answer, and nobody is there to take it all the same.
        UsageInvalid: Something is missing, or does not go together.
    """
    present = loaded.config.cloud
    chosen = _chosen(present, wishes, talk)
    if chosen is None:
        return _checked(_with_user(present, wishes, talk))
    if chosen is not CloudName.GATEWAY:
        url = wishes.base_url
        same = chosen == present.api and not (url and normal(url) != present.base_url)
        # The API's own address, unless one was named, now or in the file.
        address = normal(url) if url else present.base_url if same else ""
        if chosen is CloudName.BOTA and not url and _is_gateway(present):
            address, same = "", False
        cloud = present if same else _fresh(present, api=chosen, base_url=address)
        return _checked(_with_user(cloud, wishes, talk))
    for _ in range(TRIES):
        cloud = _gateway(present, wishes, talk)
        talk.say(f"Asking {cloud.base_url} …")
        try:
            talk.say(answers(cloud))
        except CloudError as error:
            if not talk.asks:
                raise
            talk.trouble(error)
            question = "Take this address all the same?"
            if not talk.yes(question, default=False, option="--base-url URL"):
                wishes = replace(wishes, base_url=None)
                continue
        return cloud
    raise UsageInvalid(f"{TRIES} addresses did not answer; nothing was changed", hint="--base-url")


def normal(url: str) -> str:
    """Complete an address: https:// before it and /v1 behind, where a person left them out."""
    url = url.strip().rstrip("/")
    if "://" not in url:
        url = f"https://{url}"
    parts = split(url)
    return f"{url}/v1" if parts is not None and parts.netloc and not parts.path else url


def settings(loaded: Loaded, cloud: CloudConfig, file: str) -> dict[str, object]:
    """Say which keys of [cloud] a file has to hold so that this cloud is the one used.

    Args:
        loaded: What holds now.
        cloud: What is to hold.
        file: The file that is written; what other files say has to be said anew.
    """
    present = loaded.config.cloud
    plain = CloudConfig(api=cloud.api, base_url=cloud.base_url)
    values: dict[str, object] = {}
    for key in CloudConfig.__dataclass_fields__:
        value, origin = getattr(cloud, key), loaded.origins[f"cloud.{key}"]
        told = key in {"api", "base_url"}
        if value == getattr(present, key) and not (told and origin == DEFAULT):
            continue
        elsewhere = origin != DEFAULT and not origin.startswith(f"{file}:")
        if told or elsewhere or value != getattr(plain, key):
            values[key] = value if isinstance(value, bool | int) else str(value)
        else:
            values[key] = None
    return values


def _chosen(present: CloudConfig, wishes: Wishes, talk: Talk) -> CloudName | None:
    """Return the name; None where the cloud stays, and nobody cares whether it answers."""
    if wishes.name is not None:
        return _with_audio(wishes.name)
    known = present.api in set(CloudName)
    if wishes.base_url is not None:
        other = known and present.api != CloudName.BOTA
        return CloudName(present.api) if other else CloudName.GATEWAY
    now = CloudName.GATEWAY if _is_gateway(present) else CloudName(present.api) if known else None
    if not talk.asks:
        return None
    talk.say()
    talk.say("Where recordings go:")
    names = list(CloudName)
    for number, name in enumerate(names, 1):
        talk.say(f"{number}. {name}: {ABOUT[name]}")

    def read(answer: str) -> CloudName | None:
        word = answer.strip().lower()
        if now is None and word == _OTHER:
            return None
        if word.isascii() and word.isdigit() and 1 <= int(word) <= len(names):
            return _with_audio(names[int(word) - 1])
        if word in set(CloudName):
            return _with_audio(CloudName(word))
        raise UsageInvalid(f"type a number from 1 to {len(names)}, or a name")

    return talk.ask("Which cloud?", read, default=now or _OTHER, option="--cloud")


def _with_audio(name: CloudName) -> CloudName:
    if name is CloudName.SIVI:
        raise UsageInvalid(_SIVI, hint="--cloud bota, then [cloud.images] as docs/clouds.md shows")
    return name


def _is_gateway(cloud: CloudConfig) -> bool:
    return cloud.api == CloudName.BOTA and cloud.base_url != FACTS["bota"].base_url


def _gateway(present: CloudConfig, wishes: Wishes, talk: Talk) -> CloudConfig:
    def read(answer: str) -> CloudConfig:
        url = normal(answer)
        same = present.api == CloudName.BOTA and present.base_url.rstrip("/") == url
        cloud = present if same else _fresh(present, api="bota", base_url=url)
        if talk.asks and _in_clear(cloud):
            talk.say("This is plain http://: the box's token can be read on the way.")
            allowed = talk.yes("Send it in clear?", default=False, option="allow_http = true")
            cloud = replace(cloud, allow_http=allowed)
        return _checked(cloud)

    if wishes.base_url is not None:
        return read(wishes.base_url)
    default = present.base_url if _is_gateway(present) else None
    question = "Address of the gateway, such as https://gateway.example.org/v1"
    return talk.ask(question, read, default=default, option="--base-url URL")


def _in_clear(cloud: CloudConfig) -> bool:
    parts = split(cloud.base_url)
    host = (parts.hostname if parts else None) or ""
    plain = cloud.base_url.startswith("http://") and bool(host)
    return plain and not is_loopback(host) and not cloud.allow_http


def _fresh(present: CloudConfig, *, api: str, base_url: str) -> CloudConfig:
    """Make another cloud: what only the one before it needs is not taken along."""
    return CloudConfig(api=str(api), base_url=base_url, token_file=present.token_file)


def _with_user(cloud: CloudConfig, wishes: Wishes, talk: Talk) -> CloudConfig:
    if wishes.end_user_id is not None:
        return replace(cloud, end_user_id=wishes.end_user_id)
    if cloud.api != CloudName.SIRO or (cloud.end_user_id and not talk.asks):
        return cloud
    question = "Whose recordings these are at Siro: user id, e-mail address or +phone"
    user = talk.ask(question, _word, default=cloud.end_user_id or None, option="--end-user-id ID")
    return replace(cloud, end_user_id=user)


def _word(answer: str) -> str:
    if not re.fullmatch(r"\S+", answer) or not answer.isprintable():
        raise UsageInvalid("it is one word without spaces")
    return answer


def _checked(cloud: CloudConfig) -> CloudConfig:
    """Hold a cloud against the configuration's own checks.

    Raises:
        UsageInvalid: It cannot be used.
    """

    def nowhere(_section: str, _key: str) -> str:
        return ""

    if found := next(problems(Config(cloud=cloud), nowhere, ()), None):
        raise UsageInvalid(found.removeprefix(": [cloud] "), hint="fieldpost setup --help")
    return cloud
