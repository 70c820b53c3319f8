"""From settings (a place, a name, a text) to checked values: defaults, units, ranges, and every mistake at once."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf

from accelsim.config import units
from accelsim.config.schema import MachineSchema, Part
from accelsim.core import document
from accelsim.core.clock import periods
from accelsim.core.component import Param
from accelsim.core.errors import InputError, shown, suggest

LONGEST_PERIOD = 1 << 22  # units of the time base a cycle may take: 2**38 cycles still fit an int64 with room to spare


@dataclass(frozen=True)
class Setting:
    """where: "x.yaml:14" or "--set a.b=c". keys: ("parts", "denser", "lines"). value: text, or a nested entry that is
    out of place. line: None for an override."""

    where: str
    keys: tuple[str, ...]
    value: object
    line: int | None

    @property
    def name(self) -> str:
        """As a user says it: "denser.lines", "clocks.core"."""
        return ".".join(self.keys[self.keys[0] == "parts" :])

    @property
    def is_override(self) -> bool:
        return self.line is None


class Resolution:
    """Collects problems while settings are settled, so that a user sees all of them in one go."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[tuple[float, int, str]] = []
        self.places: dict[str, str] = {}  # of the entries of `energy`

    def problem(self, line: int | None, sentence: str) -> None:
        self.problems.append((inf if line is None else line, len(self.problems), sentence))

    def text(self) -> str:
        """One line per problem, by line of the file, overrides last."""
        return "\n".join(sentence for _, _, sentence in sorted(self.problems))

    def settle(self, schema: MachineSchema, settings: list[Setting]) -> dict[str, dict]:
        """clocks, options, parts, models and energy of an Arch. Look at `problems` before using them."""
        by_section: dict[str, list[Setting]] = {"clocks": [], "options": [], "parts": [], "energy": []}
        for setting in settings:
            by_section[setting.keys[0]].append(setting)
        clocks = self.clocks(schema, by_section["clocks"])
        models = self.models(schema, by_section["parts"])
        return {
            "clocks": clocks,
            "options": self.options(schema, by_section["options"]),
            "parts": self.parts(schema, by_section["parts"], models, clocks),
            "models": {part: model for part, (model, _) in models.items() if schema.parts[part].has_choice},
            "energy": self.energy(by_section["energy"]),
            "places": self.places,
        }

    def clocks(self, schema: MachineSchema, settings: Iterable[Setting]) -> dict[str, Fraction]:
        clocks = {name: units.frequency(text) for name, text in schema.clocks.items()}
        before = len(self.problems)
        for s in self.named(settings, schema.clocks, "clock"):
            hertz = self.taken(s, f"clocks.{s.keys[1]}: ", units.frequency)
            if hertz is not None:
                clocks[s.keys[1]] = hertz
        if len(self.problems) == before and max(periods(clocks)[1].values(), default=1) > LONGEST_PERIOD:
            shown = ", ".join(f"{name} {units.frequency_text(hertz)}" for name, hertz in clocks.items())
            self.problem(
                None,
                f"{self.source}: clocks: {shown} have no common time base short enough to count long runs in; "
                "write rounder frequencies, or the ratio that is meant, such as '4000/3 MHz'",
            )
        return clocks

    def options(self, schema: MachineSchema, settings: Iterable[Setting]) -> dict[str, object]:
        options = {name: option.default for name, option in schema.options.items()}
        for s in self.named(settings, schema.options, "option"):
            option = schema.options[s.keys[1]]
            options[s.keys[1]] = self.taken(s, "", read, option, "options")
        return options

    def models(self, schema: MachineSchema, settings: Iterable[Setting]) -> dict[str, tuple[str, str]]:
        """Part -> the model that counts, and the model of the file alone."""
        models = {name: (part.default_model, part.default_model) for name, part in schema.parts.items()}
        for s in settings:
            name = s.keys[1] if len(s.keys) > 1 else ""
            if s.keys[2:] != ("model",) or name not in schema.parts:
                continue
            part = schema.parts[name]
            if not part.has_choice:
                self.problem(s.line, f"{s.where}: {name}.model: there is only one model of this part; leave it out")
            elif not isinstance(s.value, str) or s.value not in part.choices:
                known = ", ".join(part.choices)
                shown = f"{s.value!r}{suggest(s.value, part.choices)}" if isinstance(s.value, str) else "a nested value"
                self.problem(s.line, f"{s.where}: {name}.model: expected one of {known}, not {shown}")
            else:
                models[name] = (s.value, models[name][1] if s.is_override else s.value)
        return models

    def parts(self, schema, settings: list[Setting], models, clocks) -> dict[str, dict[str, object]]:
        given: dict[str, dict[str, object]] = {name: {} for name in schema.parts}
        for s in self.named(settings, schema.parts, "part"):
            name = s.keys[1]
            part, (model, filed) = schema.parts[name], models[name]
            if len(s.keys) == 2:
                self.problem(s.line, f"{s.where}: {name} must be a mapping, as in '{name}: {{PARAMETER: VALUE}}'")
                continue
            parameter, known = s.keys[2], part.params(model)
            if parameter == "model":
                continue
            if parameter not in known:
                replaced = not s.is_override and model != filed and parameter in part.params(filed)
                if not replaced:  # an override chose another model: what the file says of its own model is moot
                    self.problem(s.line, f"{s.where}: {name}.{parameter}: {_unknown(part, model, parameter)}")
                continue
            param, clock = known[parameter], part.clock
            given[name][parameter] = self.taken(s, "", read, param, name, clock, clocks[clock])
        return {
            name: self.defaults(name, part, models[name][0], clocks[part.clock], given[name])
            for name, part in schema.parts.items()
        }

    def defaults(self, name: str, part: Part, model: str, hertz: Fraction, given: Mapping) -> dict[str, object]:
        """Every parameter of the model: as given, else the machine's default, else the component's."""
        values = {}
        for parameter, param in part.params(model).items():
            default = part.defaults.get(parameter, param.default)
            if parameter in given:
                values[parameter] = given[parameter]
            elif isinstance(default, str) and not param.choices:
                try:
                    values[parameter] = read(default, param, name, part.clock, hertz)
                except InputError as error:
                    self.problem(None, f"{self.source}: {error} (this is the default; give a value)")
            else:
                values[parameter] = default
        return values

    def energy(self, settings: Iterable[Setting]) -> dict[str, object]:
        """`table` and `override` as plain values; what they mean is energy/'s business."""
        energy: dict[str, object] = {}
        for s in settings:
            if len(s.keys) > 1:
                self.put(energy, s)
            elif not isinstance(s.value, dict):
                self.problem(s.line, f"{s.where}: energy must be a mapping with 'table' and 'override'")
            else:
                for key, entry in s.value.items():
                    where = f"{s.where.rpartition(':')[0]}:{entry.line}"
                    self.places |= document.lines(entry, s.where.rpartition(":")[0], f"energy.{key}")
                    energy[key] = document.plain(entry)
                    self.check_energy(key, energy[key], where, entry.line)
        return energy

    def put(self, energy: dict, s: Setting) -> None:
        """An override energy.table=NAME or energy.override.ACTION.FIELD=NUMBER."""
        place = energy
        for key in s.keys[1:-1]:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                self.problem(s.line, f"{s.where}: {'.'.join(s.keys)}: {key} is a single value")
                return
        place[s.keys[-1]] = document.scalar(s.value)
        self.places[".".join(s.keys)] = s.where
        self.check_energy(s.keys[1], energy[s.keys[1]], s.where, s.line)

    def check_energy(self, key: str, value: object, where: str, line: int | None) -> None:
        if key not in ("table", "override"):
            self.problem(line, f"{where}: energy.{key}: there is no such entry{suggest(key, ('table', 'override'))}")
        elif key == "table" and not (isinstance(value, str) and value):
            self.problem(line, f"{where}: energy.table: expected a table's name or file, not {shown(value)}")
        elif key == "override" and not isinstance(value, dict):
            self.problem(
                line, f"{where}: energy.override: expected a mapping from actions to prices, not {shown(value)}"
            )

    def named(self, settings: Iterable[Setting], known: Mapping, what: str) -> Iterable[Setting]:
        """The settings whose name is known; the others become problems."""
        for s in settings:
            if s.keys[1] in known:
                yield s
            else:
                hint = suggest(s.keys[1], known)
                self.problem(s.line, f"{s.where}: {s.name}: there is no {what} {s.keys[1]!r}{hint}")

    def taken(self, s: Setting, prefix: str, reader: Callable, *context) -> object:
        """What `reader` makes of a setting's text; None, and a problem, when it refuses or there is no single text."""
        if len(s.keys) > (3 if s.keys[0] == "parts" else 2) or not isinstance(s.value, str):
            self.problem(s.line, f"{s.where}: {s.name}: expected a single value, not a list or mapping")
        elif not s.value:
            self.problem(s.line, f"{s.where}: {s.name}: a value is missing")
        else:
            try:
                return reader(s.value, *context)
            except InputError as error:
                self.problem(s.line, f"{s.where}: {prefix}{error}")
        return None


def read(text: str, param: Param, owner: str, clock: str = "", hertz: Fraction | None = None) -> object:
    """The value a text gives a parameter, within its range. Raises InputError "owner.name: rule"."""
    if param.choices:
        value = next((c for c in param.choices if text == str(c)), text)
        if value == text and text.lower() in ("true", "false"):
            value = next((c for c in param.choices if text.lower() == str(c).lower()), text)
    else:
        try:
            value = units.whole(text, param.unit, clock, hertz)
        except InputError as error:
            raise InputError(f"{owner}.{param.name}: {error}") from None
    param.check(owner, value)
    return value


def _unknown(part: Part, model: str, parameter: str) -> str:
    others = [m for m in part.choices if parameter in part.params(m)]
    if others:
        return f"the model {model!r} has no such parameter, but {' and '.join(map(repr, others))} has"
    return f"no such parameter{suggest(parameter, part.params(model))}"
