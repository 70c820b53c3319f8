"""Platforms: closed forms of the model, bounds, and what is refused."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.accelerators import machine, schema, simulated
from accelsim.accelerators.contract import check_contract, failed
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.config.shipped import find
from accelsim.core.errors import InputError
from accelsim.report import files, metrics
from accelsim.workload import Attention, AttentionMask, Gemm, LinearAttention, Norm, Workload, load

PLATFORMS = ("cpu", "edge_gpu", "gpu", "h100", "h100_host")
ROUND = """machine: platform
clocks: {core: 1 GHz, dram: 2 GHz}
parts:
  host: {launch: 100, graph_launch: 70}
  device: {start: 10}
  float32: {flops: 64, efficiency: 500, step: 3, fused_efficiency: 250, fused_step: 5, operation: 1000}
  float16: {flops: 128, efficiency: 500, step: 1}
  sparse: {kernels: 4, score: 2}
  dram: {bytes_per_cycle: 8, efficiency: 500, byte: 2000}
  board: {idle: 1000, busy: 3000}
"""
PRODUCT = Gemm("g", "b", "mlp", 16, 32, 64, residual=True)
HEADS = Attention("a", "b", 2, 12, 12, 8, 8)


@pytest.fixture
def round_numbers(tmp_path):
    """A platform whose cycles can be counted by hand, as set."""
    path = tmp_path / "round.yaml"
    path.write_text(ROUND)

    def made(*over: str):
        return load_arch(path, schema, over)

    return made


def cycles(arch, *layers, masks=None, batch: int = 1) -> int:
    return run(arch, Workload("w", "test", layers, masks or {}, batch=batch)).result.cycles()


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_platform_keeps_the_contract_of_analytic_machines(name):
    rules = check_contract(load_arch(name, schema), cases=2)
    assert failed(rules) == [] and len(rules) == 8
    assert name not in simulated() and machine("platform").analytic


def test_a_kernel_takes_as_long_as_the_slowest_of_its_roofs(round_numbers):
    # 32,768 products of 32 at 16 a cycle; (16 x 32 + 32 x 64 + 16 x 64) words of 4 bytes at 8 a cycle, half of 16
    plain = replace(PRODUCT, residual=False)
    assert cycles(round_numbers("launch=in_turn"), plain) == 100 + 10 + 32768 // 16
    assert cycles(round_numbers("launch=in_turn", "float32.efficiency=1000"), plain) == 110 + 4 * 3584 // 8
    assert cycles(round_numbers("launch=in_turn", "float32.step=100"), plain) == 110 + 3200
    assert cycles(round_numbers("launch=in_turn", "precision=float16"), plain) == 110 + 32768 // 32
    # near memory holds the activations, not the weights
    near = round_numbers(
        "launch=in_turn", "cache.capacity_bytes=8192", "cache.bytes_per_cycle=512", "float32.flops=4096"
    )
    assert cycles(near, plain) == 110 + 4 * 2048 // 8 + 4 * 1536 // 512


def test_launches_hide_behind_kernels_or_kernels_behind_launches(round_numbers):
    layers = [replace(PRODUCT, name=f"g{n}", residual=False) for n in range(3)]
    each = 10 + 2048
    assert cycles(round_numbers(), *layers) == 100 + 3 * each, "the device is the slower one"
    assert cycles(round_numbers("host.launch=5000"), *layers) == 15000 + each, "the host is"
    assert cycles(round_numbers("launch=graph"), *layers) == 70 + 3 * each
    assert cycles(round_numbers("launch=in_turn"), *layers) == 3 * (100 + each)
    record = run(round_numbers("host.launch=5000"), Workload("w", "test", tuple(layers)))
    status = record.result.total.status
    assert status["device"] == {"idle": 0, "busy": 3 * each, "starved": 15000 - 2 * each, "blocked": 0}
    assert status["host"]["busy"] == 15000 and status["host"]["blocked"] == each


def test_the_kernels_of_a_layer(round_numbers):
    mask = AttentionMask.dense(2, 12, 12)

    def count(*over, layers=(HEADS,), batch=1):
        work = Workload("w", "test", layers, {"a": mask}, batch=batch)
        return run(round_numbers(*over), work).result.total.counts["device"]["kernels"]

    assert count() == 5 and count("copies=false") == 4, "scores, scale, softmax, values; and the joined heads"
    assert count(batch=8) == 8, "and Q, K and V are copied"
    assert count("attention=masked") == 7 and count("attention=fused") == 1
    assert count("attention=sparse", batch=3) == 4 * 2 * 3
    assert count(layers=(PRODUCT, HEADS)) == 2 + 5
    assert count("batchnorm=apart", layers=(PRODUCT, HEADS)) == 5 + 5
    assert count("batchnorm=apart", layers=(PRODUCT, HEADS, Norm("n", "b", 4, 4))) == 2 + 5 + 1
    biased = (replace(HEADS, bias_offsets=12, activation="hardswish"),)
    assert count(layers=biased) == 7


def test_a_fused_and_a_sparse_kernel_by_hand(round_numbers):
    assert cycles(round_numbers("launch=in_turn", "attention=fused"), HEADS) == 110 + 2 * 12 * 12 * 16 // 8
    assert cycles(round_numbers("launch=in_turn", "attention=fused", "float32.fused_step=100"), HEADS) == 110 + 1200
    mask = AttentionMask.dense(2, 12, 12)
    keep = mask.keep.copy()
    keep[:, :, 1:] = False
    kept = AttentionMask(keep, mask.order, mask.global_tokens)
    # 2 heads x 4 kernels; 24 scores at 2 cycles are less than 3,072 bytes at 8
    arch = round_numbers("launch=in_turn", "attention=sparse")
    assert cycles(arch, HEADS, masks={"a": kept}) == 8 * (110 + 4 * 4 * 2 * 12 * 8 // 8 // 8)
    assert cycles(round_numbers("attention=sparse"), HEADS, masks={"a": kept}) == 8 * 100 + 10 + 48, (
        "the host is slower"
    )
    with pytest.raises(InputError, match="attention: sparse runs a layer under its mask, but a has none"):
        cycles(arch, HEADS)


def test_energy_is_power_by_time_and_by_work(round_numbers):
    record = run(round_numbers("launch=in_turn"), Workload("w", "test", (replace(PRODUCT, residual=False),)))
    total = 110 + 2048
    joules = 1.0 * total * 1e-9 + 3.0 * (total - 100) * 1e-9 + 65536 * 1e-12 + 4 * 3584 * 2e-12
    assert metrics.summarize(record).total.energy.pj == pytest.approx(joules * 1e12, abs=2000)


@pytest.mark.parametrize("name", ["gpu", "cpu"])
def test_more_of_anything_is_never_slower(name):
    work = load(find("workloads", "fmnist_vit_s90"))
    over = [f"attention={mode}" for mode in ("separate", "fused", "sparse")]
    arch = load_arch(name, schema)
    precision = arch.options["precision"]
    faster = {
        "host.launch": 0.5, "device.start": 0.5, f"{precision}.flops": 2, f"{precision}.efficiency": 1.2,
        f"{precision}.step": 0.5, f"{precision}.fused_step": 0.5, "dram.bytes_per_cycle": 2, "cache.capacity_bytes": 4,
        "sparse.kernels": 0.5,
    }  # fmt: skip
    for mode in over:
        slow = run(load_arch(name, schema, [mode]), work).result.end
        for parameter, factor in faster.items():
            part, _, key = parameter.partition(".")
            value = int(arch.parts[part][key] * factor)
            assert run(load_arch(name, schema, [mode, f"{parameter}={value}"]), work).result.end <= slow, parameter


def test_a_layer_of_another_kind_is_refused(round_numbers):
    linear = LinearAttention("a", "b", "taylor", 2, 12, 12, 8, 8)
    with pytest.raises(InputError, match="layer a is of kind linear_attention, but the machine platform runs gemm"):
        cycles(round_numbers(), linear)


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(a) for a in arguments])


def test_every_result_says_that_it_is_a_models(tmp_path):
    done = call("run", "gpu", "fmnist_vit_s90", "-o", tmp_path / "out")
    assert done.exit_code == 0 and done.stdout.startswith("An analytic model: formulas over layers, no simulation")
    assert "gpu (platform) running fmnist_vit_s90" in done.stdout and "- mm2" in done.stdout
    found = json.loads((tmp_path / "out" / "result.json").read_text())
    assert (found["kind"], found["area_mm2"], found["operand_bits"]) == ("analytic model", None, 32)
    assert found["architecture"]["sources"]["float32.flops"].startswith("NVIDIA")
    drawn = {path.name for path in (tmp_path / "out").iterdir()}
    assert "roofline.png" in drawn and "timeline.png" not in drawn
    assert files.is_replaceable(tmp_path / "out")
    assert call("describe", "gpu").exit_code == 0


def test_a_value_given_beside_the_file_is_its_own_source():
    arch = load_arch("gpu", schema, ["host.launch=5 us"])
    assert arch.sources["host.launch"] == "said by --set host.launch=5 us"
    assert arch.hash != load_arch("gpu", schema).hash


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("validate", "gpu", "fmnist_vit_s90"), "platform is an analytic model: formulas, no simulation; there are no"),
        (("run", "cpu", "fmnist_vit_s90", "--set", "precision=float16"), "float16.flops is 0; choose the other one"),
        (("run", "gpu", "fmnist_vit_s90", "--set", "float32.efficiency=101 %"), "must be >= 1 and <= 1000 permille"),
        (("run", "gpu", "fmnist_vit_s90", "--set", "board.idle=5 pJ"), "there is no unit 'pJ' for it"),
    ],
)
def test_what_is_refused(arguments, sentence):
    done = call(*arguments)
    assert done.exit_code == 2 and sentence in done.stderr


def test_sources_are_of_values_that_there_are(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("machine: platform\nsources: {host.lunch: a guess, board: [1], dram: ''}\n")
    with pytest.raises(InputError) as error:
        load_arch(path, schema)
    assert str(error.value).splitlines() == [
        f"{path}:2: sources.host.lunch: the machine has no such value or part (did you mean 'host.launch'?)",
        f"{path}:2: sources.board: expected a text that says where the value is from",
        f"{path}:2: sources.dram: expected a text that says where the value is from",
    ]
    path.write_text("machine: platform\n")
    broken = failed(check_contract(load_arch(path, schema), cases=1))
    assert [rule.name for rule in broken] == ["every value has a source"]
    assert broken[0].broken[0] == f"clocks.core: {path} does not say where it is from, under sources"
    assert len(broken[0].broken) == broken[0].looked
