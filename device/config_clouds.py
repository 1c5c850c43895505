"""Say what is wrong with the clouds of a configuration: addresses, limits, what each takes."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from device.cloud_facts import FACTS, ApiFacts
from device.config import CloudConfig, Config

TABLE_OF = {"cloud_images": "cloud.images"}
"""Section → the table that is written for it, where they differ."""


Complaints = Iterator[tuple[str, str]]
"""(key, complaint)"""


def clouds(config: Config) -> tuple[tuple[str, CloudConfig], ...]:
    """List the clouds that recordings go to, by section."""
    images = config.cloud_images
    return (("cloud", config.cloud), *((("cloud_images", images),) if images else ()))


def cloud_problems(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield (section, key, complaint) for everything about clouds that cannot work."""
    for section, cloud in clouds(config):
        # An unknown API has no address of its own, and one complaint is enough.
        known = cloud.api in FACTS or cloud.base_url
        address = _base_url(cloud) if known else ()
        for key, complaint in (*_cloud(cloud), *address, *_extras(cloud)):
            yield section, key, complaint
    yield from _together(config)


def cloud_doubts(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield (section, key, sentence) for what works and is probably not meant."""
    for section, cloud in clouds(config):
        if cloud.allow_http and urlsplit(cloud.base_url).scheme == "http":
            yield section, "allow_http", "lets the credential travel unencrypted"
        facts = FACTS.get(cloud.api)
        if facts is None or facts.content_types is None:
            continue
        # A Bota recorder has audio alone, whatever the cloud of images takes.
        if section != "cloud_images" or any(r.driver != "bota" for r in config.recorders):
            takes = f'is "{cloud.api}", which takes {_words(facts.content_types)} only:'
            kind = "image" if section == "cloud_images" else "file"
            yield section, "api", f"{takes} recordings with another kind of {kind} are put aside"
    facts = FACTS.get(config.cloud.api)
    if facts is not None and "image" not in facts.takes and config.cloud_images is None:
        yield (
            "cloud",
            "api",
            (
                f'is "{config.cloud.api}", which takes no images: recordings that have some are'
                " put aside; give images a cloud of their own under [cloud.images]"
            ),
        )


def _words(content_types: Mapping[str, str]) -> str:
    words = set(content_types.values())
    if "jpeg" in words:
        words.discard("jpg")  # two words of Sivi's for one kind
    return ", ".join(sorted(words))


def _cloud(cloud: CloudConfig) -> Complaints:
    if complaint := unknown("cloud", tuple(FACTS), cloud.api):
        yield "api", complaint
    if not cloud.token_file.is_absolute():
        yield "token_file", "must be an absolute path"


def _extras(cloud: CloudConfig) -> Complaints:
    """Check the keys that belong to some APIs only."""
    facts = FACTS.get(cloud.api)
    if facts is None:
        return
    if cloud.finalize_path and not facts.finalize_path:
        yield "finalize_path", f"is for siro and sivi, not for {cloud.api}"
    if cloud.oauth_url and cloud.api != "siro":
        yield "oauth_url", f"is for siro, not for {cloud.api}"
    elif cloud.oauth_url:
        url = split(cloud.oauth_url)
        host = (url.hostname if url is not None else None) or ""
        plain = cloud.allow_http or is_loopback(host)
        if not host or url is None or url.scheme not in ({"https", "http"} if plain else {"https"}):
            yield "oauth_url", "must begin with https://: a secret travels to it"
    if cloud.url_life_s:
        yield from _url_life(cloud, facts)
    if cloud.device_id and cloud.api != "bota":
        yield "device_id", f"is for bota, not for {cloud.api}"
    if cloud.end_user_id and cloud.api not in {"bota", "siro"}:
        yield "end_user_id", f"is for bota and siro, not for {cloud.api}"
    if cloud.api == "siro" and not cloud.end_user_id:
        yield (
            "end_user_id",
            "is missing: put in the Siro user's id, e-mail address or +phone it records for",
        )


def _url_life(cloud: CloudConfig, facts: ApiFacts) -> Complaints:
    if facts.url_life_s is None:
        yield "url_life_s", f"is for sivi and cryomix; {cloud.api} decides by itself"
        return
    least, most = facts.url_life_s
    if not least <= cloud.url_life_s <= most:
        yield "url_life_s", f"is {cloud.url_life_s}; {cloud.api} takes {least} to {most} seconds"


def _together(config: Config) -> Iterator[tuple[str, str, str]]:
    """Complain about clouds that do not go together: (section, key, complaint)."""
    main, images = config.cloud, config.cloud_images
    facts = FACTS.get(main.api)
    if facts is not None and "audio" not in facts.takes:
        yield (
            "cloud",
            "api",
            (
                f'is "{main.api}", which takes no audio: put another API here and'
                f" {main.api} under [cloud.images]"
            ),
        )
    if images is None:
        return
    facts = FACTS.get(images.api)
    if facts is not None and "image" not in facts.takes:
        yield "cloud_images", "api", f'is "{images.api}", which takes no images'
    same = (main.api, main.base_url, main.token_file)
    if same == (images.api, images.base_url, images.token_file):
        yield "cloud_images", "api", "is the same cloud as [cloud]; leave this table out"
    if main.api != images.api and main.token_file == images.token_file:
        yield "cloud_images", "token_file", "is that of [cloud]; another API has its own credential"


def _base_url(cloud: CloudConfig) -> Complaints:
    url = split(cloud.base_url)
    if url is None or not url.hostname:
        yield "base_url", "is not an address such as https://api.bota.dev/v1"
        return
    if url.scheme not in {"https", "http"}:
        yield "base_url", f"must begin with https://, not {url.scheme}://"
    elif url.scheme == "http" and not (cloud.allow_http or is_loopback(url.hostname)):
        yield (
            "base_url",
            (
                "is plain http:// and not on this machine: the token would travel in clear;"
                " use https://, or set allow_http = true"
            ),
        )
    if "@" in url.netloc:
        yield "base_url", "must not hold a user name or password; the token is in token_file"
    if url.query or url.fragment or cloud.base_url.endswith(("?", "#")):
        yield "base_url", "must end with its path: no ? and no #"
    if cloud.api == "bota" and not re.search(r"/v\d+[a-z0-9]*/?$", url.path):
        yield "base_url", "must include the API's version, such as /v1"


def unknown(seam: str, builtin: tuple[str, ...], name: str) -> str | None:
    """Complain about a name that is neither built in nor installed by a third party."""
    if name in builtin:
        return None
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow to import, rarely needed

    installed = entry_points(group=f"fieldpost.{seam}").names
    if name in installed:
        return None
    return f'is "{name}"; there is: {", ".join(sorted({*builtin, *installed}))}'


def split(url: str) -> SplitResult | None:
    """Take an address apart; None if it cannot be."""
    try:
        parts = urlsplit(url)
        if parts.scheme != "ble":  # whose addresses have colons too
            _ = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    return parts


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
