"""The JSON of Google Cloud Storage that this gateway reads: objects and lists of them."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gateway.errors import StorageFailed
from gateway.objects.store_http import StoreAnswer

_OK = 200


def document(answer: StoreAnswer) -> dict[str, Any]:
    """Read an answer; empty where it has no body, or is a refusal that is no JSON."""
    if not answer.body:
        return {}
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        if answer.status != _OK:
            return {}
        raise StorageFailed("the object store answers what is not JSON") from error
    return found if isinstance(found, dict) else {}


def size(about: Mapping[str, Any]) -> int:
    """Read an object's size. Never guessed: one of another size than announced is removed."""
    stated = str(about.get("size"))
    if not (stated.isascii() and stated.isdigit()):
        raise StorageFailed("the object store answers without a size")
    return int(stated)


def items(page: Mapping[str, Any]) -> list[tuple[str, datetime]]:
    """Read names and times of one page of a list."""
    try:
        return [
            (str(each["name"]), datetime.fromisoformat(each["updated"]))
            for each in page.get("items", [])
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise StorageFailed("the object store answers with a list that is none") from error


def mark(about: Mapping[str, Any]) -> str | None:
    """Read what is another as soon as the object is."""
    generation = about.get("generation")
    return None if generation is None else str(generation)
