"""What every error of the gateway has: a status, a stable code, words for people."""

from collections.abc import Mapping
from typing import Any, ClassVar


class GatewayError(Exception):
    """Base of every error. `code` is stable; `str(error)` is a sentence for people."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Internal error"
    exit_code: ClassVar[int] = 1
    retry_after_s: ClassVar[int | None] = None
    registered: ClassVar[str | None] = None
    hint: str | None = None

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.details = dict(details) if details else None
        self.headers = dict(headers or {})
        if hint is not None:
            self.hint = hint

    @classmethod
    def problem_type(cls) -> str:
        """Give the stable URI of RFC 9457 `type`; a path where it is our own."""
        if cls.registered is not None:
            return f"https://iana.org/assignments/http-problem-types#{cls.registered}"
        return "/problems/" + cls.code.replace("_", "-")
