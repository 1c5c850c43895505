"""Routes of webhooks, their deliveries, and of events as such."""

from aiohttp import web

from gateway.errors import Conflict, InvalidRequest, NotFound
from gateway.model import Scope
from gateway.model_events import DeliveryStatus
from gateway.routes import PAGE, Admits, Answer, Parameter, Route
from gateway.routes import webhook_examples as example
from gateway.routes.exchange import Exchange, answer
from gateway.routes.webhook_bodies import (
    DeliveryPage,
    DeliveryView,
    EventPage,
    WebhookChange,
    WebhookCreate,
    WebhookList,
    WebhookView,
    show_delivery,
    show_event,
    show_webhook,
)

_SECRET = {"Cache-Control": "no-store"}
_MOST_AFTER = 10**9 - 1


async def create(exchange: Exchange) -> web.StreamResponse:
    """Make a webhook."""
    body = await exchange.body(WebhookCreate)
    made, secret = await exchange.gateway.webhooks.add(
        body.url, body.events, description=body.description, enabled=body.enabled
    )
    return answer(show_webhook(made, secret), status=201, headers=_SECRET)


async def page(exchange: Exchange) -> web.StreamResponse:
    """List webhooks."""
    found = await exchange.gateway.store.webhooks.all()
    return answer(WebhookList(data=[show_webhook(each) for each in found]))


async def get(exchange: Exchange) -> web.StreamResponse:
    """Get a webhook."""
    return answer(show_webhook(await exchange.gateway.webhooks.find(exchange.path("webhook_id"))))


async def change(exchange: Exchange) -> web.StreamResponse:
    """Change a webhook."""
    body = await exchange.body(WebhookChange)
    changed = await exchange.gateway.webhooks.change(
        exchange.path("webhook_id"),
        url=body.url,
        events=body.events,
        description=body.description,
        enabled=body.enabled,
    )
    return answer(show_webhook(changed))


async def delete(exchange: Exchange) -> web.StreamResponse:
    """Delete a webhook."""
    await exchange.gateway.webhooks.delete(exchange.path("webhook_id"))
    return web.Response(status=204)


async def rotate(exchange: Exchange) -> web.StreamResponse:
    """Give a webhook another secret."""
    rotated, secret = await exchange.gateway.webhooks.rotate(exchange.path("webhook_id"))
    return answer(show_webhook(rotated, secret), headers=_SECRET)


async def test(exchange: Exchange) -> web.StreamResponse:
    """Send a test."""
    made = await exchange.gateway.webhooks.test(exchange.path("webhook_id"))
    return answer(show_delivery(made), status=202)


async def deliveries(exchange: Exchange) -> web.StreamResponse:
    """List deliveries, of one webhook or of all."""
    query = exchange.request.query
    webhook_id = query.get("webhook_id")
    if "webhook_id" in exchange.request.match_info:
        webhook_id = (await exchange.gateway.webhooks.find(exchange.path("webhook_id"))).id
    status = query.get("status")
    if status is not None and status not in set(DeliveryStatus):
        raise InvalidRequest(
            f"status must be one of {', '.join(DeliveryStatus)}", details={"field": "status"}
        )
    limit = exchange.limit()
    found = await exchange.gateway.store.deliveries.page(
        webhook_id,
        None if status is None else DeliveryStatus(status),
        limit + 1,
        exchange.offset(),
    )
    shown = [show_delivery(each) for each in found[:limit]]
    return answer(DeliveryPage(data=shown, has_more=len(found) > limit))


async def delivery(exchange: Exchange) -> web.StreamResponse:
    """Get a delivery."""
    found = await exchange.gateway.webhooks.delivery(exchange.path("delivery_id"))
    return answer(show_delivery(found))


async def replay(exchange: Exchange) -> web.StreamResponse:
    """Replay a delivery."""
    made = await exchange.gateway.webhooks.replay(exchange.path("delivery_id"))
    return answer(show_delivery(made), status=202)


async def replay_dead(exchange: Exchange) -> web.StreamResponse:
    """Replay what is dead."""
    made, more = await exchange.gateway.webhooks.replay_dead(exchange.path("webhook_id"))
    shown = [show_delivery(each) for each in made]
    return answer(DeliveryPage(data=shown, has_more=more), status=202)


async def events(exchange: Exchange) -> web.StreamResponse:
    """List events."""
    after = exchange.number("after", 0, least=0, most=_MOST_AFTER)
    limit = exchange.limit()
    found = await exchange.gateway.store.events.after(after, limit + 1)
    shown = [show_event(each) for each in found[:limit]]
    return answer(
        EventPage(
            data=shown,
            next_after=shown[-1].seq if shown else after,
            has_more=len(found) > limit,
        )
    )


