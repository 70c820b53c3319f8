"""The hardware twins of a machine, as it hands them to the harness (see docs/rtl.md)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from accelsim.core import Simulator
from accelsim.core.errors import InputError, suggest
from accelsim.rtl.cosim import Case
from accelsim.rtl.datapath import Parameters
from accelsim.rtl.mutations import Mutation
from accelsim.rtl.netlist import Netlist
from accelsim.rtl.package import Package

Draw = Callable[[int, int], Iterator[Case]]  # so many random cases, from a seed
Layers = Callable[[Any, Any, bool], Iterator[Case]]  # of an Arch and a Workload; whether on its operands


@dataclass(frozen=True)
class Whole:
    """A whole machine, whose modules run networks by themselves; `top` is what they are called together.

    workload: of an Arch and a Workload what both run, the machine's netlist with its tables, and the simulator.
    networks: the same of so many random networks on an Arch, from a seed. mutations: the bugs that are seeded in it.
    pictured: the channels that a picture of it shows. written: whether it can be written as RTL with a testbench;
    otherwise its memories are the harness's.
    """

    top: str
    workload: Callable[[Any, Any], tuple[Case, Simulator]]
    networks: Callable[[Any, int, int], Iterator[tuple[Case, Simulator]]]
    mutations: tuple[Mutation, ...] = ()
    pictured: tuple[str, ...] = ()
    written: bool = True


@dataclass(frozen=True)
class Twins:
    """What the harness must know of a machine's modules.

    package: where the modules stand and what they share. cases: by the module's name its random cases. small: others,
    of modules that take long to build, in which seeded bugs are looked for. mutations: these bugs. parameters: those of
    every module in a configuration (an Arch). tops: the netlists that are written as the RTL of such parameters, the
    main one last. trials: random cases of such a top (its name, the parameters, a seed), of which one becomes its
    testbench. layers: by the module that workloads are run on, the cases of one on a configuration (Arch, Workload),
    with its operands or for the control alone; the first module is meant where none is named. remarks: sentences on
    a run of the machine, of Arch and Workload, for instance in how many cycles units that have twins are at work.
    whole: by name a whole machine that runs networks by itself. pictured: the channels that a picture shows of a
    netlist that has them; the first two say where it looks closely.
    """

    package: Package
    cases: Mapping[str, Draw]
    parameters: Callable[[Any], Parameters]
    tops: Callable[[Parameters], list[Netlist]]
    trials: Callable[[str, Parameters, int], Iterable[Case]]
    small: Mapping[str, Draw] = field(default_factory=dict)
    mutations: tuple[Mutation, ...] = ()
    layers: Mapping[str, Layers] = field(default_factory=dict)
    remarks: Callable[[Any, Any], Iterable[str]] | None = None
    whole: Mapping[str, Whole] = field(default_factory=dict)
    pictured: tuple[str, ...] = ()

    def chosen(self, names: Iterable[str]) -> list[str]:
        """The modules of these names; all without any. Raises InputError for a name that none has."""
        names = list(names)
        for name in names:
            if name in self.whole:
                raise InputError(f"cosim: {name} is the whole machine, which runs networks by itself; name it alone")
            if name not in self.cases:
                every = [*self.cases, *self.whole]
                raise InputError(f"cosim: there is no module {name!r}, only {', '.join(every)}{suggest(name, every)}")
        return names or list(self.cases)

    def running(self, names: Iterable[str]) -> list[str]:
        """Those of these modules that workloads are run on; all such without any. Raises InputError when there is
        none."""
        chosen = self.chosen(names)
        found = [name for name in self.layers if name in chosen]
        if not found:
            raise InputError(f"cosim: none of {', '.join(chosen)} runs the layers of a workload")
        return found

    def workload_cases(self, arch: Any, workload: Any, *, module: str = "", data: bool = True) -> Iterator[Case]:
        """The cases of a workload on a module (the first that runs any); with `data`, on its operands.

        Raises InputError when the module runs no workloads.
        """
        return self.layers[self.running([module] if module else [])[0]](arch, workload, data)
