"""The operands of attention: every pass is sent the K, the Q, the V and the index it needs, after they were loaded."""

from collections import defaultdict

import numpy as np

from accelsim.isa import instructions as isa
from accelsim.validation.evidence import Evidence
from accelsim.validation.outputs import Outputs
from accelsim.validation.program import Ledger, Step
from accelsim.validation.report import Report

KINDS = {0: "k", 1: "q", 2: "q"}  # what a decoder's command is about; with 2, Q stays in the global buffer


class AttentionOperands:
    """Follows the instructions of the attention units."""

    def __init__(self, evidence: Evidence, outputs: Outputs, ledgers: dict[str, Ledger]) -> None:
        self.evidence, self.outputs, self.ledgers = evidence, outputs, ledgers
        self.passes = evidence.tables["passes"]
        self.wrong: list[str] = []
        self.sent = {kind: [[] for _ in self.passes] for kind in "kq"}  # (first, tokens) of each pass
        self.q_loads: dict[int, set[int]] = defaultdict(set)
        self.issued: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)  # (op, pass) -> (begin, end)
        # loads by buffer and address, in order: the n-th pass that needs an address is served by the n-th of them
        self.at: dict[str, dict[int, list[int]]] = {}
        for buffer in ("weight", "act", "index"):
            self.at[buffer] = defaultdict(list)
            for n, address in enumerate(evidence.tables[buffer]["address"].tolist()):
                self.at[buffer][address].append(n)
        self.used: dict[tuple[str, int], list[int]] = defaultdict(list)

    def tensor(self, name: str, number: int) -> int:
        """The address of an operand of a pass."""
        layer, image = self.outputs.works[self.outputs.pass_work[number]].layer, self.outputs.pass_image[number]
        return self.evidence.places[f"{layer.name}.{name}.{image}"]

    def load(self, buffer: str, address: int, size: int, number: int, what: str) -> int | None:
        """The load that serves a pass with what lies at an address."""
        users, loads = self.used[buffer, address], self.at[buffer].get(address, [])
        if number not in users:
            users.append(number)
        if not loads:
            self.wrong.append(f"pass {number}: {what} is not loaded")
            return None
        load = loads[min(users.index(number), len(loads) - 1)]
        table = self.evidence.tables[buffer][load]
        if table.bytes * table.segments != size:
            self.wrong.append(f"pass {number}: {table.bytes * table.segments} bytes are loaded as {what}, not {size}")
        return load

    def step(self, step: Step) -> None:
        """One instruction."""
        number = step.arguments[3] if step.op == isa.DECODE else step.arguments[1]
        if step.op not in (isa.DECODE, isa.DENSER, isa.SPARSER, isa.WALKER):
            return
        if not 0 <= number < len(self.passes):
            self.wrong.append(f"instruction {step.at} is for pass {number}, which there is not")
        elif step.op == isa.DECODE:
            self.decode(step, number)
        elif step.op == isa.WALKER:
            self.walk(step, number)
        else:
            phase, begin, end = step.arguments[0], step.arguments[2], step.arguments[3]
            if phase:
                self.issued[step.op, number].append((begin, end))
                self.values(step, number)
            elif step.op == isa.SPARSER:
                for load in self.q_loads[number]:  # it may ask for any Q until its scores are done
                    self.ledgers["act"].read(load, step, f"pass {number}, Q")

    def decode(self, step: Step, number: int) -> None:
        """Tokens of K or Q, for the engines' buffers."""
        kind, first, tokens = KINDS[step.arguments[0]], step.arguments[1], step.arguments[2]
        one, work = self.passes[number], self.outputs.works[self.outputs.pass_work[number]]
        base = self.tensor(kind, number)
        if work.coded:
            address, size = base + first * work.token_bytes, tokens * work.token_bytes
        else:  # head by head
            count = work.layer.kv_tokens if kind == "k" else work.layer.q_tokens
            address = base + (int(self.outputs.pass_head[number]) * count + first) * work.layer.qk_dim
            size = tokens * work.layer.qk_dim * int(one.heads)
        load = self.load("act", address, size, number, f"{kind.upper()} from token {first} on")
        if load is not None:
            self.ledgers["act"].read(load, step, f"pass {number}, {kind.upper()}")
            if kind == "q":
                self.q_loads[number].add(load)
        self.sent[kind][number].append((first, tokens))
        if step.arguments[0] and (step.arguments[0] == 1) != (one.dense > 0):
            self.wrong.append(f"pass {number}: Q goes to the denser engine's buffer where that has no work, or stays away")

    def walk(self, step: Step, number: int) -> None:
        """The index of a pass, read until the sparser engine's scores are done."""
        layer = self.outputs.works[self.outputs.pass_work[number]].layer.name
        columns = self.evidence.tables["columns"]
        one = self.passes[number]
        mine = columns[one.first_column : one.first_column + one.sparse_columns]
        distinct = len(np.unique(mine["head"] * self.outputs.stride + mine["column"]))
        size = int(mine["count"].sum()) * self.evidence.part("walker", "index_bytes") + 2 * distinct
        nth = number - int(np.flatnonzero((self.outputs.pass_work == self.outputs.pass_work[number])
                                          & (self.outputs.pass_image == self.outputs.pass_image[number]))[0])  # fmt: skip
        address = self.evidence.places.get(f"{layer}.index.{nth}", -1)
        load = self.load("index", address, size, number, "the index")
        if load is not None:
            phases = len(self.issued[isa.WALKER, number])
            self.issued[isa.WALKER, number].append((phases, phases))
            # its scoring phase follows; phases of the sparser engine are counted from the start of the program
            self.ledgers["index"].read(load, step, f"pass {number}", isa.SPARSER_DONE, self.scored[number])

    @property
    def scored(self) -> dict[int, int]:
        """For every pass, how many phases the sparser engine has finished when its scores are done."""
        if not hasattr(self, "_scored"):
            program = self.evidence.tables["program"]
            phases = program[program["op"] == isa.SPARSER]
            self._scored = {int(p.b): n + 1 for n, p in enumerate(phases) if p.a == 0}
        return self._scored

    def values(self, step: Step, number: int) -> None:
        """V, read by a phase of an engine."""
        one, layer = self.passes[number], self.outputs.works[self.outputs.pass_work[number]].layer
        size = layer.kv_tokens * layer.v_dim
        address = self.tensor("v", number) + int(self.outputs.pass_head[number]) * size
        load = self.load("weight", address, size * int(one.heads), number, "V")
        if load is not None:
            self.ledgers["weight"].read(load, step, f"pass {number}, V")

    def close(self, report: Report) -> None:
        """Enter the checks."""
        report.add("operands", "passes", "each is sent what was loaded for it", len(self.passes), self.wrong)
        gaps = []
        for number, one in enumerate(self.passes):
            layer = self.outputs.works[self.outputs.pass_work[number]].layer
            for kind, first, last in (("k", 0, layer.kv_tokens), ("q", one.row0, one.row0 + one.rows)):
                at = int(first)
                for begin, tokens in sorted(self.sent[kind][number]):
                    at = begin + tokens if begin == at else -1
                if at != last:
                    gaps.append(f"pass {number}: tokens of {kind.upper()} {first} to {last} are not sent once each")
            size = int(one.heads * one.rows)
            for op, work, engine in ((isa.DENSER, one.dense, "denser"), (isa.SPARSER, one.sparse_columns, "sparser")):
                at = 0
                for begin, end in self.issued[op, number]:
                    at = end if begin == at else -1
                if at != (size if work else 0):
                    gaps.append(f"pass {number}: the {engine} engine is not sent through all outputs once")
        report.add("operands", "passes", "K, Q and outputs are gone through once", len(self.passes), gaps)