_STATUS = Parameter(
    name="status",
    place="query",
    means="Of one status.",
    schema={"type": "string", "enum": list(DeliveryStatus)},
)
_WEBHOOK = "/v1/webhooks/{webhook_id}"
_DELIVERY = "/v1/deliveries/{delivery_id}"
_ONE = Answer(status=200, means="The webhook.", body=WebhookView, example=example.WEBHOOK)
_SOME = Answer(
    status=200,
    means="One page, newest first.",
    body=DeliveryPage,
    example={"data": [example.DELIVERY], "has_more": False},
)

ROUTES = (
    Route(
        method="POST",
        path="/v1/webhooks",
        operation_id="createWebhook",
        summary="Make a webhook; its secret is in this answer and nowhere else",
        run=create,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        body=WebhookCreate,
        example=example.WEBHOOK_CREATE,
        answers=(Answer(status=201, means="Made.", body=WebhookView, example=example.WITH_SECRET),),
        problems=(Conflict,),
    ),
    Route(
        method="GET",
        path="/v1/webhooks",
        operation_id="listWebhooks",
        summary="List webhooks, oldest first",
        run=page,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(
            Answer(
                status=200,
                means="All of them.",
                body=WebhookList,
                example={"data": [example.WEBHOOK], "has_more": False},
            ),
        ),
    ),
    Route(
        method="GET",
        path=_WEBHOOK,
        operation_id="getWebhook",
        summary="Get a webhook",
        run=get,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(_ONE,),
        problems=(NotFound,),
    ),
    Route(
        method="PATCH",
        path=_WEBHOOK,
        operation_id="changeWebhook",
        summary="Change a webhook; what is missing stays",
        run=change,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        body=WebhookChange,
        example={"enabled": False},
        answers=(_ONE,),
        problems=(NotFound,),
    ),
    Route(
        method="DELETE",
        path=_WEBHOOK,
        operation_id="deleteWebhook",
        summary="Delete a webhook; what is pending is cancelled",
        run=delete,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(Answer(status=204, means="Deleted."),),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{_WEBHOOK}/rotate-secret",
        operation_id="rotateWebhookSecret",
        summary="Give a webhook another secret, which signs from the next try on",
        run=rotate,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(
            Answer(status=200, means="Rotated.", body=WebhookView, example=example.WITH_SECRET),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{_WEBHOOK}/test",
        operation_id="testWebhook",
        summary="Send a webhook.test event to this webhook alone",
        run=test,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(
            Answer(
                status=202,
                means="On its way.",
                body=DeliveryView,
                example=example.NEW_DELIVERY | {"event_type": "webhook.test"},
            ),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="GET",
        path=f"{_WEBHOOK}/deliveries",
        operation_id="listWebhookDeliveries",
        summary="List the deliveries of a webhook, newest first",
        run=deliveries,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        parameters=(*PAGE, _STATUS),
        answers=(_SOME,),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{_WEBHOOK}/replay-dead",
        operation_id="replayDeadDeliveries",
        summary="Replay what is dead and was not replayed yet, 100 at a time, oldest first",
        run=replay_dead,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(
            Answer(
                status=202,
                means="The new deliveries; call again while there are more.",
                body=DeliveryPage,
                example={
                    "data": [example.NEW_DELIVERY | {"replay_of": example.DELIVERY_ID}],
                    "has_more": False,
                },
            ),
        ),
        problems=(NotFound, Conflict),
    ),
    Route(
        method="GET",
        path="/v1/deliveries",
        operation_id="listDeliveries",
        summary="List deliveries, newest first",
        run=deliveries,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        parameters=(
            *PAGE,
            _STATUS,
            Parameter(
                name="webhook_id", place="query", means="Of one webhook.", schema={"type": "string"}
            ),
        ),
        answers=(_SOME,),
    ),
    Route(
        method="GET",
        path=_DELIVERY,
        operation_id="getDelivery",
        summary="Get a delivery with its tries",
        run=delivery,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(
            Answer(status=200, means="The delivery.", body=DeliveryView, example=example.DELIVERY),
        ),
        problems=(NotFound,),
    ),
    Route(
        method="POST",
        path=f"{_DELIVERY}/replay",
        operation_id="replayDelivery",
        summary="Send the event of a delivery once more, with the same event id",
        run=replay,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        answers=(
            Answer(
                status=202,
                means="The new delivery.",
                body=DeliveryView,
                example=example.NEW_DELIVERY | {"replay_of": example.DELIVERY_ID},
            ),
        ),
        problems=(NotFound, Conflict),
    ),
    Route(
        method="GET",
        path="/v1/events",
        operation_id="listEvents",
        summary="List events in the order of their seq",
        run=events,
        admits=Admits.KEYS,
        scope=Scope.ADMIN,
        parameters=(
            PAGE[0],
            Parameter(
                name="after",
                place="query",
                means="Only those beyond this seq.",
                schema={"type": "integer", "minimum": 0, "maximum": _MOST_AFTER, "default": 0},
            ),
        ),
        answers=(
            Answer(
                status=200,
                means="One page.",
                body=EventPage,
                example={"data": [example.EVENT], "next_after": 1207, "has_more": False},
            ),
        ),
    ),
)
"""The table that the application and openapi.json are built from."""
