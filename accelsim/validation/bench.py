"""What stands around a unit in a test bench: what it is told, word by word, and an end that takes whatever comes."""

from accelsim.core import (
    BUSY,
    IDLE,
    Component,
    Ins,
    Mem,
    Out,
    Param,
    Reg,
    can_pop,
    can_push,
    port,
    port_count,
    push_words,
    tick,
)
from accelsim.core.channel import taken


class Feeder(Component):
    """Gives commands, one a cycle."""

    width = Param(1, "count", "words of a command")
    words = Mem("the commands, one after the other")
    command = Out("commands, with the fields of the port they go to")
    sent = Reg("words given")

    @tick
    def tick(now, r, words, command):
        if r.sent == words.shape[0] or not can_push(command):
            return IDLE if r.sent == words.shape[0] else BUSY
        push_words(command, words, r.sent)
        r.sent += r.width
        r.wake = now + 1
        return BUSY


class Sink(Component):
    """Takes whatever comes."""

    item = Ins("anything")

    @tick
    def tick(now, item):
        for n in range(port_count(item)):
            while can_pop(port(item, n)):
                taken(port(item, n).control)
        return IDLE
