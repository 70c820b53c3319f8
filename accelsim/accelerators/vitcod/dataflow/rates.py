"""What ViTCoD's parts deliver in a cycle: what an estimate of time needs to know beside the buffers' sizes."""

from dataclasses import dataclass, replace

from accelsim.accelerators import main_memory
from accelsim.accelerators.vitcod.dataflow.resources import Resources
from accelsim.config.arch import Arch
from accelsim.dataflows.estimate import ArrayRates, Memory
from accelsim.dataflows.tiling import Stay
from accelsim.isa.tables import TO_DRAM


@dataclass(frozen=True)
class Rates:
    """array, memory: of any layer. The others: of attention, in the units of `accelsim describe vitcod`."""

    array: ArrayRates
    memory: Memory
    lines: int
    macs: int
    q_port_bytes: int
    banks: int
    bank_bytes: int
    v_banks: int
    v_bank_bytes: int
    score_ports: int
    segment: int
    word_bytes: int
    index_banks: int
    index_port_bytes: int
    psum_banks: int
    psum_port_bytes: int
    softmax_lanes: int
    softmax_max: bool
    divide_cycles: int
    divide_interval: int
    merge_lanes: int
    decoder_macs: int
    decoder_bytes: int
    act_bytes: int
    fetches: int  # of queries from DRAM that may be under way; 0: they come from the activation buffer
    fetch_bytes: int

    def beside(self, have: Resources, stay: Stay, size: int) -> "Rates":
        """What is left beside a layer's output of so many bytes, where that stays on chip."""
        if stay.output == TO_DRAM:
            return self
        act = have.act_bytes - size
        return replace(self, act_bytes=act, array=replace(self.array, act_bytes=act))


def rates(arch: Arch) -> Rates:
    """Of a configuration."""
    part = arch.parts
    engine, vector = part["engine"], part["vector"]
    array = ArrayRates(
        weight_banks=part["weight_gb"]["banks"],
        weight_port_bytes=part["weight_gb"]["port_bytes"],
        act_banks=part["act_gb0"]["banks"],
        act_port_bytes=part["act_gb0"]["port_bytes"],
        psum_cycle_bytes=engine["psum_banks"] * engine["psum_port_bytes"],
        step_cycles=engine["step_cycles"],
        vector_lanes=vector["lanes"],
        encoder_macs=part["encoder"]["lines"] * part["encoder"]["macs"],
        encoder_sum_bytes=part["encoder"]["sum_port_bytes"],
        weight_bytes=part["weight_gb"]["capacity_bytes"],
        act_bytes=part["act_gb0"]["capacity_bytes"],
        store_bytes=part["act_gb1"]["capacity_bytes"],
        outstanding=min(part["weight_gb"]["outstanding"], part["act_gb0"]["outstanding"]),
        reduce_cycles=vector["reduce_cycles"],
        rsqrt_cycles=vector["rsqrt_cycles"],
        vector_rows=vector["rows"],
        store_cycle_bytes=part["act_gb1"]["banks"] * part["act_gb1"]["port_bytes"],
        double_buffer=arch.options["double_buffer"] == "true",
        windows=True,
        told="program_gb" in part,
    )
    return Rates(
        array=array,
        memory=main_memory.closed_form(arch),
        lines=engine["lines"],
        macs=engine["macs"],
        q_port_bytes=part["denser"]["q_port_bytes"],
        banks=part["sparser"]["banks"],
        bank_bytes=part["sparser"]["bank_bytes"],
        v_banks=min(part["sparser"]["banks"], part["weight_gb"]["banks"]),
        v_bank_bytes=min(part["sparser"]["bank_bytes"], part["weight_gb"]["port_bytes"]),
        score_ports=part["sparser"]["score_ports"],
        segment=part["sparser"]["segment"],
        word_bytes=part["walker"]["word_bytes"],
        index_banks=part["index_buffer"]["banks"],
        index_port_bytes=part["index_buffer"]["port_bytes"],
        psum_banks=engine["psum_banks"],
        psum_port_bytes=engine["psum_port_bytes"],
        softmax_lanes=part["softmax"]["lanes"],
        softmax_max=part["softmax"]["mode"] == "max",
        divide_cycles=part["softmax"]["divide_cycles"] + part["softmax"]["exp_cycles"],
        divide_interval=part["softmax"]["divide_interval"],
        merge_lanes=part["merge"]["lanes"],
        decoder_macs=part["decoder"]["lines"] * part["decoder"]["macs"],
        decoder_bytes=part["decoder"]["port_bytes"],
        act_bytes=part["act_gb0"]["capacity_bytes"],
        fetches=min(part["queries"]["places"], part["dma"]["outstanding"]) * (arch.options["miss"] == "dram"),
        fetch_bytes=part["queries"]["capacity_bytes"],
    )
