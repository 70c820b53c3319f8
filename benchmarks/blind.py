"""Power and area of chips of others, predicted from their published configuration and the shipped price table alone.

    python benchmarks/blind.py

No price was fitted to any of these chips. A figure between nodes is that of the table at the chip's own node (scaled
after Stillmaker and Baas, Integration 58, 2017, as the table says), or linear in the node between the two tables around
it; between supplies it goes with the square of the voltage. Each row: published, predicted with the table's bounds, and
the error of the nominal figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

WORKLOAD = "deit_base_s90"


@dataclass(frozen=True)
class Chip:
    """A chip: the machine that stands for it with overrides; the parts of it that are the published block (empty: all
    of the chip); supply in volts; what was published, and how it is known. tables: energy tables and their shares, of
    a node between two of them (empty: the configuration's). max_mhz: a clock that was published, where it is faster
    than the tables' prices are good for. attention: it runs attention alone, every score of it kept."""

    name: str
    machine: str
    overrides: tuple[str, ...]
    parts: tuple[str, ...]
    volts: float
    mw: float
    mm2: float
    known: str
    tables: Mapping[str, float] = field(default_factory=dict)
    max_mhz: float = 0
    attention: bool = False


SIZES_232 = (  # 512 MACs, 232 KB, 1 GHz: all that is published of its configuration
    "clocks.core=1 GHz", "act_buffer.capacity_bytes=132 KiB", "weight_buffer.capacity_bytes=64 KiB",
    "output_buffer.capacity_bytes=16 KiB", "spill_buffer.capacity_bytes=15 KiB", "attention=fused",
)  # fmt: skip
# what the papers describe: attention; what is ours for dense layers, and the program, are left out
SANGER = ("predictor", "pack", "array", "merge", "kv_buffer", "q_buffer", "predict_buffer", "output_buffer", "dma")
SPATTEN = (
    "fetcher", "qk_array", "softmax", "decision", "row_top_k", "pv_array", "importance", "top_k", "k_buffer",
    "l_buffer", "v_buffer", "q_buffer", "output_buffer", "dma",
)  # fmt: skip
EIGHTH = ("k_buffer.capacity_bytes=16 KiB", "l_buffer.capacity_bytes=8 KiB", "v_buffer.capacity_bytes=16 KiB",
          "weight_buffer.capacity_bytes=32 KiB")  # fmt: skip
NODE_55 = {"generic_45nm": 1 / 2, "generic_65nm": 1 / 2}
NODE_40 = {"generic_32nm": 5 / 13, "generic_45nm": 8 / 13}
CHIPS = (
    Chip("ITA, 22 nm", "ita_streams", ("energy.table=generic_22nm",), ("engine",), 0.8, 60.6, 0.173,
         "abstract: 16.9 TOPS/W, 5.93 TOPS/mm2 at 1.024 TOPS"),
    Chip("arXiv 2510.14393, 28 nm", "systolic", SIZES_232, (), 0.9, 443.0, 1.19,
         "1,024 GOPS at 2.31 TOPS/W; its supply is not known, 0.9 V is assumed"),
    Chip("ViTCoD, 28 nm", "vitcod", (), (), 0.9, 323.9, 3.0, "paper; its supply is not known, 0.9 V is assumed"),
    Chip("Sanger, 55 nm", "sanger", ("operand_bits=16",), SANGER, 0.9, 2760.0, 16.9,
         "paper, table 2; prediction array, buffers and supply are not known: ours, and 0.9 V",
         NODE_55, attention=True),
    Chip("SpAtten-1/8, 40 nm", "spatten_eighth", (), SPATTEN, 0.9, 325.0, 1.55,
         "0.325 W of the core, as table II of SOFA has it; buffers as in the full size; its supply is not known, 0.9 V",
         NODE_40, max_mhz=1000, attention=True),
    Chip("SpAtten-1/8, buffers of an eighth", "spatten_eighth", EIGHTH, SPATTEN, 0.9, 325.0, 1.55,
         "the same; an eighth of the lines' buffers", NODE_40, max_mhz=1000, attention=True),
)  # fmt: skip
SOFTMAX = {  # of ITA's block: rows of its area that serve the softmax alone, as its price document has them
    "compare_int16": "columns / 2 + 1", "shift_int32": "columns / 2 + length / 4", "add_int16": "1.5 * columns",
    "divide_int16": "0.5 * dividers", "file_bit": "19 * sum_fifo + 27 * length",
}  # fmt: skip


def work(chip: Chip):
    """The workload that a chip is busy with."""
    import numpy as np

    from accelsim.config.shipped import find
    from accelsim.workload import load

    found = load(find("workloads", WORKLOAD))
    if not chip.attention:
        return found
    masks = {name: replace(mask, keep=np.ones_like(mask.keep)) for name, mask in found.masks.items()}
    return replace(found, layers=tuple(found.attention_layers), masks=masks)


def predicted(chip: Chip) -> tuple[list[float], list[float], object]:
    """(mW, mm2), each nominal, low and high; and the record with its table."""
    from accelsim.accelerators import schema
    from accelsim.accelerators.run import run
    from accelsim.config import load_arch

    record = run(load_arch(chip.machine, schema, list(chip.overrides)), work(chip))
    if not chip.tables:
        return *at_table(chip, record), record
    mw, mm2 = [0.0] * 3, [0.0] * 3
    for table, share in chip.tables.items():
        energy = {"table": table}
        if chip.max_mhz:
            energy["override"] = {"clock": {"max_mhz": chip.max_mhz}}
        found = at_table(chip, replace(record, arch=record.arch | {"energy": energy}))
        mw, mm2 = ([a + share * b for a, b in zip(old, new)] for old, new in zip((mw, mm2), found))
    return mw, mm2, record


def at_table(chip: Chip, record) -> tuple[list[float], list[float]]:
    """(mW, mm2) with the table that a record names. What leaves the published block is not its own."""
    from accelsim.energy import floor_plan, load_table
    from accelsim.report import summarize

    summary, table = summarize(record), load_table(record.arch["energy"], record.prices)
    # the published figure is that of the peak: the same energy in the time that all MACs at work would take
    seconds = summary.total.seconds * summary.total.mac_utilization
    mine = [c for c in summary.charges if not c.off_chip and (not chip.parts or c.component in chip.parts)]
    mine = [c for c in mine if not c.action.startswith("logits.")]
    supply = (chip.volts / table.vdd) ** 2
    mw = [sum(getattr(c, name) for c in mine) * 1e-9 / seconds * supply for name in ("pj", "low_pj", "high_pj")]
    pieces = [p for p in floor_plan(record.result.parts, table) if not chip.parts or p.component in chip.parts]
    mm2 = [sum(p.bounds_um2[n] for p in pieces) / 1e6 for n in range(3)]
    if chip.machine == "ita_streams":  # the logits lie in a memory of the cluster
        from accelsim.energy.area import memories_of

        logits = memories_of("engine", record.result.parts, table)["logits"].um2 / 1e6
        mm2 = [x - factor * logits for x, factor in zip(mm2, table.sram_area_factor)]
    return mw, mm2


def softmax_share(record, mm2: float) -> float:
    """The share of ITA's block that its softmax covers."""
    from accelsim.energy import load_table
    from accelsim.energy.area import names_of
    from accelsim.energy.expression import evaluate

    table = load_table(record.arch["energy"], record.prices)
    names, found = names_of("engine", record.result.parts), 0.0
    for row, amount in SOFTMAX.items():
        found += table.rows[row].um2.nominal * evaluate(amount, names, "engine") / table.density / 1e6
    return found / mm2


def main() -> None:
    print("| chip | figure | published | predicted | low | high | error |\n|---|---|---|---|---|---|---|")
    worst = 0.0
    for chip in CHIPS:
        mw, mm2, record = predicted(chip)
        for figure, published, found, digits in (("mW", chip.mw, mw, 1), ("mm2", chip.mm2, mm2, 3)):
            error = found[0] / published - 1
            worst = max(worst, abs(error))
            values = " | ".join(f"{x:.{digits}f}" for x in found)
            print(f"| {chip.name} | {figure} | {published} | {values} | {error:+.0%} |")
        if chip.machine == "ita_streams":
            print(f"| {chip.name} | softmax, of the area | 3.3 % | {softmax_share(record, mm2[0]):.1%} | | | |")
    print(f"\nworst error {worst:.0%}")
    for chip in CHIPS:
        print(f"{chip.name}: {chip.known}")


if __name__ == "__main__":
    main()
