"""The JSON Schema (draft 07) of sweep files, by which editors complete and check them; axes are those of the machines
that are known. What only reading the file checks, config/json_schema.py says."""

from collections.abc import Iterable, Iterator, Mapping

from accelsim.config.json_schema import DRAFT, FREQUENCY, NUMBER, TEXT, Document, value_of
from accelsim.config.schema import MachineSchema
from accelsim.sweep.axes import MOST
from accelsim.sweep.plan import FIGURES, KINDS, METHODS, MOST_ENTRIES, SAMPLED
from accelsim.workload.bounds import MOST_IMAGES

PLACES = r"^(parts|options|energy)\."  # longer names, which are taken as they are


def whole(low: int, high: int | None = None) -> Document:
    """A whole number."""
    most = {} if high is None else {"maximum": high}
    return {"anyOf": [{"type": "integer", "minimum": low, **most}, {"type": "string", "pattern": "^[1-9][0-9]*$"}]}


OF_WORKLOADS: dict[str, tuple[str, Document]] = {
    "model": ("the network whose masks are synthesized", {"type": "string"}),
    "sparsity": (
        "the share of scores that is pruned",
        {"type": ["number", "string"], "minimum": 0, "exclusiveMaximum": 1},
    ),
    "seed": ("of synthetic masks", whole(0)),
    "batch": ("images at once", whole(1, MOST_IMAGES)),
}


def sweep_document(schemas: Iterable[MachineSchema]) -> Document:
    """Of sweep files that name parameters of these machines."""
    schemas = list(schemas)
    values: dict[str, list[Document]] = {}
    about: dict[str, list[str]] = {}
    for name, sentence, value in settings_of(schemas):
        if value not in (held := values.setdefault(name, [])):
            held.append(value)
        if sentence not in (said := about.setdefault(name, [])):
            said.append(sentence)
    shared, names = Shared(), {}
    fixed: dict[str, Document] = {}
    axes: dict[str, Document] = {}
    for name, held in values.items():
        value = held[0] if len(held) == 1 else {"anyOf": held}
        names[name] = "; ".join(about[name])
        fixed[name] = {"description": names[name], "allOf": [shared.value(value)]}
        axes[name] = {"description": names[name], "allOf": [shared.axis(value)]}
    for name, (sentence, value) in OF_WORKLOADS.items():
        own = shared.axis(value)
        both = [{"anyOf": [*axes[name]["allOf"], own]}] if name in axes else [own]
        axes[name] = {"description": "; ".join([*about.get(name, ()), sentence]), "allOf": both}
    return {
        "$schema": DRAFT,
        "title": "a sweep of accelsim",
        "type": "object",
        "required": ["machines"],
        "anyOf": [{"required": ["workloads"]}, {"properties": {"axes": {"required": ["model"]}}, "required": ["axes"]}],
        "if": {"properties": {"method": {"enum": list(SAMPLED)}}, "required": ["method"]},
        "then": {"required": ["points"]},
        "else": {"properties": {"points": False}},
        "properties": entries(named(fixed), named(axes)),
        "additionalProperties": False,
        "definitions": shared.made,
    }


def entries(fixed: Document, axes: Document) -> dict[str, Document]:
    """What a sweep file may say."""
    machine = {"machine": TEXT, "set": {**fixed, "description": "values of all its points"}, "axes": axes}
    work = {"workload": TEXT, "only": {"description": "only its layers of this kind", "enum": list(KINDS)}}
    return {
        "sweep": {**TEXT, "description": "its name in the store; the file's name without it"},
        "machines": listed("shipped names or files", either(machine, "machine")),
        "workloads": listed("shipped names or files", either(work, "workload")),
        "axes": {**axes, "description": "any parameter, option or clock, and its values"},
        "method": {"description": "how the values are combined", "enum": list(METHODS), "default": METHODS[0]},
        "points": {**whole(1), "description": "how many designs are drawn"},
        "seed": {**whole(0), "description": "of what is drawn"},
        "constraints": listed("arithmetic and comparisons over parameters, as in 'lines * macs <= 512'", TEXT),
        "objectives": listed("figures that a search makes small", {"enum": list(FIGURES)}),
    }


def settings_of(schemas: Iterable[MachineSchema]) -> Iterator[tuple[str, str, Document]]:
    """(name as in `--set`, sentence, value) of everything that can be set of machines."""
    for schema in schemas:
        for name, option in schema.options.items():
            yield name, option.doc, value_of(option)
        for name in schema.clocks:
            yield f"clocks.{name}", "a frequency", FREQUENCY
        for name, part in schema.parts.items():
            if part.has_choice:
                yield f"{name}.model", part.doc, {"enum": list(part.choices)}
            for model in part.choices:
                for key, param in part.params(model).items():
                    yield f"{name}.{key}", param.doc, value_of(param, timed=True)


class Shared:
    """Values and axes that many names have in common, each said once."""

    def __init__(self) -> None:
        self.made: dict[str, Document] = {}
        self.names: dict[tuple[str, str], str] = {}

    def once(self, kind: str, value: Document, made: Document) -> Document:
        """A reference to what is made for a value."""
        name = self.names.setdefault((kind, repr(value)), f"{kind}{len(self.names) + 1}")
        self.made.setdefault(name, made)
        return {"$ref": f"#/definitions/{name}"}

    def value(self, value: Document) -> Document:
        return self.once("value", value, value)

    def axis(self, value: Document) -> Document:
        one = self.value(value)
        many = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST, "uniqueItems": True}
        return self.once("axis", value, {"anyOf": [one, many, span(value)]})


def span(value: Document) -> Document:
    """A range of values; it begins within what the parameter may be, and may end above what it reaches."""
    number = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": f"^-?{NUMBER}"}]}
    ways = ("step", "factor", "steps")
    return {
        "type": "object",
        "required": ["from", "to"],
        "properties": {
            "from": end(value, ("minimum", "maximum")),
            "to": end(value, ("minimum",)),
            **dict.fromkeys(ways, number),
            "scale": {"enum": ["linear", "log"]},
            "multiple": whole(1),
        },
        "not": {"anyOf": [{"required": [a, b]} for a, b in zip(ways, (*ways[1:], ways[0]))]},
        "additionalProperties": False,
    }


def end(value: Document, kept: tuple[str, ...]) -> Document:
    """An end of a range, which need not be whole, with some of its bounds."""
    if "anyOf" in value:
        return {"anyOf": [end(one, kept) for one in value["anyOf"]]}
    if value.get("type") != "integer":
        return value
    return {"type": "number", **{name: value[name] for name in kept if name in value}}


def named(properties: Mapping[str, Document]) -> Document:
    """A mapping from names of parameters."""
    known = dict(properties)
    return {"type": "object", "properties": known, "patternProperties": {PLACES: {}}, "additionalProperties": False}


def either(properties: Mapping[str, Document], must: str) -> Document:
    """A name, or a mapping that says it and more."""
    whole = {"type": "object", "properties": dict(properties), "required": [must], "additionalProperties": False}
    return {"anyOf": [{"type": ["string", "number"]}, whole]}


def listed(what: str, item: Document) -> Document:
    """One or a list of them."""
    many = {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_ENTRIES}
    return {"description": what, "anyOf": [{"type": "string"}, many]}
