"""ITA in a cluster: the block behind a wrapper with one memory port of 128 bytes, shared by its four streams in turn
(public RTL: ITA's src/hwpe at ba96519).

A job is one tile. Its streams begin three cycles after its trigger: 128 words of inputs (each of 32 is read M/N times),
24 of weights and 8 for the next job, 2 of bias, 128 of outputs. An input word goes to a buffer of eight and is used
twice; bias and inputs are fenced, so that they come together. The job ends when its last word is written, or without
outputs when the block is idle and the sources have ended.
"""

import numpy as np

from accelsim.accelerators.ita.components.beats import (
    accept,
    can_tell,
    issue,
    leave,
    lose,
    obstacle,
    open_gate,
    output_waits,
    tell,
    watch,
    weights_ready,
    write_weight,
)
from accelsim.accelerators.ita.components.block import GATE, GRANT, HASHED, Block
from accelsim.accelerators.ita.components.streamer import IDLE as ENDED
from accelsim.accelerators.ita.components.streamer import (
    QUEUE,
    REGISTERS,
    STREAMS,
    asks,
    clear,
    how_many_ask,
    look,
    served,
    step_stream,
)
from accelsim.core import BUSY, IDLE, Count, InputError, Lanes, Mem, Param, Reg, tick

INPUT, WEIGHT, BIAS, OUTPUT = range(STREAMS)
BUFFER = 8  # words in front of the block and behind it
PORT_BYTES = 128
TO_BUSY, TO_START = 2, 3  # cycles from a trigger
GATE_OFFSET = 17  # of the memory's gate, as the bench counts
WAITING, NEXT, LAST = range(3)  # states of a job: none, its weights come and then the next one's, no more are asked for
JOBS = 4  # contexts of the register file


def shared_gates(block: Block) -> np.ndarray:
    """The gates of a memory that others use too."""
    made = np.zeros(5, GATE).view(np.recarray)
    if block.value("denied"):
        made[GRANT] = (HASHED, 256 - block.value("denied"), 0, 1)
    return made


