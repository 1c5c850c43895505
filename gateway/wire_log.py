"""What the HTTP server may say about bytes that it could not read."""

import logging

from aiohttp.http_exceptions import HttpProcessingError


def wire_logger() -> logging.Logger:
    """Give the HTTP server a logger that never quotes a request.

    aiohttp says what it could not read and shows it: a header with a token, a signed URL. Anybody
    may send such bytes, so they are neither an error nor a traceback.
    """
    logger = logging.getLogger("gateway.wire")
    if _unquoted not in logger.filters:
        logger.addFilter(_unquoted)
    return logger


def _unquoted(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, HttpProcessingError):
        record.msg, record.args = "A request could not be read.", ()
        record.levelno, record.levelname = logging.INFO, "INFO"
        record.exc_info = None
        record.status = error.code
    return True
