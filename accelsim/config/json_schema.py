"""JSON Schemas (draft 07) of configuration files, by which editors complete and check them: from the declarations.

They say what each value may be alone. What values are to each other, and the range of one that is written with a unit,
only reading the file checks.
"""

import re
from collections.abc import Iterable, Mapping

from accelsim.config import units
from accelsim.config.load import params_of
from accelsim.config.schema import MachineSchema, Part
from accelsim.core.component import MOST, Param

Document = dict[str, object]
DRAFT = "http://json-schema.org/draft-07/schema#"
NUMBER = r"(0|[1-9][0-9]{0,29})(\.[0-9]{1,30}|/[1-9][0-9]{0,29})?"
TEXT: Document = {"type": ["string", "number", "boolean"]}  # a word, which YAML may take for something else
FREQUENCY: Document = {"type": "string", "pattern": rf"^{NUMBER}\s*({'|'.join(units.FREQUENCIES)})$"}

ENERGY: Document = {
    "table": {"type": "string", "description": "a table of the package, or a file"},
    "override": {"type": "object", "description": "single prices, by action"},
}


def machine_document(schemas: Iterable[MachineSchema]) -> Document:
    """Of the files of some machines; which one, its entry `machine` says."""
    known = {schema.name: schema for schema in schemas}
    made: Document = {
        "$schema": DRAFT,
        "title": "a machine of accelsim",
        "type": "object",
        "required": ["machine"],
        "properties": {"machine": {"description": "which machine this configures", "enum": list(known)}},
    }
    if len(known) == 1:
        (schema,) = known.values()
        return {**made, **file_of(schema), "title": f"{schema.name}: {schema.title}"}
    whole = [{"if": {"properties": {"machine": {"const": name}}}, "then": file_of(s)} for name, s in known.items()]
    return {**made, "allOf": whole}


def file_of(schema: MachineSchema) -> Document:
    """Everything that a file of a machine may say."""
    options = {name: described(option, value_of(option), option.default) for name, option in schema.options.items()}
    clocks = {
        name: {**FREQUENCY, "description": "a frequency", "default": default} for name, default in schema.clocks.items()
    }
    known = [f"clocks.{name}" for name in schema.clocks]
    for part in schema.parts:
        known += [part, f"{part}.model", *(f"{part}.{name}" for name in params_of(schema, part))]
    return {
        "properties": {
            "machine": {"description": schema.title, "const": schema.name},
            "name": {**TEXT, "description": "what results call it; the file's name without it"},
            "clocks": section("its clocks", clocks),
            "options": section("choices that concern more than one block", options),
            "parts": section("its blocks", {name: part_of(part) for name, part in schema.parts.items()}),
            "energy": section("what actions cost", ENERGY),
            "sources": section("where values are from; results keep it", dict.fromkeys(known, TEXT)),
        },
        "additionalProperties": False,
    }


def section(what: str, properties: Mapping[str, Document]) -> Document:
    """A mapping of known names, or nothing (all of its entries are commented out)."""
    return {
        "description": what, "type": ["object", "null"], "properties": dict(properties), "additionalProperties": False
    }  # fmt: skip


def part_of(part: Part) -> Document:
    """A block: the parameters of its model, or of the one that is chosen."""
    params = {
        model: {
            name: described(param, value_of(param, timed=True), part.defaults.get(name, param.default))
            for name, param in part.params(model).items()
        }
        for model in part.choices
    }
    if not part.has_choice:
        return section(part.doc, params[part.default_model])
    models: Document = {"description": f"{part.default_model} without it", "enum": list(params)}
    chosen = [
        {
            "if": {"properties": {"model": {"const": model}}, "required": ["model"] * (model != part.default_model)},
            "then": {"properties": {"model": models, **own}, "additionalProperties": False},
        }
        for model, own in params.items()
    ]
    return {"description": part.doc, "type": ["object", "null"], "properties": {"model": models}, "allOf": chosen}


def described(param: Param, value: Document, default: object) -> Document:
    """A value with the parameter's sentence, its unit and range, and its default."""
    low, high = bounds(param)
    about = "" if param.choices else f" ({param.unit}, {low:,} to {high:,})"
    if param.choices and str(default) in ("true", "false"):
        default = str(default) == "true"
    return {"description": f"{param.doc}{about}", "default": default, **value}


def value_of(param: Param, timed: bool = False) -> Document:
    """What may be written: one of the choices; a whole number within the range; a number with a unit. `timed`: there is
    a clock that turns seconds into cycles."""
    if param.choices:
        return {"enum": [said for choice in param.choices for said in spellings(str(choice))]}
    low, high = bounds(param)
    known = [*units.PLAIN.get(param.unit, {}), *(units.IN_SECONDS.get(param.unit, {}) if timed else {})]
    suffix = rf"\s*({'|'.join(map(re.escape, known))})?" if known else ""
    written = {"type": "string", "pattern": f"^{'-?' if low < 0 else ''}{NUMBER}{suffix}$"}
    return {"anyOf": [{"type": "integer", "minimum": low, "maximum": high}, written]}


def bounds(param: Param) -> tuple[int, int]:
    """Least and most of a parameter."""
    return param.low, MOST.get(param.unit, MOST["count"]) if param.high is None else param.high


def spellings(word: str) -> list[object]:
    """How YAML may hand over a word: a switch and a number also as such."""
    if word in ("true", "false"):
        return [word == "true", word]
    return [int(word), word] if word.isdecimal() else [word]