class ClusterBlock(Block):
    """The block in its wrapper."""

    columns = Param(16, "count", "N: dot-product units", low=16, high=16)
    length = Param(64, "count", "M: length of a dot product, rows and outputs of a tile", low=64, high=64)
    weight_beats = Param(8, "count", "words of the port that fill one of the two weight buffers", low=8, high=8)
    queue_jobs = Param(2, "count", "jobs the host keeps triggered; 1: it waits for each to end", high=JOBS)
    registers = Param(17, "cycles", "the host's, to write a job's registers before its trigger")

    denied = Param(
        0, "count", "of 256 requests at the port, so many wait for others who use the memory", low=0, high=255
    )
    gates = Mem("when a stream may move: always, but for a test bench and what is denied", shared_gates)

    stream = Lanes(STREAMS, "inputs, weights, bias, outputs", **REGISTERS)
    jobs = Lanes(JOBS, "jobs triggered, a ring", at="cycle of the trigger")

    first_job = Reg("the oldest job")
    triggered = Reg("jobs triggered and not done")
    to_trigger = Reg("tiles of the phases held that have not been triggered")
    trigger_from = Reg("the earliest cycle of the next trigger")
    done_at = Reg("the cycle in which a job was seen to be done")
    starts_at = Reg("the cycle in which the job's streams start")
    job = Reg("its state: 0 none, 1 loading its weights, 2 no more to load")
    writes = Reg("whether it writes outputs")
    biased = Reg("whether it reads a bias")
    restart = Reg("words of weights to ask for in the next cycle")
    busy = Reg("whether the block is within a tile")
    preloaded = Reg("whether the first weights of the tile are in the block, or on their way")
    turn = Reg("the stream that is served first")
    chosen = Reg("the stream that has the port")
    free_choice = Reg("whether another may have it", reset=1)
    inputs_held = Reg("words in the input buffer")
    input_half = Reg("which half of the word is next")
    weights_held = Reg("words in the weight buffer")
    bias_words = Reg("words of the bias that have come")
    bias_reads = Reg("beats it has served")
    bias_open = Reg("whether it can be read")
    bias_valid = Reg("whether it is read")
    fenced_input = Reg("whether the fence holds an input")
    fenced_bias = Reg("whether the fence holds a bias")
    outputs_held = Reg("words in the output buffer")
    output_half = Reg("which half of the word is next")
    last_done = Reg("cycle in which the last job was done")

    jobs_done = Count("jobs done")
    read_words = Count("words read of the memory")
    write_words = Count("words written to the memory")
    denied_cycles = Count("cycles in which a request was not granted", "cycles")

    def check(self) -> None:
        super().check()
        if self.value("out_fifo") < 2:
            raise InputError(f"{self.name}.out_fifo: must be >= 2 in the wrapper, not {self.value('out_fifo')}")

    @tick
    def tick(
        now,
        r,
        command,
        sums,
        frees,
        gates,
        queue,
        leaving,
        going,
        rows,
        stepping,
        stream,
        jobs,
        out,
        release_weight,
        release_act,
        done,
    ):
        held = r.held
        accept(now, r, queue, gates, command)
        if r.held > held:
            new = queue[(r.head + held) % 4]
            if r.to_trigger == 0:
                r.trigger_from = max(r.trigger_from, now + 1 + r.registers)
                if r.triggered == 0:
                    r.origin = r.trigger_from
            r.to_trigger += new.outputs * new.inner
        if r.to_trigger == 0 and r.triggered == 0:
            return IDLE
        if r.to_trigger and r.triggered < r.queue_jobs and now >= r.trigger_from and now > r.done_at:
            jobs[(r.first_job + r.triggered) % 4].at = now
            r.triggered += 1
            r.to_trigger -= 1
            r.trigger_from = now + 1 + r.registers
            if r.triggered == 1:
                r.starts_at = now + TO_START
        if r.triggered == 0 or (r.job == WAITING and now < r.starts_at):
            r.wake = now + 1
            if r.triggered == 0:
                r.wake = max(now + 1, r.trigger_from)
            return BUSY
        # what starts
        starts = r.job == WAITING
        if starts:
            phase = queue[r.head]
            r.writes = r.inner_at == phase.inner - 1 and phase.last == 1
            r.biased = phase.bias
            more = r.held > 1 or r.output_at < phase.outputs - 1 or r.inner_at < phase.inner - 1
            r.job = NEXT if more else LAST
            whole = r.weight_beats * (r.length // r.columns)
        weight_words, r.restart = r.restart, 0
        if starts:
            r.restart = whole - r.weight_beats if r.preloaded else whole
            r.preloaded = 0
        # the port
        sink = stream[OUTPUT]
        stream[INPUT].room, stream[WEIGHT].room = r.inputs_held < BUFFER, r.weights_held < BUFFER
        stream[BIAS].room, sink.room = r.bias_open == 0, 1
        granted, k = -1, served(stream, r)
        wanted = how_many_ask(stream)
        if asks(stream[k]):
            if open_gate(gates[GRANT], GRANT, now - r.origin + GATE_OFFSET):
                granted = k
                if k == OUTPUT:
                    r.write_words += 1
                else:
                    r.read_words += 1
            else:
                r.denied_cycles += 1
        r.free_choice = granted >= 0 or wanted == 0
        # the block takes inputs and bias
        why = obstacle(now, r, queue, rows) if r.held else 1
        ready = why == 0 and can_tell(r, queue, release_weight, release_act, done)
        has_input = r.inputs_held > 0
        has_bias = r.bias_valid == 1 or r.biased == 0
        both = (has_input or r.fenced_input == 1) and (has_bias or r.fenced_bias == 1)
        takes_input = has_input and ready and r.fenced_input == 0
        takes_bias = r.bias_valid == 1 and r.biased == 1 and ready and r.fenced_bias == 0
        # outputs leave the block, then the buffer
        leaves = output_waits(now, r, leaving, going, out) and r.outputs_held < BUFFER
        sink.requested = r.outputs_held > 0 and sink.requests < QUEUE and sink.addresses > 0 and sink.state != ENDED
        sink.taken = stores = sink.requested
        for n in range(OUTPUT):
            look(stream[n])
        gets_input, gets_weight, gets_bias = stream[INPUT].taken, stream[WEIGHT].taken, stream[BIAS].taken
        loads = r.weights_held > 0 and weights_ready(r)
        # a job ends
        ends = r.job == LAST and not starts and stream[WEIGHT].state == ENDED and weight_words == 0
        if r.writes:
            waiting = stream[WEIGHT].requests + stream[WEIGHT].answers + sink.requests + sink.answers
            ends = ends and sink.state == ENDED and waiting == 0
        else:
            ends = ends and r.busy == 0 and stream[INPUT].state == ENDED and stream[BIAS].state == ENDED
        # the end of the cycle
        words = 2 * r.length if starts else 0
        step_stream(stream[INPUT], words, granted == INPUT, False)
        ended = step_stream(stream[WEIGHT], weight_words, granted == WEIGHT, False)
        step_stream(stream[BIAS], 2 if starts and r.biased else 0, granted == BIAS, False)
        step_stream(sink, words if r.writes else 0, granted == OUTPUT, True)
        for n in range(STREAMS):
            stream[n].answered = granted == n
        if granted >= 0:
            r.turn = (r.turn + 1) % STREAMS
        if r.job == NEXT and ended:
            r.job = LAST
            r.restart = r.weight_beats
            r.preloaded = 1
        filled = freed = False
        if r.held:
            stepping[queue[r.head].step].cycles += 1
        if both and ready:
            row = queue[r.head].frees
            said = issue(now, r, queue, leaving, going, rows, sums)
            freed = said & 1 == 1
            r.busy = said & 2 == 0
            if said & 4:
                tell(row, frees, release_weight, release_act, done)
            r.fenced_input = r.fenced_bias = 0
        else:
            if r.held:
                lose(r, why if why else 5)
            if both:
                r.fenced_input = r.fenced_bias = 0
            else:
                r.fenced_input = r.fenced_input == 1 or has_input
                r.fenced_bias = r.fenced_bias == 1 or has_bias
        if takes_input:
            r.input_half = 1 - r.input_half
            if r.input_half == 0:
                r.inputs_held -= 1
        if gets_input:
            r.inputs_held += 1
        if r.bias_open:
            if takes_bias:
                r.bias_reads += 1
            r.bias_valid = 1
            if r.bias_reads == 256:
                r.bias_open = r.bias_reads = 0
        else:
            r.bias_valid = 0
            if gets_bias:
                r.bias_words += 1
                if r.bias_words == 2:
                    r.bias_words, r.bias_open = 0, 1
        if leaves:
            leave(now, r, going, out)
            r.output_half = 1 - r.output_half
            if r.output_half == 0:
                r.outputs_held += 1
        if stores:
            r.outputs_held -= 1
        if loads:
            r.weights_held -= 1
            filled = write_weight(r) == 1
        if gets_weight:
            r.weights_held += 1
        r.full += filled - freed
        watch(now, r, rows)
        if ends:
            clear(stream)
            r.turn = r.chosen = r.fenced_input = r.fenced_bias = 0
            r.free_choice = 1
            r.job = WAITING
            r.first_job = (r.first_job + 1) % 4
            r.triggered -= 1
            r.jobs_done += 1
            r.done_at = r.last_done = now + 1
            if r.triggered:
                r.starts_at = max(jobs[r.first_job].at + TO_START, now + 1 + 1 + 1)
        r.wake = now + 1
        return BUSY
