"""The upload resource that a store made for us: where it is, and when it is closed to us."""

from dataclasses import replace
from urllib.parse import urljoin, urlsplit

from device.core.uploads import (
    Advanced,
    Ambiguous,
    Complete,
    Conflict,
    Expired,
    Outcome,
    Response,
)
from device.model import Target, UploadSession

LOCATION = "location"
"""Key of `UploadSession.state`: the absolute URL of the resource; a bearer secret."""

_DENIED = "denied"


def opened(session: UploadSession, answer: Response) -> UploadSession | None:
    """Keep the Location of an answer, made absolute; None if it has none that can be used.

    A store that does not know of the TLS proxy before it names itself by http: taken as the origin
    that we know. Any other that leaves TLS is not used: the medium would go in the clear.
    """
    stated = answer.headers.get("location", "").strip()
    base = urlsplit(session.target.url)
    try:
        parts = urlsplit(urljoin(session.target.url, stated))
        same_host = parts.hostname == base.hostname
    except ValueError:
        return None
    if not stated or parts.scheme not in {"http", "https"}:
        return None
    if parts.scheme == "http" and base.scheme == "https":
        if not same_host:
            return None
        parts = parts._replace(scheme=base.scheme, netloc=base.netloc)
    return noted(session, **{LOCATION: parts.geturl()})


def noted(session: UploadSession, **changes: str | None) -> UploadSession:
    """Change keys of the state; None takes one away."""
    state = {key: value for key, value in session.state.items() if key not in changes}
    state.update({key: value for key, value in changes.items() if value is not None})
    return session if state == session.state else replace(session, state=state)


def headers_for(target: Target, url: str, *without: str) -> tuple[tuple[str, str], ...]:
    """Give the handed headers that belong on a request to `url`.

    A resource on another origin gets none of them: they were handed out for the target's, and
    may hold a token.
    """
    if _origin(url) != _origin(target.url):
        return ()
    return tuple(pair for pair in target.headers if pair[0].lower() not in without)


def judged(session: UploadSession, outcome: Outcome) -> tuple[UploadSession, Outcome]:
    """Give a resource up that stays closed although a fresh target was asked for.

    Its URL may be signed as the target's is, and then no fresh target opens it again.
    """
    if isinstance(outcome, Advanced | Conflict | Complete):
        return noted(session, **{_DENIED: None}), outcome
    if not isinstance(outcome, Expired):
        return session, outcome
    if _DENIED not in session.state:
        return noted(session, **{_DENIED: "1"}), outcome
    left = noted(session, **{_DENIED: None, LOCATION: None})
    return left, Ambiguous(f"{outcome.reason}: the upload is created anew")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc
