"""What a configuration says to pruning and to the compiler."""

from accelsim.accelerators.spatten.components.dense_arrays import LEAST
from accelsim.accelerators.spatten.dataflow.resources import Resources
from accelsim.accelerators.spatten.pruning import Options, Plan, plan
from accelsim.config.arch import Arch
from accelsim.dataflows.tiling import VectorRates
from accelsim.workload.workload import Workload


def options(arch: Arch) -> Options:
    """What of the configuration decides who stays alive."""
    said = arch.options
    return Options(
        prune=said["prune"],
        keep=said["keep"],
        keep_heads=said["keep_heads"],
        first_layer=said["first_layer"],
        every=said["every"],
        class_token=said["class_token"] == "true",
        v_prune=said["v_prune"],
        v_keep=said["v_keep"],
        progressive=said["quant"] == "progressive",
        threshold=said["threshold"],
    )


def pruned(arch: Arch, workload: Workload) -> Plan:
    """The network that is left, and who is alive in it."""
    return plan(workload, options(arch))


def resources(arch: Arch) -> Resources:
    """The sizes the compiler counts on."""
    part = arch.parts
    multipliers, depth = part["qk_array"]["multipliers"], part["array"]["depth"]
    return Resources(
        lines=max(1, 2 * multipliers // depth),
        macs=1,
        weight_bytes=part["weight_buffer"]["capacity_bytes"],
        act_bytes=part["act_buffer"]["capacity_bytes"],
        store_bytes=part["output_buffer"]["capacity_bytes"],
        psum_bytes=0,
        vector_rates=VectorRates.of(part["vector"], part["act_buffer"]),
        constants=True,
        array="array",
        weight="weight_buffer",
        act="act_buffer",
        store="output_buffer",
        multipliers=multipliers,
        least=LEAST,
        k_bytes=part["k_buffer"]["capacity_bytes"],
        l_bytes=part["l_buffer"]["capacity_bytes"],
        v_bytes=part["v_buffer"]["capacity_bytes"],
        q_bytes=part["q_buffer"]["capacity_bytes"],
        lines_even=arch.options["lines_even"] == "true",
        tokens=part["importance"]["tokens"],
        choices=part["top_k"]["capacity"],
        comparators=part["row_top_k"]["comparators"],
        round_cycles=part["row_top_k"]["round_cycles"],
        options=options(arch),
    )
