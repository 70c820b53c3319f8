"""Small machines of ViTCoD's kind, most of them random."""

from hypothesis import strategies as st

from accelsim.accelerators import schema
from accelsim.config import load_arch
from accelsim.config.arch import Arch
from tests.accelerators.small import Drawn

OPTIONS = ("auto_encoder", "prune", "reorder", "forward", "two_engines", "double_buffer")


def overrides_of(drawn: Drawn) -> list[str]:
    """Few lines, small buffers, narrow ports and any of ViTCoD's options. Some are too small for a network."""
    some = drawn.whole
    values = {
        "engine.lines": some(1, 16), "engine.macs": some(1, 8), "engine.psum_bytes": some(40, 2000),
        "weight_gb.capacity_bytes": some(300, 2500), "act_gb0.capacity_bytes": some(600, 8000),
        "act_gb1.capacity_bytes": some(100, 900), "index_buffer.capacity_bytes": some(200, 1600),
        "engine.row_values": some(16, 40), "sparser.bank_bytes": some(4, 40), "merge.lanes": some(1, 64),
        "weight_gb.banks": some(1, 3), "weight_gb.port_bytes": some(8, 40), "act_gb0.banks": some(1, 3),
        "act_gb0.port_bytes": some(8, 40), "act_gb1.banks": some(1, 2), "act_gb1.port_bytes": some(8, 40),
        "engine.psum_banks": some(1, 3), "engine.psum_port_bytes": some(8, 40), "engine.step_cycles": some(0, 2),
        "index_buffer.banks": some(1, 3), "index_buffer.port_bytes": some(1, 12),
        "vector.reduce_cycles": some(1, 9), "vector.rsqrt_cycles": some(1, 17),
        "denser.q_bytes": some(60, 1200), "denser.k_bytes": some(320, 1000), "softmax.score_bytes": some(60, 1000),
        "denser.q_port_bytes": some(1, 64), "sparser.banks": some(1, 4), "sparser.segment": some(1, 16),
        "sparser.score_ports": some(1, 8), "softmax.lanes": some(1, 8), "softmax.exp_cycles": some(1, 5),
        "softmax.divide_cycles": some(1, 20), "softmax.divide_interval": some(1, 9), "merge.places": some(1, 20),
        "encoder.lines": some(1, 8), "encoder.sum_bytes": some(8, 200), "encoder.sum_port_bytes": some(1, 16),
        "decoder.lines": some(1, 8), "decoder.port_bytes": some(1, 64),
        "decoder.queue": some(1, 8), "walker.word_bytes": some(1, 8), "vector.lanes": some(1, 16),
        "dma.burst_bytes": some(64, 300), "dma.outstanding": some(1, 8), "weight_gb.outstanding": some(1, 4),
        "act_gb0.outstanding": some(1, 4), "index_buffer.outstanding": some(1, 2), "dram.window": some(1, 8),
        "miss": drawn.one_of(["buffer", "dram"]), "queries.capacity_bytes": some(60, 600),
        "queries.places": some(3, 8), "softmax.mode": drawn.one_of(["bounded", "max"]),
        "heads": drawn.one_of(["parallel", "serial"]),
        "residency": drawn.one_of(["dram", "keep"]),
        "layout": drawn.one_of(["packed", "token_major", "fused_qkv"]),
    }  # fmt: skip
    values["vector.rows"] = values["vector.lanes"] * values["queries.places"]  # 3 to 128, whatever else is drawn
    ports = {  # no reader takes more than its buffer gives
        "decoder.port_bytes": values["act_gb0.banks"] * values["act_gb0.port_bytes"],
        "denser.q_port_bytes": values["sparser.banks"] * values["sparser.bank_bytes"],
        "walker.word_bytes": values["index_buffer.banks"] * values["index_buffer.port_bytes"],
    }
    index = values["index_buffer.port_bytes"]
    ports["softmax.lanes"] = 4 * index if values["index_buffer.banks"] > 1 else index
    values |= {name: min(values[name], most) for name, most in ports.items()}
    values |= drawn.one_of(
        [
            {"dram.model": "exact", "dram.controller": "frfcfs"},
            {"dram.model": "exact", "dram.controller": "dramsim3", "dram.channels": 1},
            *({"dram.model": "pipe", "clocks.dram": clock} for clock in ("1200 MHz", "500 MHz", "333 MHz")),
        ]
    )
    values |= {option: drawn.one_of(["true", "true", "false"]) for option in OPTIONS}
    return [f"{name}={value}" for name, value in values.items()]


@st.composite
def overrides(draw) -> list[str]:
    """Settings of small machines."""
    return overrides_of(Drawn(draw))


def machines() -> st.SearchStrategy[Arch]:
    """ViTCoD with them."""
    return overrides().map(lambda over: load_arch("vitcod", schema, over))


def small_machine(*overrides: str) -> Arch:
    """ViTCoD with few lines and small buffers."""
    sizes = ("engine.lines=12", "engine.macs=4", "act_gb0.capacity_bytes=2000", "weight_gb.capacity_bytes=1500")
    return load_arch("vitcod", schema, [*sizes, "softmax.score_bytes=700", *overrides])
