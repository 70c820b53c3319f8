"""Random cases of the encoder: a projection's steps, with those of other layers between them."""

import numpy as np

from accelsim.accelerators.vitcod.rtl.coding import CodingSizes, draw_items, draw_projection
from accelsim.accelerators.vitcod.rtl.modules import PACKAGE, TWINS
from accelsim.rtl.cosim import Case
from accelsim.rtl.far_ends import Rng, make, script
from accelsim.rtl.netlist import alone


def encoder(rng: Rng, values: dict, depths: dict, largest: int) -> Case:
    items = draw_items(rng) if rng.random() < 0.8 else []
    others = int(rng.integers(0 if items else 1, 100))
    for at in np.sort(rng.integers(0, len(items) + 1, others))[::-1]:  # other layers' steps, which pass by
        items.insert(at, (int(rng.integers(1, 30)), int(rng.integers(1, 20)), 0, 0, int(rng.integers(1, 5)), 0, 0))
    net = alone(PACKAGE, TWINS["encoder"], values, depths, {}, CodingSizes())
    case = make(rng, "encoder", net, {}, {"outputs": script(rng, items, 7)})
    case.operands = draw_projection(rng, items)
    return case
