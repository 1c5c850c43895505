"""Write openapi.json from the route table and the structs; nothing in it is written by hand."""

from functools import cache
from typing import Any

import msgspec

from gateway.errors import (
    BodyTooLarge,
    Forbidden,
    GatewayError,
    InternalError,
    InvalidRequest,
    RateLimited,
    TooSlow,
    Unauthorized,
    Unavailable,
)
from gateway.routes import Admits, Answer, Route
from gateway.routes.bodies import Problem
from gateway.routes.table import ROUTES

_REF = "#/components/schemas/{name}"


def describe() -> dict[str, Any]:
    """Describe the API as an OpenAPI 3.1 document."""
    shapes: dict[type, None] = {Problem: None}
    for route in ROUTES:
        shapes.update(dict.fromkeys(s for s in _shapes(route) if s is not None))
    schemas, components = msgspec.json.schema_components(list(shapes), ref_template=_REF)
    schema_of = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Fieldpost gateway",
            "version": "v1",
            "summary": "A self-hostable server of the Bota-style upload API.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`sk_live_…`, or `rk_live_…` with scopes",
                },
                "deviceToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "`dtok_…`; sees its own device and recordings only",
                },
            },
        },
    }


@cache
def written() -> bytes:
    """Write the document as it is committed: indented, one newline at the end; always the same."""
    return msgspec.json.format(msgspec.json.encode(describe()), indent=2) + b"\n"


def _shapes(route: Route) -> list[type | None]:
    return [route.body, *(answer.body for answer in route.answers)]


def _operation(route: Route, schema_of: dict[type, dict[str, Any]]) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": route.operation_id, "summary": route.summary}
    security = _security(route)
    if security is not None:
        operation["security"] = security
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _path_names(route.path)
    ] + [
        {
            "name": parameter.name,
            "in": parameter.place,
            "description": parameter.means,
            "required": parameter.required,
            "schema": dict(parameter.schema),
        }
        for parameter in route.parameters
    ]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "content": {
                "application/json": {"schema": schema_of[route.body], "example": route.example}
            },
            "required": any(field.required for field in msgspec.structs.fields(route.body)),
        }
    elif route.raw_body:
        operation["requestBody"] = {
            "content": {name: {"schema": {"type": "string"}} for name in route.raw_types}
        }
    operation["responses"] = {
        **{str(answer.status): _answer(answer, schema_of) for answer in route.answers},
        **_problems(route, schema_of),
    }
    return operation


def _security(route: Route) -> list[dict[str, list[str]]] | None:
    scopes = [] if route.scope is None else [str(route.scope)]
    match route.admits:
        case Admits.ANYONE | Admits.SIGNED_URL:
            return []
        case Admits.KEYS:
            return [{"apiKey": scopes}]
        case Admits.DEVICES:
            return [{"deviceToken": []}]
        case Admits.KEYS_AND_DEVICES:
            return [{"apiKey": scopes}, {"deviceToken": []}]


def _answer(answer: Answer, schema_of: dict[type, dict[str, Any]]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.means}
    if answer.headers:
        described["headers"] = {
            name: {"description": means, "schema": {"type": "string"}}
            for name, means in answer.headers.items()
        }
    if answer.body is not None:
        described["content"] = {
            "application/json": {"schema": schema_of[answer.body], "example": answer.example}
        }
    elif answer.text_type is not None:
        described["content"] = {answer.text_type: {"schema": {"type": "string"}}}
    return described


def _problems(route: Route, schema_of: dict[type, dict[str, Any]]) -> dict[str, Any]:
    """Group a route's problems by status, with one example each."""
    by_status: dict[int, list[type[GatewayError]]] = {}
    for problem in (*route.problems, *_usual_problems(route)):
        known = by_status.setdefault(problem.status, [])
        if problem not in known:
            known.append(problem)
    return {
        str(status): {
            "description": "; ".join(problem.title for problem in problems) + ".",
            "content": {
                "application/problem+json": {
                    "schema": schema_of[Problem],
                    "examples": {
                        problem.code: {"value": _example(problem)} for problem in problems
                    },
                }
            },
        }
        for status, problems in sorted(by_status.items())
        if status not in {answer.status for answer in route.answers}
    }


def _usual_problems(route: Route) -> list[type[GatewayError]]:
    usual: list[type[GatewayError]] = [InternalError, InvalidRequest]
    if route.admits is not Admits.ANYONE:
        usual.append(Unavailable)
    if route.admits not in (Admits.ANYONE, Admits.SIGNED_URL):
        usual += [Unauthorized, Forbidden, RateLimited]
    if route.body is not None:
        usual += [BodyTooLarge, TooSlow]
    return usual


def _example(problem: type[GatewayError]) -> dict[str, Any]:
    request_id = "req_2f1e0d3c4b5a69788796a5b4c3d2e1f0"
    return {
        "type": problem.problem_type(),
        "title": problem.title,
        "status": problem.status,
        "detail": problem.title,
        "request_id": request_id,
        "error": {"code": problem.code, "message": problem.title, "request_id": request_id},
    }


def _path_names(path: str) -> list[str]:
    return [piece[1:-1] for piece in path.split("/") if piece.startswith("{")]
