"""The chain of divisor registers behind SA-Diag (ViTALiTy, HPCA 2023): one 32-bit divisor for each row of Q."""

from accelsim.components.systolic_array import BLOCK
from accelsim.core import BLOCKED, BUSY, IDLE, Component, Count, In, Out, Param, can_pop, can_push, pop, push, tick
from accelsim.isa.instructions import DONE
from accelsim.isa.tables import ELEMENTS, RELEASE


class Divisors(Component):
    """Takes what leaves SA-Diag."""

    capacity_bytes = Param(2048, "bytes", "4 bytes a divisor")

    values = In("divisors", **ELEMENTS)
    scores = In("SA-Diag's other way out, which it never takes", **BLOCK)
    weight = In("what SA-Diag read of the weight buffer", **RELEASE)
    act = In("what SA-Diag read of the activation buffer", **RELEASE)
    done = Out("blocks of divisors that are there", **DONE)

    write_bytes = Count("bytes written", "bytes")
    weight_read_bytes = Count("bytes of Q that SA-Diag read from the weight buffer", "bytes")
    act_read_bytes = Count("bytes of Q that SA-Diag read from the activation buffer", "bytes")

    @tick
    def tick(now, r, values, scores, weight, act, done):
        moved = False
        if can_pop(weight):
            r.weight_read_bytes += pop(weight).read_bytes
            moved = True
        if can_pop(act):
            r.act_read_bytes += pop(act).read_bytes
            moved = True
        if can_pop(scores):
            pop(scores)
            moved = True
        if can_pop(values):
            if not can_push(done):
                return BUSY if moved else BLOCKED
            r.write_bytes += 4 * pop(values).elements
            push(done).number = 1
            moved = True
        return BUSY if moved else IDLE
