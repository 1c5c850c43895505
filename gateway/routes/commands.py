"""Routes of commands: give, list, get, cancel, and the device's word on what came of one."""

from datetime import timedelta
from typing import Any

import msgspec
from aiohttp import web

from gateway.errors import (
    CommandOver,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    TooManyCommands,
)
from gateway.model import Command, CommandStatus, Intent, Scope
from gateway.routes import IDEMPOTENCY_KEY, PAGE, REPLAYED, Admits, Answer, Parameter, Route
from gateway.routes import life_examples as example
from gateway.routes.exchange import Exchange, answer, invalid, replayed
from gateway.routes.life_bodies import (
    PARAMS,
    CommandCreate,
    CommandPage,
    CommandResult,
    CommandView,
    show_command,
)

_MOST_METADATA_BYTES = 4096


async def create(exchange: Exchange) -> web.StreamResponse:
    """Give a device a command."""
    body = await exchange.body(CommandCreate)
    device_id = await _device(exchange)
    now = exchange.gateway.clock.now()
    wanted = Command(
        id="",
        device_id=device_id,
        type=body.type,
        params=_params(body),
        created_at=now,
        expires_at=now + timedelta(seconds=body.ttl_seconds),
    )
    made = await exchange.gateway.orders.give(wanted, _intent(exchange, device_id, body))
    status = 200 if made.replayed else 201
    return answer(show_command(made.value), status=status, headers=replayed(made.replayed))


async def page(exchange: Exchange) -> web.StreamResponse:
    """List commands."""
    status = exchange.request.query.get("status")
    if status is not None and status not in set(CommandStatus):
        raise InvalidRequest(
            f"status must be one of {', '.join(CommandStatus)}", details={"field": "status"}
        )
    found, more = await exchange.gateway.orders.page(
        await _device(exchange),
        None if status is None else CommandStatus(status),
        limit=exchange.limit(),
        offset=exchange.offset(),
    )
    return answer(CommandPage(data=[show_command(each) for each in found], has_more=more))


async def get(exchange: Exchange) -> web.StreamResponse:
    """Get a command."""
    device_id = await _device(exchange)
    found = await exchange.gateway.orders.find(device_id, exchange.path("command_id"))
    return answer(show_command(found))


async def cancel(exchange: Exchange) -> web.StreamResponse:
    """Take a command back."""
    device_id = await _device(exchange)
    cancelled = await exchange.gateway.orders.cancel(device_id, exchange.path("command_id"))
    return answer(show_command(cancelled))


async def result(exchange: Exchange) -> web.StreamResponse:
    """Take the device's word."""
    body = await exchange.body(CommandResult)
    device_id = await _device(exchange)
    finished = await exchange.gateway.orders.finish(
        device_id,
        exchange.path("command_id"),
        status=CommandStatus(body.status),
        result=body.result,
        error=body.error,
    )
    return answer(show_command(finished))


async def _device(exchange: Exchange) -> str:
    """Give the id in the path, of a device that the caller may see."""
    found = await exchange.gateway.devices.find(exchange.caller, exchange.path("device_id"))
    return found.id


def _params(body: CommandCreate) -> dict[str, Any]:
    """Read the params of a command's type, absent ones filled in: the device is told them all."""
    try:
        read = msgspec.convert(body.params, PARAMS[body.type])
    except msgspec.ValidationError as error:
        raise invalid(error, "params.") from error
    params: dict[str, Any] = msgspec.to_builtins(read)
    if len(msgspec.json.encode(params.get("metadata"))) > _MOST_METADATA_BYTES:
        raise InvalidRequest(
            f"params.metadata is larger than {_MOST_METADATA_BYTES} bytes",
            details={"field": "params.metadata"},
        )
    return params


def _intent(exchange: Exchange, device_id: str, body: CommandCreate) -> Intent | None:
    """Read the Idempotency-Key, in Bota's place or in everybody else's."""
    named = exchange.request.headers.get("Idempotency-Key")
    if None not in (named, body.idempotency_key) and named != body.idempotency_key:
        raise InvalidRequest(
            "Idempotency-Key and idempotency_key differ; one of them is enough",
            details={"field": "idempotency_key"},
        )
    key = named if named is not None else body.idempotency_key
    what = msgspec.structs.replace(body, idempotency_key=None)
    return exchange.intent_of(key, "create-command", device_id, what)


_COMMANDS = "/v1/devices/{device_id}/commands"
_COMMAND = f"{_COMMANDS}/{{command_id}}"

ROUTES = (
    Route(
        method="POST",
        path=_COMMANDS,
        operation_id="createCommand",
        summary="Give a device a command; it hears of it in the answer to its next heartbeat",
        run=create,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_WRITE,
        body=CommandCreate,
        example=example.COMMAND_CREATE,
        parameters=(IDEMPOTENCY_KEY,),
        answers=(
            Answer(status=201, means="It waits.", body=CommandView, example=example.COMMAND),
            Answer(
                status=200,
                means="Given before by the same request.",
                body=CommandView,
                example=example.COMMAND,
                headers=REPLAYED,
            ),
        ),
        problems=(NotFound, IdempotencyMismatch, TooManyCommands),
    ),
    Route(
        method="GET",
        path=_COMMANDS,
        operation_id="listCommands",
        summary="List commands of a device, newest first",
        run=page,
        scope=Scope.DEVICES_READ,
        parameters=(
            *PAGE,
            Parameter(
                name="status",
                place="query",
                means="Of one status.",
                schema={"type": "string", "enum": list(CommandStatus)},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="One page.",
                body=CommandPage,
                example={"data": [example.EXECUTED], "has_more": False},
            ),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="GET",
        path=_COMMAND,
        operation_id="getCommand",
        summary="Get a command and what came of it",
        run=get,
        scope=Scope.DEVICES_READ,
        answers=(
            Answer(status=200, means="The command.", body=CommandView, example=example.EXECUTED),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="DELETE",
        path=_COMMAND,
        operation_id="cancelCommand",
        summary="Take a command back; what the device did before it could hear of that counts",
        run=cancel,
        admits=Admits.KEYS,
        scope=Scope.DEVICES_WRITE,
        answers=(
            Answer(status=200, means="Cancelled.", body=CommandView, example=example.CANCELLED),
        ),
        problems=(NotFound, CommandOver),
    ),
    Route(
        method="POST",
        path=f"{_COMMAND}/result",
        operation_id="reportCommandResult",
        summary="Tell what came of a command; the same result may be told again",
        run=result,
        scope=Scope.DEVICES_WRITE,
        body=CommandResult,
        example=example.COMMAND_RESULT,
        answers=(Answer(status=200, means="Kept.", body=CommandView, example=example.EXECUTED),),
        problems=(NotFound, CommandOver),
    ),
)
"""The table that the application and openapi.json are built from."""
