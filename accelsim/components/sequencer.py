"""The sequencer: walks the static program that a compiler turned a network into [paper].

It dispatches one instruction a cycle, in order. An instruction may wait for up to two counters, each of which counts
what one unit has finished; that scoreboard is the only synchronisation between units beside their channels.
"""

from accelsim.core import (
    BLOCKED,
    BUSY,
    IDLE,
    STARVED,
    Component,
    Count,
    Ins,
    Mem,
    Outs,
    Reg,
    can_pop,
    can_push,
    pop,
    port,
    port_count,
    push_words,
    tick,
)
from accelsim.isa.instructions import DONE, MARK


class Sequencer(Component):
    """Walks the program and dispatches its instructions to the units, of which there may be any number."""

    program = Mem("the instructions (INSTRUCTION records)")
    operands = Mem("their operands, one instruction's after the other's")
    reached = Mem("what each counter has reached since the start; counter 0 stays at zero")

    command = Outs("the commands of a unit, with the fields its own port has")
    notice = Ins("what a unit has finished", **DONE)

    pc = Reg("the next instruction")

    instructions = Count("instructions dispatched")

    @tick
    def tick(now, r, mark, program, operands, reached, command, notice):
        for n in range(port_count(notice)):
            news = port(notice, n)
            while can_pop(news):
                reached[1 + n] += pop(news).number
        if r.pc == program.shape[0]:
            return IDLE
        todo = program[r.pc]
        if reached[todo.wait] < todo.count or reached[todo.wait2] < todo.count2:
            return STARVED
        if todo.unit == MARK:
            mark[0] = operands[todo.first] + 1
        else:
            unit = port(command, todo.unit)
            if not can_push(unit):
                return BLOCKED
            push_words(unit, operands, todo.first)
        r.pc += 1
        r.instructions += 1
        return BUSY
