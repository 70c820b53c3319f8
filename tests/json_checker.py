"""What a JSON Schema (draft 07) says of a document: the keywords that ours use, and no others."""

import json
import re

TYPES = {
    "object": dict, "array": list, "string": str, "null": type(None), "boolean": bool, "number": int | float
}  # fmt: skip
ANNOTATIONS = {"$schema", "title", "description", "default", "definitions"}
CONDITIONAL = {"if", "then", "else"}
CHECKED: dict[int, object] = {}


def complaints(schema, found, top=None, where="") -> list[str]:
    """Where a document breaks a schema, and which keyword; none if it is valid. Raises KeyError for a keyword that is
    not known here."""
    top = schema if top is None else top
    if isinstance(schema, bool):
        return [] if schema else [f"{where}: false"]
    if "$ref" in schema:
        return complaints(top["definitions"][schema["$ref"].removeprefix("#/definitions/")], found, top, where)

    def valid(other) -> bool:
        return not complaints(other, found, top)

    made: list[str] = []
    for keyword, said in schema.items():
        if keyword in ANNOTATIONS or keyword in CONDITIONAL:
            continue
        if keyword == "allOf":
            made += [one for other in said for one in complaints(other, found, top, where)]
        elif keyword in ("properties", "patternProperties", "items"):
            made += below(keyword, schema, found, top, where)
        elif not RULES[keyword](said, found, valid, schema):
            made.append(f"{where}: {keyword}")
    if "if" in schema:
        branch = schema.get("then" if valid(schema["if"]) else "else", True)
        made += complaints(branch, found, top, where)
    return made


def below(keyword, schema, found, top, where) -> list[str]:
    """The complaints about what a mapping or list holds."""
    if keyword == "items":
        pairs = [(schema["items"], n, item) for n, item in enumerate(found)] if isinstance(found, list) else []
    elif not isinstance(found, dict):
        pairs = []
    elif keyword == "properties":
        pairs = [(schema["properties"][key], key, held) for key, held in found.items() if key in schema["properties"]]
    else:
        pairs = [(s, k, v) for p, s in schema[keyword].items() for k, v in found.items() if re.search(p, k)]
    return [one for other, key, held in pairs for one in complaints(other, held, top, f"{where}.{key}")]


def is_type(said, found) -> bool:
    names = said if isinstance(said, list) else [said]
    if isinstance(found, bool):
        return "boolean" in names
    if "integer" in names and isinstance(found, int | float) and found == int(found):
        return True
    return any(isinstance(found, TYPES[name]) for name in names if name != "integer")


def is_number(found) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def known(schema, found) -> bool:
    """Whether a mapping has no keys but those of `properties` and `patternProperties`."""
    patterns = schema.get("patternProperties", {})
    return all(k in schema.get("properties", {}) or any(re.search(p, k) for p in patterns) for k in found)


def one_of(said, found) -> bool:
    """Equal, and of one type: 1 is not true."""
    return any(json.dumps(found) == json.dumps(value) for value in said)


RULES = {
    "type": lambda said, found, *_: is_type(said, found),
    "enum": lambda said, found, *_: one_of(said, found),
    "const": lambda said, found, *_: one_of([said], found),
    "minimum": lambda said, found, *_: not is_number(found) or found >= said,
    "maximum": lambda said, found, *_: not is_number(found) or found <= said,
    "exclusiveMaximum": lambda said, found, *_: not is_number(found) or found < said,
    "pattern": lambda said, found, *_: not isinstance(found, str) or bool(re.search(said, found)),
    "required": lambda said, found, *_: not isinstance(found, dict) or set(said) <= set(found),
    "minItems": lambda said, found, *_: not isinstance(found, list) or len(found) >= said,
    "maxItems": lambda said, found, *_: not isinstance(found, list) or len(found) <= said,
    "uniqueItems": lambda said, found, *_: not isinstance(found, list) or len({*map(json.dumps, found)}) == len(found),
    "additionalProperties": lambda said, found, _, schema: not isinstance(found, dict) or known(schema, found),
    "anyOf": lambda said, found, valid, _: any(valid(other) for other in said),
    "not": lambda said, found, valid, _: not valid(said),
}


def all_complaints(schema, found) -> list[str]:
    """Ours, which the package jsonschema, where it is installed, must share."""
    made = complaints(schema, found)
    try:
        import jsonschema
    except ImportError:
        return made
    if id(schema) not in CHECKED:
        jsonschema.Draft7Validator.check_schema(schema)
        CHECKED[id(schema)] = schema  # which keeps it, and its number with it
    assert jsonschema.Draft7Validator(schema).is_valid(found) == (not made), made
    return made
