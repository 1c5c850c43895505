"""Where the token of `setup` comes from: it stays, or one or a code is given, or it comes later."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from device.cli.invocation import Invocation
from device.cli.setup_talk import TRIES, Talk
from device.cli.token_input import box_token
from device.config import CloudConfig
from device.errors import TokenRefused, UsageInvalid
from device.token import mistaken, token_source

_CODE = re.compile(r"[A-Za-z0-9]{4}[- ]?[A-Za-z0-9]{4}")
"""Eight letters and digits, as `fieldpost-gateway devices code` prints; no token is so short."""


class Given(StrEnum):
    """What was given."""

    TOKEN = "token"  # noqa: S105 - the kind, not one
    CODE = "code"
    KEPT = "kept"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What there is; the text is shown nowhere."""

    given: Given
    text: str = ""

    def __repr__(self) -> str:
        """Leave the secret out of logs and tracebacks."""
        return f"Credential({self.given})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the command line says of the token."""

    file: Path | None = None
    code: str | None = None


def decide(
    cloud: CloudConfig, before: CloudConfig, wishes: Wishes, talk: Talk, call: Invocation
) -> Credential:
    """Say where the token comes from; nothing is sent or written yet.

    Args:
        cloud: What it is for.
        before: What the token that is there now is for.
        wishes: Questions that are answered.
        talk: Who is asked.
        call: Says where the token that is there may be.

    Raises:
        UsageInvalid: What was given is no token.
    """
    if wishes.code is not None:
        if cloud.api != "bota":
            raise UsageInvalid(f"{cloud.api} has no one-time codes: they are the gateway's")
        return Credential(given=Given.CODE, text=wishes.code)
    if wishes.file is not None:
        return _token(box_token(wishes.file, call), cloud)
    same = (cloud.api, cloud.base_url) == (before.api, before.base_url)
    there = same and _is_there(cloud, call.environ)
    if talk.asks:
        talk.say()
        question = "There is a token. Keep it?"
        if not there or not talk.yes(question, default=True, option="--token-file FILE"):
            return _asked(cloud, talk)
    return Credential(given=Given.KEPT if there else Given.NOTHING)


def _asked(cloud: CloudConfig, talk: Talk) -> Credential:
    codes = cloud.api == "bota"
    what = "Device token (dtok_…), or one-time code of your gateway" if codes else "API credential"
    for _ in range(TRIES):
        text = talk.secret(f"{what}; it is not shown; empty: later", "--token-file FILE")
        if not text:
            return Credential(given=Given.NOTHING)
        if codes and _CODE.fullmatch(text):
            return Credential(given=Given.CODE, text=text)
        try:
            return _token(text, cloud)
        except UsageInvalid as useless:
            talk.trouble(useless)
    raise UsageInvalid(
        f"{TRIES} answers could not be used; nothing was changed", hint="--token-file FILE"
    )


def _token(text: str, cloud: CloudConfig) -> Credential:
    if complaint := mistaken(text, cloud):
        raise UsageInvalid(f"what was given {complaint}")
    return Credential(given=Given.TOKEN, text=text)


def _is_there(cloud: CloudConfig, environ: Mapping[str, str]) -> bool:
    try:
        return bool(token_source(cloud, environ)())
    except TokenRefused as error:
        # Whoever only looks may not be allowed to read what is there.
        return isinstance(error.__cause__, PermissionError)
