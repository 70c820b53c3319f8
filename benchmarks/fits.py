"""Which points of a sweep their machine refuses, and why: every point is compiled, none is simulated.

    python benchmarks/fits.py [SWEEP] [--every N]
    python benchmarks/fits.py --tokens N

SWEEP is a shipped sweep's name or a file; with --every N only each Nth point is compiled. Prints how many are refused,
the reasons with their numbers left out, each with how often it was given and one sentence in full, and the time of a
point. With --tokens, one head of random attention of so many tokens, 64 features, 10 % of the scores and 8 global
tokens is judged on the shipped ViTCoD instead, behind its projection.
"""

import argparse
import re
import time
from collections import Counter
from itertools import islice

import numpy as np

from accelsim.accelerators import machine, schema
from accelsim.accelerators.run import run
from accelsim.config import load_arch
from accelsim.core.errors import InputError
from accelsim.sweep.plan import read
from accelsim.sweep.points import Point, expand
from accelsim.validation import validate
from accelsim.workload import Attention, AttentionMask, Gemm, Workload


def refusal(point: Point) -> str:
    """Why a point cannot be compiled; empty if it can."""
    if point.arch is None:
        return point.error or ""
    model = machine(point.arch.machine)
    program = model.program(point.arch)
    try:
        model.compile(program, point.arch, point.workload.load())
    except InputError as error:
        return str(error)
    return ""


def long_attention(tokens: int) -> Workload:
    """A projection and its attention."""
    keep = np.random.default_rng(1).random((1, tokens, tokens)) < 0.1
    keep[:, :, :8] = True
    mask = AttentionMask(keep, np.arange(tokens)[None], np.array([8]))
    layers = Gemm("qkv", "b", "qkv", tokens, 8, 192, encodes="a"), Attention("a", "b", 1, tokens, tokens, 64, 64)
    return Workload("long", "random", layers, {"a": mask})


def judge(tokens: int) -> None:
    arch, workload = load_arch("vitcod", schema), long_attention(tokens)
    model, begun = machine("vitcod"), time.process_time()
    model.compile(program := model.program(arch), arch, workload)
    compiled, begun = time.process_time() - begun, time.process_time()
    record = run(arch, workload)
    ran, begun = time.process_time() - begun, time.process_time()
    report = validate(model, arch, workload)
    judged = time.process_time() - begun
    first, last = record.result.spans[-1].start, record.result.spans[-1].end
    cycles = record.result.cycles
    print("tokens", tokens, "cycles of attention", cycles(end=last) - cycles(end=first))
    print("instructions", len(program.instructions), "checks", len(report.checks), "failed", len(report.failed))
    print("CPU seconds: to compile", round(compiled, 1), "to run", round(ran, 1), "to judge", round(judged, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sweep", nargs="?", default="vitcod_deit_tiny", help="a shipped sweep's name or a file")
    parser.add_argument("--every", type=int, default=1, help="compile only each Nth point")
    parser.add_argument("--tokens", type=int, help="judge attention of so many tokens")
    chosen = parser.parse_args()
    if chosen.tokens:
        judge(chosen.tokens)
        return
    reasons: Counter[str] = Counter()
    shown: dict[str, str] = {}
    points, begun = 0, time.process_time()
    for point in islice(expand(read(chosen.sweep)), 0, None, chosen.every):
        points += 1
        if sentence := refusal(point):
            reason = re.sub(r"\d[\d,]*", "N", re.sub(r"layer \S+:", "layer:", sentence))
            reasons[reason] += 1
            of = " ".join(f"{name}={value}" for name, value in point.settings)
            shown.setdefault(reason, f"{point.workload.name} {of}: {sentence}")
    each = (time.process_time() - begun) / max(points, 1)
    print("points", points, "refused", sum(reasons.values()), "CPU milliseconds a point", round(1e3 * each, 1))
    for reason, count in reasons.most_common():
        print(count, reason)
        print("    as", shown[reason])


if __name__ == "__main__":
    main()
