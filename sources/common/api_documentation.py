"""An OpenAPI schema in the form that the documentation page shows."""

from __future__ import annotations

import json


def operations(schema: dict) -> list[dict]:
    """Every operation: ``{method, path, id, summary, description, parameters, fields}``."""
    return [
        {
            "method": method.upper(),
            "path": path,
            "id": operation["operationId"],
            "summary": operation.get("summary", ""),
            "description": operation.get("description", ""),
            "tags": operation.get("tags", []),
            "parameters": [_parameter(p, schema) for p in operation.get("parameters", [])],
            "body": _body_example(operation, schema),
            "fields": _answer_fields(operation, schema),
        }
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def _body_example(operation: dict, schema: dict) -> str:
    """A body to begin with for operations that take one, made of the examples of its fields."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if not content:
        return ""
    properties = _resolved(content["schema"], schema).get("properties", {})
    return json.dumps(
        {name: next(iter(field.get("examples", ())), field.get("default"))
         for name, field in properties.items()}, indent=2)


def _parameter(parameter: dict, whole: dict) -> dict:
    schema = parameter.get("schema", {})
    kinds = [_resolved(kind, whole) for kind in (schema, *schema.get("anyOf", ()))]
    return {
        "name": parameter["name"],
        "place": parameter["in"],
        "required": parameter.get("required", False),
        "description": schema.get("description") or parameter.get("description", ""),
        "type": _type_name(schema),
        "default": schema.get("default", ""),
        "choices": next((kind["enum"] for kind in kinds if "enum" in kind), []),
        "example": schema.get("example") or next(iter(schema.get("examples", ())), ""),
        "minimum": schema.get("minimum", ""),
        "maximum": schema.get("maximum", ""),
        "numeric": schema.get("type") == "integer",
    }


def _type_name(schema: dict) -> str:
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type_name(kind) for kind in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type_name(schema.get('items', {}))}"
    return schema.get("format") or schema.get("type", "object")


def _answer_fields(operation: dict, schema: dict) -> list[dict]:
    """Fields of the answer to a good request, those of nested objects after them."""
    content = operation["responses"].get(200, operation["responses"].get("200", {}))
    answer = content.get("content", {}).get("application/json", {}).get("schema", {})
    fields: list[dict] = []
    _collect(answer, schema, "", fields, depth=0)
    return fields


def _collect(part: dict, schema: dict, prefix: str, fields: list[dict], depth: int) -> None:
    part = _resolved(part, schema)
    if part.get("type") == "array":
        _collect(part.get("items", {}), schema, f"{prefix}[]", fields, depth)
        return
    for name, field in part.get("properties", {}).items() if depth < 4 else ():
        path = f"{prefix}.{name}".lstrip(".")
        fields.append({"path": path, "type": _type_name(field),
                       "description": field.get("description", "")})
        _collect(field, schema, path, fields, depth + 1)


def _resolved(part: dict, schema: dict) -> dict:
    for option in (part, *part.get("anyOf", ())):
        if "$ref" in option:
            return schema["components"]["schemas"][option["$ref"].rpartition("/")[2]]
    return part
