"""What the units of `attention_core` are told of each pass, and when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from accelsim.accelerators.vitcod.rtl.blocks import groups
from accelsim.rtl.cosim import Case, run_model
from accelsim.rtl.far_ends import Rng, script
from accelsim.rtl.stimulus import Script

ENGINES = ("denser", "sparser")
Items = list[tuple]
Play = Callable[[Items, int], Script]  # items that may come from a cycle on


@dataclass(frozen=True)
class Work:
    """The commands of a pass: of the decoder for each block of keys, of every other unit, and of the engines' commands
    by each step (scores of a block, ..., values of a block, ...) how many of them each has when it ends."""

    decodes: Sequence[Items]
    units: Mapping[str, Items]
    steps: Sequence[Mapping[str, int]]


def jobs(tables: Mapping[str, np.ndarray], decodes: Sequence[Items]) -> list[Work]:
    """The commands of each pass: scores of all its blocks of keys, then values; `decodes`: the decoder's, of each row
    of the pass table."""
    found = []
    for numbers in groups(tables["passes"]):
        outputs = int(tables["passes"][numbers[0]].rows * tables["passes"][numbers[0]].heads)
        units: dict[str, Items] = {"walker": [], "denser": [], "sparser": []}
        units |= {name: [(0, numbers[0], 0, 0)] for name in ("softmax", "merge")}
        steps = []
        for values in (0, 1):
            for n in numbers:
                one, what = tables["passes"][n], (values, n, 0, outputs * values)
                units["denser"] += [what] * bool(one.dense)
                units["sparser"] += [what] * bool(one.sparse_columns)
                units["walker"] += [what] * (bool(one.sparse_columns) and not values)
                steps.append({name: len(units[name]) for name in ENGINES})
        found.append(Work([decodes[n] for n in numbers], units, steps))
    return found


def commanded(case: Case, work: Sequence[Work], play: Play) -> Case:
    """The case with a script for every unit's commands, as the sequencer gives them: operands may come when both
    engines are done with what was last on their side of the double buffers (the values of the pass before the last;
    of passes with blocks of keys, the scores of the block before the last), all other commands when they are done
    with the pass before."""
    parts: dict[str, list[Script]] = {name: [] for name in ("decoder", *work[0].units)}

    def give(name: str, items: Items, begin: int) -> None:
        parts[name].append(play(items, begin))
        at = np.maximum.accumulate(np.concatenate([s.at for s in parts[name]]))
        case.scripts[f"{name}_command"] = Script(at, np.concatenate([s.items for s in parts[name]]))

    def after(counts: Mapping[str, int]) -> int:
        """The cycle after both engines have done so many commands."""
        logged = case.netlist.logged()
        rows, _ = run_model(replace(case, stuck=True))
        ends = [rows[rows[:, 1] == logged.index(f"{e}_done"), 0][n - 1] for e, n in counts.items() if n]
        return 1 + int(max(ends, default=-1))

    for name in parts:
        give(name, [], 0)
    freed: list[dict[str, int]] = []  # of each side that was filled: the engines' commands by which it is free again
    given = dict.fromkeys(ENGINES, 0)
    for one in work:
        several = len(one.decodes) > 1
        for b, items in enumerate(one.decodes):
            give("decoder", items, after(freed[-2]) if len(freed) > 1 else 0)
            if b == 0:
                begin = after(given)
                for name, mine in one.units.items():
                    give(name, mine, begin)
            freed.append({e: given[e] + n for e, n in one.steps[b if several else -1].items()})
        given = {e: given[e] + n for e, n in one.steps[-1].items()}
    return case


def play_at_random(rng: Rng, items: Items, begin: int) -> Script:
    """Each at a random time, from a cycle on."""
    return script(rng, items, 4, begin)


def play_at_once(items: Items, begin: int) -> Script:
    """Everything as soon as there is room, from a cycle on."""
    return Script(np.full(len(items), begin, np.int64), np.array(items, np.int64).reshape(len(items), 4))
