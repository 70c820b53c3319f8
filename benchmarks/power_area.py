"""ViTCoD's power and area, row by row, beside what its paper says of the whole.

    python benchmarks/power_area.py [WORKLOAD [NAME=VALUE ...]]

Without a workload: deit_base_s90. Power is a run's energy over its time, by what the energy was for; area is the floor
plan's, by what covers it and by component; all with the energy table's bounds.
"""

import sys

PAPER_MW, PAPER_MM2 = 323.9, 3.0  # You et al., HPCA 2023: the accelerator at 28 nm and 500 MHz, 512 MACs, 320 KB
GROUPS = {  # of actions; what is in none of them is named by itself
    "multiply-accumulates": ("mac", "mac_dot"),
    "output rows and registers": ("file_bit", "register_bit", "add_int32", "add_int16"),
    "broadcast, crossbar and other wires": ("wire_bit", "mux_bit"),
    "clock tree": ("clock_tree",),
    "leakage": ("leakage",),
    "element-wise work, requantisation, normalisation": ("requant", "normalise", "multiply_int8"),
    "softmax": ("exp", "divide_int16", "compare_int16", "score_control"),
    "control": ("control", "line_control"),
}

COVERS = {  # of rows; what is in none of them is named by itself
    "multipliers, adders, accumulators": ("mac", "mac_dot", "add_int16", "add_int32"),
    "output rows of S V, tables": ("file_bit",),
    "operand, result and queue registers": ("register_bit",),
    "crossbar and multiplexers": ("mux_bit",),
    "vector unit": ("vector_lane", "vector_control"),
    "requantisers, normalisers": ("requant", "requant_narrow", "normalise"),
    "softmax": ("exp", "divide_int16", "compare_int16", "score_control"),
    "control": ("control", "line_control", "arbiter_grant", "sequencer_control", "module_um2"),
    "transposing stage": ("stage_byte", "stage_port_byte"),
}


def group(action: str) -> str:
    """What an action's energy is for."""
    if action.endswith((".read", ".write")):
        return "on-chip memories"
    return next((name for name, actions in GROUPS.items() if action in actions), action)


def main(workload: str = "deit_base_s90", *overrides: str) -> None:
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.report import summarize
    from accelsim.workload import load

    record = run(load_arch("vitcod", schema, overrides), load(find("workloads", workload)))
    summary = summarize(record)
    seconds, rows = summary.total.seconds, {}
    for c in summary.charges:
        if not c.off_chip:
            row = rows.setdefault(group(c.action), [0.0, 0.0, 0.0])
            for n, pj in enumerate((c.pj, c.low_pj, c.high_pj)):
                row[n] += pj * 1e-9 / seconds  # mW
    show(f"mW, {workload} at {summary.total.mac_utilization:.1%} of the MACs", rows, PAPER_MW, 1)
    show("mm2, by what covers it", covered(record), PAPER_MM2, 3)
    pieces = {p.component: [um2 / 1e6 for um2 in p.bounds_um2] for p in summary.pieces}
    show("mm2, by component", pieces, PAPER_MM2, 3)


def covered(record) -> dict[str, list[float]]:
    """mm2 of each group of rows, and of the memories."""
    from accelsim.energy import floor_plan, load_table
    from accelsim.energy.area import CHANNEL, CHANNEL_BIT, channels_of, entry_of, names_of
    from accelsim.energy.expression import evaluate

    table, parts = load_table(record.arch["energy"], record.prices), record.result.parts
    found: dict[str, list[float]] = {}
    for name, part in parts.items():
        for action, amount in entry_of(name, part, table).area.items():
            units = evaluate(amount, names_of(name, parts), name) / table.density / 1e6
            what = next((each for each, rows in COVERS.items() if action in rows), action)
            row = found.setdefault(what, [0.0, 0.0, 0.0])
            row[:] = [a + b * units for a, b in zip(row, table.rows[action].um2)]
        for end in channels_of(name, parts, table):
            row = found.setdefault("channels", [0.0, 0.0, 0.0])
            for action, units in ((CHANNEL, 1), (CHANNEL_BIT, end.depth * end.bits)):
                row[:] = [a + b * units / table.density / 1e6 for a, b in zip(row, table.rows[action].um2)]
    pieces = floor_plan(parts, table)
    found["on-chip memories"] = [sum(p.memory_um2[n] for p in pieces) / 1e6 for n in range(3)]
    return found


def show(unit: str, rows: dict[str, list[float]], paper: float, digits: int) -> None:
    """A table of figures with bounds, most first, and the paper's beside their sum."""
    print(f"| {unit} | nominal | low | high | of all |\n|---|---|---|---|---|")
    total = [sum(row[n] for row in rows.values()) for n in range(3)]
    for name, row in sorted(rows.items(), key=lambda item: -item[1][0]):
        print(f"| {name} | {' | '.join(f'{x:.{digits}f}' for x in row)} | {row[0] / total[0]:.1%} |")
    print(f"| **all** | {' | '.join(f'{x:.{digits}f}' for x in total)} | |\n| **paper** | {paper} | | | |\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
