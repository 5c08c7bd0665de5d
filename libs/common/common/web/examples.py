"""Examples in the OpenAPI document: every answer has one, with every field that its schema requires.

FastAPI leaves nulls out of the whole document, and so out of the examples that stand in it; a list has none of its
own, but its items have.
"""

from typing import Any, Final, cast

Schema = dict[str, Any]

_NONE: Final = object()
"""There is no example; null is one."""


def complete(made: Schema) -> None:
    """Puts the nulls back into the examples of the document's schemas, and gives each answer without one an example."""
    schemas: dict[str, Schema] = made["components"]["schemas"]
    for schema in schemas.values():
        if "examples" in schema:
            schema["examples"] = [_with_nulls(example, schema, schemas) for example in schema["examples"]]
    for operations in made["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                for content in answer.get("content", {}).values():
                    _give(content, schemas)


def _give(content: dict[str, Any], schemas: dict[str, Schema]) -> None:
    if "examples" in content:
        return
    schema = content.get("schema", {})
    example = content["example"] if "example" in content else _example(schema, schemas)
    if example is not _NONE:
        content["example"] = _with_nulls(example, schema, schemas)


def _example(schema: Schema, schemas: dict[str, Schema]) -> Any:
    schema = _resolved(schema, schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if schema.get("type") == "array":
        item = _example(schema["items"], schemas)
        return _NONE if item is _NONE else [item]
    if _may_be_null(schema):
        return None
    if "properties" not in schema:
        return _NONE
    found = {name: _example(of_it, schemas) for name, of_it in schema["properties"].items()}
    return _NONE if any(example is _NONE for example in found.values()) else found


def _with_nulls(example: Any, schema: Schema, schemas: dict[str, Schema]) -> Any:
    """The example, with null for every field that is required, not there, and may be null."""
    schema = _resolved(schema, schemas)
    for choice in schema.get("anyOf", ()):
        example = _with_nulls(example, choice, schemas)
    if isinstance(example, list) and "items" in schema:
        return [_with_nulls(one, schema["items"], schemas) for one in cast("list[Any]", example)]
    if isinstance(example, dict):
        return _filled(cast("dict[str, Any]", example), schema, schemas)
    return cast("Any", example)


def _filled(example: dict[str, Any], schema: Schema, schemas: dict[str, Schema]) -> dict[str, Any]:
    named: dict[str, Schema] = schema.get("properties", {})
    others = schema.get("additionalProperties")
    whole: dict[str, Any] = {}
    for name, of_it in named.items():
        if name in example:
            whole[name] = _with_nulls(example[name], of_it, schemas)
        elif name in schema.get("required", ()) and _may_be_null(of_it):
            whole[name] = None
    for name, value in example.items():
        if name not in named:
            whole[name] = _with_nulls(value, cast("Schema", others), schemas) if isinstance(others, dict) else value
    return whole


def _may_be_null(schema: Schema) -> bool:
    return any(choice.get("type") == "null" for choice in schema.get("anyOf", ()))


def _resolved(schema: Schema, schemas: dict[str, Schema]) -> Schema:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema
