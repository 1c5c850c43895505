"""The routes of the pages' files: one for each, known at start."""

from collections.abc import Mapping

from aiohttp import web

from gateway.routes import Admits, Route
from gateway.routes.exchange import Exchange
from gateway.web.site import PageFile


def pages(site: Mapping[str, PageFile]) -> tuple[Route, ...]:
    """Make the routes of all files."""
    return tuple(_route(method, path, file) for path, file in site.items() for method in _METHODS)


def _route(method: str, path: str, file: PageFile) -> Route:
    async def send(exchange: Exchange) -> web.StreamResponse:
        return file.answer(exchange.request)

    return Route(
        method=method,
        path=path,
        operation_id=f"{method.lower()} {path}",
        summary="A file of the pages",
        run=send,
        admits=Admits.ANYONE,
        answers=(),
    )


_METHODS = ("GET", "HEAD")
