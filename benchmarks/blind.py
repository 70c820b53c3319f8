"""Power and area of chips of others, predicted from their published configuration and the shipped price table alone.

    python benchmarks/blind.py

No price was fitted to any of these chips. A figure between nodes is that of the table at the chip's own node (scaled
after Stillmaker and Baas, Integration 58, 2017, as the table says); between supplies it goes with the square of the
voltage. Each row: published, predicted with the table's bounds, and the error of the nominal figure.
"""

from dataclasses import dataclass

WORKLOAD = "deit_base_s90"


@dataclass(frozen=True)
class Chip:
    """A chip: the machine that stands for it with overrides; the parts of it that are the published block (empty: all
    of the chip); supply in volts; what was published, and how it is known."""

    name: str
    machine: str
    overrides: tuple[str, ...]
    parts: tuple[str, ...]
    volts: float
    mw: float
    mm2: float
    known: str


SIZES_232 = (  # 512 MACs, 232 KB, 1 GHz: all that is published of its configuration
    "clocks.core=1 GHz", "act_buffer.capacity_bytes=132 KiB", "weight_buffer.capacity_bytes=64 KiB",
    "output_buffer.capacity_bytes=16 KiB", "spill_buffer.capacity_bytes=15 KiB", "attention=fused",
)  # fmt: skip
CHIPS = (
    Chip("ITA, 22 nm", "ita_streams", ("energy.table=generic_22nm",), ("engine",), 0.8, 60.6, 0.173,
         "abstract: 16.9 TOPS/W, 5.93 TOPS/mm2 at 1.024 TOPS"),
    Chip("arXiv 2510.14393, 28 nm", "systolic", SIZES_232, (), 0.9, 443.0, 1.19,
         "1,024 GOPS at 2.31 TOPS/W; its supply is not known, 0.9 V is assumed"),
    Chip("ViTCoD, 28 nm", "vitcod", (), (), 0.9, 323.9, 3.0, "paper; its supply is not known, 0.9 V is assumed"),
)  # fmt: skip
SOFTMAX = {  # of ITA's block: rows of its area that serve the softmax alone, as its price document has them
    "compare_int16": "columns / 2 + 1", "shift_int32": "columns / 2 + length / 4", "add_int16": "1.5 * columns",
    "divide_int16": "0.5 * dividers", "file_bit": "19 * sum_fifo + 27 * length",
}  # fmt: skip


def predicted(chip: Chip) -> tuple[list[float], list[float], object]:
    """(mW, mm2), each nominal, low and high; and the record. What leaves the published block is not its own."""
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.config import load_arch
    from accelsim.config.shipped import find
    from accelsim.energy import floor_plan, load_table
    from accelsim.report import summarize
    from accelsim.workload import load

    record = run(load_arch(chip.machine, schema, list(chip.overrides)), load(find("workloads", WORKLOAD)))
    summary, table = summarize(record), load_table(record.arch["energy"], record.prices)
    # the published figure is that of the peak: the same energy in the time that all MACs at work would take
    seconds = summary.total.seconds * summary.total.mac_utilization
    mine = [c for c in summary.charges if not c.off_chip and (not chip.parts or c.component in chip.parts)]
    mine = [c for c in mine if not c.action.startswith("logits.")]
    supply = (chip.volts / table.vdd) ** 2
    mw = [sum(getattr(c, name) for c in mine) * 1e-9 / seconds * supply for name in ("pj", "low_pj", "high_pj")]
    pieces = [p for p in floor_plan(record.result.parts, table) if not chip.parts or p.component in chip.parts]
    mm2 = [sum(p.bounds_um2[n] for p in pieces) / 1e6 for n in range(3)]
    if chip.parts:  # the logits lie in a memory of the cluster
        from accelsim.energy.area import memories_of

        logits = memories_of("engine", record.result.parts, table)["logits"].um2 / 1e6
        mm2 = [x - factor * logits for x, factor in zip(mm2, table.sram_area_factor)]
    return mw, mm2, (record, table)


def softmax_share(record, table, mm2: float) -> float:
    """The share of ITA's block that its softmax covers."""
    from accelsim.energy.area import names_of
    from accelsim.energy.expression import evaluate

    names, found = names_of("engine", record.result.parts), 0.0
    for row, amount in SOFTMAX.items():
        found += table.rows[row].um2.nominal * evaluate(amount, names, "engine") / table.density / 1e6
    return found / mm2


def main() -> None:
    print("| chip | figure | published | predicted | low | high | error |\n|---|---|---|---|---|---|---|")
    worst = 0.0
    for chip in CHIPS:
        mw, mm2, (record, table) = predicted(chip)
        for figure, published, found, digits in (("mW", chip.mw, mw, 1), ("mm2", chip.mm2, mm2, 3)):
            error = found[0] / published - 1
            worst = max(worst, abs(error))
            values = " | ".join(f"{x:.{digits}f}" for x in found)
            print(f"| {chip.name} | {figure} | {published} | {values} | {error:+.0%} |")
        if chip.parts:
            print(f"| {chip.name} | softmax, of the area | 3.3 % | {softmax_share(record, table, mm2[0]):.1%} | | | |")
    print(f"\nworst error {worst:.0%}")
    for chip in CHIPS:
        print(f"{chip.name}: {chip.known}")


if __name__ == "__main__":
    main()
