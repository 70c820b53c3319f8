"""A machine of one component, with its twin: all that the harness asks of any machine."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from accelsim.core import BLOCKED, BUSY, IDLE, Component, In, Mem, Out, Param, Reg, can_pop, can_push, pop, push, tick
from accelsim.isa.instructions import record
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import make, script
from accelsim.rtl.mutations import Mutation
from accelsim.rtl.netlist import Netlist, alone
from accelsim.rtl.package import Package
from accelsim.rtl.twin import Twin
from accelsim.rtl.twins import Twins

FACTOR = record("factor")
FACTORS = 4
ORDER = {"number": "row of the table", "count": "how many multiples"}
PRODUCT = {"value": "a multiple"}
VALUES = ({"lanes": 2, "cycles": 3}, {"lanes": 1, "cycles": 1})


class Scaler(Component):
    """Multiples of a factor: an order names the factor and how many; some cycles later they leave."""

    lanes = Param(2, "count", "multiples that leave in a cycle")
    cycles = Param(3, "cycles", "from an order to its first multiple")

    factors = Mem("the factors")

    order = In("orders", **ORDER)
    product = Out("multiples", **PRODUCT)

    factor = Reg("of the current order")
    latest = Reg("the multiple that left last")
    left = Reg("multiples still to come")
    ready_at = Reg("the cycle of the first")

    @tick
    def tick(now, r, factors, order, product):
        if r.left == 0:
            if not can_pop(order):
                return IDLE
            one = pop(order)
            r.factor, r.left, r.latest = factors[one.number].factor, one.count, 0
            r.ready_at = r.wake = now + r.cycles
            return BUSY
        if now < r.ready_at:
            r.wake = r.ready_at
            return BUSY
        n = 0
        while n < r.lanes and r.left > 0 and can_push(product):
            r.latest += r.factor
            push(product).value = r.latest
            r.left -= 1
            n += 1
        return BUSY if n > 0 else BLOCKED


SCALER = Twin(Scaler, "scaler", ("factors",), most={"product": lambda v: v["lanes"]}, told=("product",))
PACKAGE = Package(
    Path(__file__).with_name("sv"), {"factors": FACTOR.names}, {"order": tuple(ORDER), "product": tuple(PRODUCT)}
)
MUTATIONS = (
    Mutation("scaler", "scaler", "a multiple is one less", "next_value + factor", "next_value + factor - 1'b1"),
    Mutation("scaler", "scaler", "an order takes a cycle less", "32'(CYCLES);", "32'(CYCLES - 1);"),
)
HARMLESS = Mutation("scaler", "scaler", "none at all", "product_push = '0;", "product_push = 8'd0;")


def tops(values: Mapping[str, dict[str, int]]) -> list[Netlist]:
    """The scaler between its channels."""
    return [alone(PACKAGE, SCALER, values["scaler"], {"order": 2, "product": 4}, {"factors": FACTORS})]


def cases(count: int, seed: int) -> Iterator[Case]:
    """Random orders."""
    for n in range(count):
        rng = np.random.default_rng([seed, n])
        (net,) = tops({"scaler": VALUES[n % 2]})
        factors = rng.integers(1, 100, FACTORS).view(FACTOR).view(np.recarray)
        orders = [(int(rng.integers(FACTORS)), int(rng.integers(1, 9))) for _ in range(12)]
        yield make(rng, f"scaler {n}", net, {"factors": factors}, {"order": script(rng, orders, 2)})


def trials(top: str, values: Mapping[str, dict[str, int]], seed: int) -> Iterator[Case]:
    """Of the first setting."""
    yield next(cases(1, seed))


TWINS = Twins(
    package=PACKAGE,
    cases={"scaler": cases},
    mutations=MUTATIONS,
    parameters=lambda arch: {"scaler": VALUES[0]},
    tops=tops,
    trials=trials,
)
