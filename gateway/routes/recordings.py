"""Routes of recordings: create, list, get, delete."""

from aiohttp import web

from gateway.errors import (
    Forbidden,
    IdempotencyMismatch,
    InvalidRequest,
    NotFound,
    QuotaReached,
    RecordingDeleted,
)
from gateway.model import Recording, RecordingFilter, RecordingStatus, Scope
from gateway.routes import IDEMPOTENCY_KEY, PAGE, REPLAYED, Answer, Parameter, Route
from gateway.routes import examples as example
from gateway.routes.bodies import (
    MOST_UPLOAD_URLS,
    RecordingCreate,
    RecordingPage,
    RecordingView,
    show_recording,
)
from gateway.routes.exchange import Exchange, answer, replayed
from gateway.routes.times import UNSET, utc

_TIMES = ("started_at", "ended_at")
_TIMES_TRUSTED = "fieldpost_times_trusted"


async def create(exchange: Exchange) -> web.StreamResponse:
    """Create a recording."""
    body = await exchange.body(RecordingCreate)
    wanted = Recording(
        id="",
        created_at=UNSET,
        device_id=body.device_id,
        end_user_id=body.end_user_id,
        name=body.name,
        started_at=utc("started_at", body.started_at),
        ended_at=utc("ended_at", body.ended_at),
        metadata=body.metadata,
    )
    # Of a recorder without a clock they are reckoned anew by whoever reads it again.
    reckoned = body.metadata.get(_TIMES_TRUSTED) == "false"
    intent = exchange.intent("create-recording", "", body, apart_from=_TIMES if reckoned else ())
    made = await exchange.gateway.recordings.create(exchange.caller, wanted, intent)
    at_once = min(MOST_UPLOAD_URLS, exchange.gateway.recordings.most_unfinished)
    shown = show_recording(made.value, batch_upload_url=at_once)
    status = 200 if made.replayed else 201
    return answer(shown, status=status, headers=replayed(made.replayed))


async def page(exchange: Exchange) -> web.StreamResponse:
    """List recordings."""
    query = exchange.request.query
    status = query.get("status")
    if status is not None and status not in set(RecordingStatus):
        raise InvalidRequest(
            f"status must be one of {', '.join(RecordingStatus)}", details={"field": "status"}
        )
    which = RecordingFilter(
        device_id=query.get("device_id"),
        end_user_id=query.get("end_user_id"),
        status=None if status is None else RecordingStatus(status),
    )
    found, more = await exchange.gateway.recordings.page(
        exchange.caller,
        which,
        limit=exchange.limit(),
        offset=exchange.offset(),
    )
    return answer(RecordingPage(data=[show_recording(r) for r in found], has_more=more))


async def get(exchange: Exchange) -> web.StreamResponse:
    """Get a recording."""
    found = await exchange.gateway.recordings.find(exchange.caller, exchange.path("recording_id"))
    return answer(show_recording(found))


async def delete(exchange: Exchange) -> web.StreamResponse:
    """Delete a recording."""
    await exchange.gateway.recordings.delete(exchange.caller, exchange.path("recording_id"))
    return web.Response(status=204)


_RECORDING = "/v1/recordings/{recording_id}"

ROUTES = (
    Route(
        method="POST",
        path="/v1/recordings",
        operation_id="createRecording",
        summary="Create a recording",
        run=create,
        scope=Scope.RECORDINGS_WRITE,
        audited=True,
        body=RecordingCreate,
        example=example.RECORDING_CREATE,
        parameters=(IDEMPOTENCY_KEY,),
        answers=(
            Answer(status=201, means="Created.", body=RecordingView, example=example.CREATED),
            Answer(
                status=200,
                means="Created before by the same request.",
                body=RecordingView,
                example=example.CREATED,
                headers=REPLAYED,
            ),
        ),
        problems=(IdempotencyMismatch, RecordingDeleted, QuotaReached),
    ),
    Route(
        method="GET",
        path="/v1/recordings",
        operation_id="listRecordings",
        summary="List recordings, newest first; a device sees its own",
        run=page,
        scope=Scope.RECORDINGS_READ,
        parameters=(
            *PAGE,
            Parameter(
                name="device_id", place="query", means="Of one device.", schema={"type": "string"}
            ),
            Parameter(
                name="end_user_id", place="query", means="Of one user.", schema={"type": "string"}
            ),
            Parameter(
                name="status",
                place="query",
                means="Of one status.",
                schema={"type": "string", "enum": list(RecordingStatus)},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="One page.",
                body=RecordingPage,
                example={"data": [example.RECORDING], "has_more": False},
            ),
        ),
    ),
    Route(
        method="GET",
        path=_RECORDING,
        operation_id="getRecording",
        summary="Get a recording with its media",
        run=get,
        scope=Scope.RECORDINGS_READ,
        answers=(
            Answer(
                status=200, means="The recording.", body=RecordingView, example=example.RECORDING
            ),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="DELETE",
        path=_RECORDING,
        operation_id="deleteRecording",
        summary="Delete a recording and its objects; a device only its own trials",
        run=delete,
        scope=Scope.RECORDINGS_WRITE,
        audited=True,
        answers=(Answer(status=204, means="Deleted."),),
        problems=(Forbidden, NotFound),
    ),
)
"""The table that the application and openapi.json are built from."""
