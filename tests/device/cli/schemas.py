"""What docs/schemas has against a document, and what a document has beyond them."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = {
    file.name: json.loads(file.read_text())
    for file in (Path(__file__).parents[3] / "docs/schemas").glob("*.json")
}


def complaints(name: str, document: Any) -> list[str]:
    registry: Registry = Registry().with_resources(
        (each, Resource.from_contents(schema)) for each, schema in SCHEMAS.items()
    )
    validator = Draft202012Validator({"$ref": name}, registry=registry)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
