"""The JSON bodies of phones: codes, pairing, phones, their visits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from gateway.model_phones import Phone, PhoneVisit, VisitState

Name = Annotated[str, Meta(min_length=1, max_length=255)]


class PhoneCodeCreate(Struct, frozen=True, kw_only=True):
    """Body of a new code: what the phone is to be called, and whose recordings it brings."""

    name: Name
    end_user_id: Name | None = None


class PhoneCodeView(Struct, frozen=True, kw_only=True):
    """A one-time code; it is shown once, and good for one phone. `url` is for a QR code."""

    code: str
    expires_at: datetime
    url: str


class PhonePair(Struct, frozen=True, kw_only=True):
    """Body of pairing."""

    code: Annotated[str, Meta(max_length=64)]


class PhoneShort(Struct, frozen=True, kw_only=True):
    """A phone as its own page sees it."""

    id: str
    name: str


class PhoneSelf(Struct, frozen=True, kw_only=True):
    """Who a phone is."""

    phone: PhoneShort


class PhoneView(Struct, frozen=True, kw_only=True):
    """A paired phone."""

    id: str
    name: str
    end_user_id: str | None
    created_at: datetime
    seen_at: datetime | None


class PhoneList(Struct, frozen=True, kw_only=True):
    """The phones that are paired, oldest first."""

    data: list[PhoneView]


class PhoneVisitView(Struct, frozen=True, kw_only=True):
    """One recorder that a phone brought. `standing` is what the phone showed last."""

    id: str
    device_id: str | None
    recorder: str | None
    state: VisitState
    standing: Mapping[str, Any]
    began_at: datetime
    heard_at: datetime
    ended_at: datetime | None


class PhoneVisitList(Struct, frozen=True, kw_only=True):
    """Visits of a phone, newest first; the last 200 are kept."""

    data: list[PhoneVisitView]


def show_phone(phone: Phone) -> PhoneView:
    """Show a phone."""
    return PhoneView(
        id=phone.id,
        name=phone.name,
        end_user_id=phone.end_user_id,
        created_at=phone.created_at,
        seen_at=phone.seen_at,
    )


def show_self(phone: Phone) -> PhoneSelf:
    """Show a phone to itself."""
    return PhoneSelf(phone=PhoneShort(id=phone.id, name=phone.name))


def show_visit(visit: PhoneVisit) -> PhoneVisitView:
    """Show a visit."""
    return PhoneVisitView(
        id=visit.id,
        device_id=visit.device_id,
        recorder=visit.recorder,
        state=visit.state,
        standing=visit.standing,
        began_at=visit.began_at,
        heard_at=visit.heard_at,
        ended_at=visit.ended_at,
    )
