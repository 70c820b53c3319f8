"""The block of ITA: N dot products of M int8, partial sums, requantisation, and softmax as the logits pass
(Islamoglu et al., ISLPED 2023, arXiv 2307.03493; rules of time read off the public RTL, pulp-platform/ITA at ba96519).

A beat is one row of M inputs against N columns of weights, in one cycle; M beats in turn use one weight buffer. A tile
of M rows, M outputs and M inputs is M*M/N beats; a phase is `outputs` tiles of `inner` tiles each, the inner ones
first. What happens in a cycle is in `beats.py`.
"""

import numpy as np

from accelsim.core import Component, Count, In, InputError, Lanes, Mem, Out, Param, Reg
from accelsim.isa.instructions import DONE, record
from accelsim.isa.tables import ELEMENTS, RELEASE

PLAIN, QK, AV = range(3)  # kinds of phases
PHASE = {
    "kind": "0 product, 1 Q K^T of a row tile, 2 A V of a row tile",
    "rows": "rows of the outputs, in tiles of M",
    "columns": "columns of the outputs, in tiles of M",
    "depth": "depth of their accumulation, in tiles of M",
    "first": "whether it begins here: no partial sums are read",
    "last": "whether it ends here: outputs leave with the last inner tile",
    "bias": "whether a bias is read",
    "bits": "first of its rows in the table of row sums (Q K^T)",
    "step": "which phase of its layer it is, for the counts of cycles",
    "frees": "row of the table of that name that says what it gives back, from 1 on; 0: nothing",
    "passes": "operations of the vector unit on each output",
    "row": "first row, as the addresses of its operands say",
}
HELD = 4  # phases known ahead, as the wrapper's register contexts
STEPS = 9  # Q K V QK AV OW F1 F2 and a single product
LATENCY = 11  # cycles from a beat's issue to its output at the FIFO's head
SUM_LATENCY = 10  # ... to its row sum in the divider's FIFO
ALWAYS, PERIODIC, HASHED = range(3)
GATE = record("kind", "of", "every", "seed")
INPUT, WEIGHT, OUTPUT, GRANT, START = range(5)  # rows of the table of gates; START: lead, preload


class Block(Component):
    """What every form of the block has; how its streams are fed is a subclass's."""

    columns = Param(16, "count", "N: dot-product units", high=1024)
    length = Param(64, "count", "M: length of a dot product, rows and outputs of a tile", high=1024)
    weight_beats = Param(
        64, "count", "words of the weight stream that fill one of the two weight buffers", high=1 << 14
    )
    out_fifo = Param(
        12, "count", "outputs that may be between issue and handshake; below 12 it limits the rate", high=256
    )
    sum_fifo = Param(12, "count", "row sums between issue and divider", high=256)
    logit_bytes = Param(16384, "bytes", "logits of a row tile, between Q K^T and A V, in the memory beside the block")
    dividers = Param(10, "count", "serial dividers of the softmax", high=64)

    command = In("phases", **PHASE)
    sums = Mem("bit length of every row sum, in the order of the phases' `bits`")
    frees = Mem("what phases give back: bytes of weights and of activations, and the bytes read of each")
    out = Out("finished outputs", **ELEMENTS)
    release_weight = Out("weights no longer needed", **RELEASE)
    release_act = Out("activations no longer needed", **RELEASE)
    done = Out("phases whose last beat has been issued", **DONE)

    gates = Mem("when a stream may move: always, but for a test bench", lambda c: np.zeros(5, GATE).view(np.recarray))

    queue = Lanes(HELD, "phases held, a ring", outputs="output tiles", inner="inner tiles of each", **PHASE)
    leaving = Lanes("out_fifo", "outputs on their way, a ring", at="when it is at the FIFO's head")
    going = Lanes(
        "out_fifo", "output tiles of which beats are on their way, a ring", elements="outputs", passes="passes"
    )
    rows = Lanes(
        "length", "rows of the row tile in the divider", pop_at="when its sum is taken", taken_at="when it is done"
    )
    stepping = Lanes(STEPS, "phases of a layer", cycles="cycles in it")

    head = Reg("the phase at work")
    held = Reg("phases held")
    active = Reg("whether beats are issued")
    origin = Reg("cycle of the start")
    beat = Reg("beats issued of the tile")
    inner_at = Reg("inner tile")
    output_at = Reg("output tile")
    full = Reg("weight buffers that are full")
    written = Reg("words in the one that is written")
    used = Reg("beats issued of the one that is read")
    due = Reg("words of weights of the phases held that have not come")
    credit = Reg("outputs between issue and handshake")
    oldest = Reg("the oldest of them")
    going_first = Reg("the oldest output tile on its way")
    going_held = Reg("output tiles on their way whose last beat has been issued")
    left = Reg("beats of the oldest one that have left")
    soft = Reg("rows of the row tile whose sums are on their way or done")
    popped = Reg("of these, taken by a divider")
    divided = Reg("of these, done")
    first_issue = Reg("cycle of the first beat", reset=-1)
    first_output = Reg("cycle of the first output", reset=-1)
    last_output = Reg("cycle of the last output", reset=-1)
    idle_at = Reg("first cycle without a phase")
    most_credit = Reg("most outputs between issue and handshake")
    most_soft = Reg("most row sums that waited")

    beats = Count("beats issued")
    mac_ops = Count("multiply-accumulates")
    tiles = Count("tiles begun")
    weight_words = Count("words of weights taken")
    out_beats = Count("outputs that left")
    lost_out = Count("cycles in a phase without a beat for want of room in the output FIFO", "cycles")
    lost_division = Count("... for a row whose division is not done", "cycles")
    lost_sums = Count("... for want of room in the FIFO of row sums", "cycles")
    lost_weight = Count("... for want of weights", "cycles")
    lost_input = Count("... for want of inputs", "cycles")
    sum_reads = Count("partial sums read")
    sum_writes = Count("partial sums written")
    sum_ops = Count("exponentials added to row sums")
    divisions = Count("row sums divided")
    shift_ops = Count("probabilities made of logits")

    def check(self) -> None:
        if self.value("length") % self.value("columns"):
            raise InputError(
                f"{self.name}.columns: must divide {self.name}.length = {self.value('length')}, the outputs of a tile, "
                f"not {self.value('columns')}"
            )
