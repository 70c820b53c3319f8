"""The operands of attention: every pass is sent the K, the Q, the V and the index it needs, after they were loaded."""

from collections import defaultdict
from functools import cached_property

import numpy as np

from accelsim.accelerators.vitcod.checks.layout import by_head, lies, operand
from accelsim.accelerators.vitcod.checks.places import Outputs
from accelsim.validation.course import Follower
from accelsim.validation.evidence import Evidence, sizes, spread
from accelsim.validation.program import Ledger, Step
from accelsim.validation.report import Report

KINDS = {0: "k", 1: "q", 2: "q"}  # what a decoder's command is about; with 2, Q stays in the global buffer


class AttentionOperands(Follower):
    """Follows the instructions of the attention units, through all attention layers."""

    def __init__(self, evidence: Evidence, outputs: Outputs, ledgers: dict[str, Ledger]) -> None:
        self.evidence, self.outputs, self.ledgers = evidence, outputs, ledgers
        self.passes = evidence.tables["passes"]
        self.dense = outputs.of_pass(self.passes["dense"])  # dense columns of a pass, over all its blocks of keys
        self.blocks = outputs.of_pass(np.ones(len(self.passes)))
        self.wrong: list[str] = []
        self.sent = {kind: [[] for _ in self.passes] for kind in "kq"}  # (first, tokens) of each pass
        self.q_loads: dict[int, set[int]] = defaultdict(set)
        self.issued: dict[tuple[str, int], list[tuple[int, int]]] = defaultdict(list)  # (unit, pass) -> (begin, end)
        # loads by buffer and place, in order: the n-th pass that needs a place is served by the n-th of them
        self.at: dict[str, dict[tuple[int, int], list[int]]] = {}
        for buffer in evidence.names.buffers:
            self.at[buffer] = defaultdict(list)
            table = evidence.tables[buffer]
            for n, place in enumerate(zip(table["address"].tolist(), sizes(table).tolist(), strict=True)):
                self.at[buffer][place].append(n)
        self.used: dict[tuple[str, int, int], list[int]] = defaultdict(list)

    def place(self, name: str, number: int, first: int) -> tuple[int, int, int]:
        """Of an operand of a pass, from a token on: where its first head's begins, the bytes of a token of its heads
        (all codes), and those from a token to the next (token by token)."""
        work, image = self.outputs.works[self.outputs.pass_work[number]], self.outputs.pass_image[number]
        base, pitch = operand(self.evidence, work.layer, name, image)
        codes = work.coded and name != "v"
        head = 0 if codes else int(self.outputs.pass_head[number])
        dim = work.layer.v_dim if name == "v" else work.layer.qk_dim
        size = work.token_bytes if codes else dim * int(self.passes[number].heads)
        if by_head(self.evidence, work.layer, name):
            pitch = dim
        return base + int(lies(self.evidence, work.layer, name, head, first, 0)), size, pitch

    def load(
        self, buffer: str, address: int, size: int, number: int, what: str, rows: tuple[int, int] = (0, 0)
    ) -> list[int]:
        """The loads that serve a pass with what lies at an address; `rows`: it lies in rows of (bytes, pitch)."""
        users, loads = self.used[buffer, address, size], self.at[buffer].get((address, size), [])
        if number not in users:
            users.append(number)
        if loads:
            return [loads[min(users.index(number), len(loads) - 1)]]
        # what all passes share is loaded once, in pieces of its own
        which, begins, sizes = self.runs[buffer]
        if rows[0] < rows[1]:
            wanted = np.arange(address, address + size // rows[0] * rows[1], rows[1])
            over = np.flatnonzero(np.isin(begins, wanted) & (sizes == rows[0]))
            found = rows[0] * len(over)
        else:
            ends = begins + sizes
            over = np.flatnonzero((begins < address + size) & (ends > address))
            found = int((np.minimum(ends[over], address + size) - np.maximum(begins[over], address)).sum())
        if found != size:
            self.wrong.append(f"pass {number}: {what} ({size} bytes) is not loaded")
        return np.unique(which[over]).tolist()

    @cached_property
    def runs(self) -> dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """All loads of a buffer as single runs."""
        return {buffer: spread(self.evidence.tables[buffer]) for buffer in self.at}

    def step(self, step: Step) -> None:
        """An instruction of an attention layer."""
        if step.unit not in ("decoder", "denser", "sparser", "walker", "softmax", "merge"):
            return
        number = step.operands["number"]
        if not 0 <= number < len(self.passes):
            self.wrong.append(f"instruction {step.at} is for pass {number}, which there is not")
            return
        self.read_tables(step, number)
        if step.unit == "decoder":
            self.decode(step, number)
        elif step.operands["phase"]:
            self.issued[step.unit, number].append((step.operands["begin"], step.operands["end"]))
            self.values(step, number)
        elif step.unit == "sparser":
            for load in self.q_loads[number]:  # it may ask for any Q until its scores are done
                self.ledgers["act_gb0"].read(load, step, f"pass {number}, Q")

    def decode(self, step: Step, number: int) -> None:
        """Tokens of K or Q, for the engines' buffers."""
        what, first, tokens = step.operands["kind"], step.operands["first"], step.operands["tokens"]
        kind = KINDS[what]
        work = self.outputs.works[self.outputs.pass_work[number]]
        address, each, pitch = self.place(kind, number, first)
        size, rows = tokens * each, (each, pitch) if work.coded else (0, 0)
        # Q is loaded once for all blocks of a pass
        user = number if kind == "k" else int(self.outputs.block_first[number])
        for load in self.load("act_gb0", address, size, user, f"{kind.upper()} from token {first} on", rows):
            if kind == "k":
                self.ledgers["act_gb0"].read(load, step, f"pass {number}, K")
                continue
            # an engine's scores cannot be done before it has had all Q
            engine = "denser" if what == 1 else "sparser"
            done = engine, self.scored.get((engine, number), 0)
            self.ledgers["act_gb0"].read(load, step, f"pass {number}, Q", *done)
            self.q_loads[number].add(load)
        self.sent[kind][number].append((first, tokens))
        if what and (what == 1) != (self.dense[number] > 0):
            self.wrong.append(
                f"pass {number}: Q goes to the denser engine's buffer where that has no work, or stays away"
            )

    def read_tables(self, step: Step, number: int) -> None:
        """The tables of a pass, read until its last row has left the merge, which comes after all else; those that come
        with the scores, or with the values, of a block of keys are read by these."""
        outputs, phase = self.outputs, step.operands.get("phase", 0)
        layer = outputs.works[outputs.pass_work[number]].layer.name
        mine = (outputs.pass_work == outputs.pass_work[number]) & (outputs.pass_image == outputs.pass_image[number])
        nth, sizes = outputs.ordinal[number] - outputs.ordinal[np.flatnonzero(mine)[0]], self.table_bytes(number)
        until = "merge", int(outputs.ordinal[number]) + 1
        which = [("", sizes["stays"], int(outputs.block_first[number]), *until)]
        if self.blocks[number] > 1 and step.unit not in ("softmax", "merge"):
            part, block = "values" if phase else "scores", number - int(outputs.block_first[number])
            # a column's rows have been read when the engine is done with them
            until = ("sparser", self.scored.get(("sparser", number), 0)) if step.unit == "walker" else ("", 0)
            which.append((f".{part}.{block}", sizes[part], number, *until))
        for name, size, user, *until in which:
            address = self.evidence.places.get(f"{layer}.index.{nth}{name}", -1)
            for load in self.load("index_buffer", address, size, user, "its tables"):
                self.ledgers["index_buffer"].read(load, step, f"pass {number}, {step.unit}", *until)

    def table_bytes(self, number: int) -> dict[str, int]:
        """Bytes of the tables of a pass as they lie in DRAM: what stays, and what the scores and the values of this
        block of keys need (without blocks, all stays); widths in docs/timing.md."""
        one, columns = self.passes[number], self.evidence.tables["columns"]
        blocks = np.flatnonzero(self.outputs.block_first == self.outputs.block_first[number])
        first, last = self.passes[blocks[0]], self.passes[blocks[-1]]
        entries = int(columns["count"][one.first_column : one.first_column + one.sparse_columns].sum())
        entries *= self.evidence.part("walker", "index_bytes")
        rows, layer = 16 * int(one.heads * one.rows), self.outputs.works[self.outputs.pass_work[number]].layer
        dense = self.evidence.tables["dense"][first.first_dense : last.first_dense + last.dense]
        stays = rows + 2 * int(one.heads) * (layer.bias_offsets or 0)
        stays += sum(-(-int(n * one.rows) // 8) for n in np.bincount(dense["head"]))  # a bit a score, head by head
        row = 73 + 16 * (self.evidence.arch.options["miss"] == "dram")  # where queries lie comes with it
        scores = row + 23 * int(one.dense) + 4 * int(one.sparse_columns) + entries
        if len(blocks) == 1:
            return {"stays": stays + scores}
        return {"stays": stays, "scores": scores, "values": row + rows + 23 * int(one.dense)}

    @cached_property
    def scored(self) -> dict[tuple[str, int], int]:
        """For every engine and pass, how many phases the engine has finished when the pass's scores are done."""
        found = {}
        for unit in ("denser", "sparser"):
            phases = self.evidence.commands(unit)
            found |= {(unit, int(p["number"])): n + 1 for n, p in enumerate(phases) if p["phase"] == 0}
        return found

    def values(self, step: Step, number: int) -> None:
        """V, read by a phase of an engine."""
        address, each, _ = self.place("v", number, int(self.outputs.key0[number]))
        size = each * int(self.outputs.keys[number])
        for load in self.load("weight_gb", address, size, number, "V"):
            self.ledgers["weight_gb"].read(load, step, f"pass {number}, V")

    def enter(self, report: Report) -> None:
        """Enter the checks, of all layers."""
        report.add("operands", "passes", "each is sent what was loaded for it", len(self.passes), self.wrong)
        gaps = []
        for number, one in enumerate(self.passes):
            keys = self.outputs.key0[number], self.outputs.key0[number] + self.outputs.keys[number]
            # where missed queries come from DRAM, Q is sent to the denser engine alone
            alone = self.evidence.arch.options["miss"] == "dram" and not self.dense[number]
            for kind, first, last in (("k", *keys), ("q", one.row0, one.row0 + one.rows * (not alone))):
                at = int(first)
                for begin, tokens in sorted(self.sent[kind][number]):
                    at = begin + tokens if begin == at else -1
                if at != last:
                    gaps.append(f"pass {number}: tokens of {kind.upper()} {first} to {last} are not sent once each")
            size = int(one.heads * one.rows)
            for engine, work in (("denser", one.dense), ("sparser", one.sparse_columns)):
                at = 0
                for begin, end in self.issued[engine, number]:
                    at = end if begin == at else -1
                if at != (size if work else 0):
                    gaps.append(f"pass {number}: the {engine} engine is not sent through all outputs once")
        report.add("operands", "passes", "K, Q and outputs are gone through once", len(self.passes), gaps)
