"""What a machine lets its user decide: clocks, options, and the parameters of its parts. accelerators/ fills it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from accelsim.config.arch import Arch
from accelsim.core.component import MOST, Component, Param
from accelsim.core.errors import InputError, suggest

SECTIONS = ("machine", "name", "clocks", "options", "parts", "energy", "sources")


@dataclass(frozen=True)
class Part:
    """One block of the machine.

    doc: one sentence. clock: its clock domain. models: the component that it is, or several by name of which the user
    chooses one (`model: NAME`; the first is the default). defaults: parameter -> value where the machine's default
    differs from the component's own; text with a unit is read as in a configuration file. derived: parameters a user
    does not set here -> the part whose parameter of the same name decides, "PART.NAME" where it has another name, or
    "options.NAME" for an option that does;
    "options" alone: nobody does, it keeps the component's own default. only: an option, and its values that it is there
    with; None: it always is.
    """

    doc: str
    clock: str
    models: type[Component] | Mapping[str, type[Component]]
    defaults: Mapping[str, int | str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] | None = None

    @property
    def choices(self) -> dict[str, type[Component]]:
        """Every model by name; a part with one only is named by its class."""
        one = isinstance(self.models, type)
        return {self.models.__name__: self.models} if one else dict(self.models)

    @property
    def has_choice(self) -> bool:
        return not isinstance(self.models, type)

    @property
    def default_model(self) -> str:
        return next(iter(self.choices))

    def params(self, model: str) -> dict[str, Param]:
        """The parameters of one of its models, in the order of declaration."""
        return {n: p for n, p in self.choices[model].declared(Param).items() if n not in self.derived}


@dataclass(frozen=True)
class MachineSchema:
    """name: as in `machine: NAME`. title: one sentence. clocks: name -> default frequency, as text. options: choices
    that concern more than one part. rules: each is given the resolved Arch and returns a sentence when its values
    contradict each other, else None. Raises TypeError when the declaration itself is wrong.
    """

    name: str
    title: str
    clocks: Mapping[str, str]
    options: Mapping[str, Param]
    parts: Mapping[str, Part]
    rules: tuple[Callable[[Arch], str | None], ...] = ()

    def __post_init__(self) -> None:
        for name, option in self.options.items():
            option.name = name
        for name, part in self.parts.items():
            if name in SECTIONS:
                raise TypeError(f"{self.name}: a part cannot be called {name!r}, which is a section of the file")
            if part.clock not in self.clocks:
                raise TypeError(f"{self.name}.{name}: there is no clock {part.clock!r}, only {', '.join(self.clocks)}")
            known = {p for model in part.choices for p in part.params(model)}
            for unknown in sorted(set(part.defaults) - known):
                raise TypeError(f"{self.name}.{name}: a default is given for {unknown!r}, which is no parameter of it")
            if "model" in known:
                raise TypeError(f"{self.name}.{name}: a parameter cannot be called 'model', which names the component")

    def broken(self, arch: Arch) -> list[str]:
        """A sentence for each of its rules that the values of `arch` break, and for what follows from them."""
        found = [sentence for rule in self.rules if (sentence := rule(arch))]
        for name, part in self.parts.items():
            sizes = arch.parts[name]
            wide = sizes.get("banks", 1) * sizes.get("port_bytes", 1)
            if wide > MOST["bytes/cycle"]:
                most = MOST["bytes/cycle"]
                found.append(f"{name}.banks x {name}.port_bytes is {wide}; make it at most {most} bytes a cycle")
            fields = part.choices[arch.models.get(name, part.default_model)].declared(Param)
            for parameter, value in self.shared(arch, name).items():
                try:
                    fields[parameter].check(name, value)
                except InputError as error:
                    where, _, given = part.derived[parameter].partition(".")
                    found.append(f"{error}; it is what {where}.{given or parameter} says")
        return found

    def create(self, arch: Arch, part: str, name: str | None = None, **tables: Any) -> Component:
        """The component of a part with the values of `arch`; `tables` are its memories. `name` defaults to the part."""
        if part not in self.parts:
            raise InputError(f"{self.name} has no part {part!r}{suggest(part, self.parts)}")
        declared = self.parts[part]
        model = declared.choices[arch.models.get(part, declared.default_model)]
        try:
            return model(name or part, declared.clock, **(arch.parts[part] | self.shared(arch, part) | tables))
        except InputError as error:
            raise InputError(f"{arch.source}: {error}") from None

    def shared(self, arch: Arch, part: str) -> dict[str, Any]:
        """The parameters of a part that other parts or an option decide."""
        found = {}
        for parameter, source in self.parts[part].derived.items():
            where, _, option = source.partition(".")
            if where != "options":
                found[parameter] = arch.parts[where][option or parameter]
            elif option:
                found[parameter] = arch.options[option]
        return found
