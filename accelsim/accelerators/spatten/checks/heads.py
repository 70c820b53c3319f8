"""The commands of an attention layer: every head once, its operands loaded from where they lie, its rows stored in
order."""

import numpy as np

from accelsim.accelerators.spatten.checks.work import Work
from accelsim.validation import Report
from accelsim.validation.course import Course, Follower
from accelsim.validation.program import Step

BUFFERS = {"q": "q_buffer", "k": "k_buffer", "l": "l_buffer", "v": "v_buffer"}


class HeadsFollower(Follower):
    """Follows the instructions of one attention layer."""

    def __init__(self, course: Course, work: Work) -> None:
        self.course, self.work, self.evidence = course, work, course.evidence
        self.wrong: list[str] = []
        self.heads = self.choices = 0
        self.loads = {n: iter(course.loads[part]) for n, part in BUFFERS.items()}

    def step(self, step: Step) -> None:
        """An instruction of the layer."""
        where = f"{self.course.scope}, instruction {step.at}"
        if step.unit == "top_k":
            self.choose(where, step)
        elif step.unit == "fetcher":
            self.wrong += [f"{where}: {fault}" for fault in self.head(where, step)]
            self.heads += 1
        else:
            self.wrong.append(f"{where}: it is of {step.unit}, which has no part in attention")

    def head(self, where: str, step: Step) -> list[str]:
        """A head's command: what is wrong with it."""
        work, n, faults = self.work, self.heads, []
        a, sizes, lines = work.layer, work.sizes(), work.lines(self.evidence.arch)
        if n >= work.heads:
            return ["there are no more heads"]
        number = work.first + n
        if (step.operands["head"], step.operands["row"]) != (number, work.row + n * a.q_tokens):
            faults.append(f"it is of head {step.operands['head']} and row {step.operands['row']}, not {number}")
        low = sizes["l"] if work.again_of(n).any() else 0
        wanted = {
            "rows": a.q_tokens, "keys": a.kv_tokens, "values": int(work.kept[n % a.heads, 0].sum()),
            "k_lines": lines["k"], "v_lines": lines["v"], "k_bytes": sizes["k"], "l_bytes": low,
            "v_bytes": sizes["v"], "q_row": a.qk_dim, "outputs": a.v_dim, "passes": 1 + bool(a.activation),
        }  # fmt: skip
        said = self.evidence.tables["heads"][number]
        faults += [f"its {f} is {said[f]}, not {w}" for f, w in wanted.items() if said[f] != w]
        for kind, part in BUFFERS.items():
            size = low if kind == "l" else sizes[kind]
            if not size:
                continue
            load = next(self.loads[kind], None)
            if load is None:
                faults.append(f"nothing is loaded into {part} for it")
                continue
            row, tensor = self.evidence.tables[part][load], {"l": "k_low"}.get(kind, kind)
            place = self.evidence.places[f"{a.name}.{tensor}"] + n * sizes[kind]
            if (row["address"], row["bytes"] * row["segments"]) != (place, size):
                faults.append(f"its {tensor} is loaded from {row['address']}, not from {place}")
            self.read(where, step, kind, load, number)
        return faults

    def read(self, where: str, step: Step, kind: str, load: int, number: int) -> None:
        """A head reads a load until its last row has left, and gives it back. Queries must be there when it begins; the
        arrays wait for keys and values line by line (see rows.py)."""
        part = BUFFERS[kind]
        ledger, size = self.course.ledgers[part], int(self.evidence.tables[part][load]["bytes"])
        if kind == "q":
            ledger.read(load, step, where, "pv_array", number + 1)
        else:
            ledger.reads += 1
            ledger.needs[load] = {"pv_array": number + 1}
            ledger.last[load] = step.at
        known = {c: max(k, ledger.freed[-1][2][c]) for c, k in step.known.items()} if ledger.freed else dict(step.known)
        ledger.freed.append((step.at, size, known | {"pv_array": max(known["pv_array"], number + 1)}))

    def choose(self, where: str, step: Step) -> None:
        """A choice of the top-k engine: after all rows of the layer, among the sums that must be there."""
        chosen = self.work.alive.chosen
        if self.choices >= len(chosen) * self.work.batch:
            self.wrong.append(f"{where}: there is nothing more to choose")
            return
        one, said = chosen[self.choices % len(chosen)], step.operands
        self.choices += 1
        end = self.work.first + self.work.heads
        if min(step.known["importance"], step.known["pv_array"]) < end:
            self.wrong.append(f"{where}: it does not wait for the last row of its layer")
        found = self.evidence.tables["candidates"]["value"][said["first"] : said["first"] + said["values"]]
        if not np.array_equal(found, one.sums) or said["keep"] != one.keep:
            self.wrong.append(f"{where}: it does not choose {one.keep} of the sums of its layer")

    def close(self, report: Report) -> None:
        """Enter the checks of the layer."""
        work, scope, a = self.work, self.course.scope, self.work.layer
        left = [kind for kind, rest in self.loads.items() if next(rest, None) is not None]
        self.wrong += [f"{scope}: more is loaded into {BUFFERS[kind]} than its heads read" for kind in left]
        report.equal("attention", scope, "each head once", self.heads, work.heads)
        wanted = len(work.alive.chosen) * work.batch
        report.equal("attention", scope, "each choice once", self.choices, wanted)
        report.add("attention", scope, "heads have their operands, lines and choices", self.heads, self.wrong)
        stores, place = self.course.stores["output_buffer"], self.evidence.places[f"{a.name}.output"]
        found = []
        for store in self.evidence.tables["output_buffer"][np.asarray(stores, np.int64)]:
            if store["bytes"] != a.v_dim:
                found.append(np.array([-1]))
                continue
            found.append(store["address"] - place + store["pitch"] * np.arange(store["segments"]))
        head, row = np.divmod(np.arange(work.rows), a.q_tokens)
        image, pitch = head // a.heads, a.heads * a.v_dim
        rows = (image * a.q_tokens + row) * pitch + head % a.heads * a.v_dim
        same = np.array_equal(np.concatenate(found) if found else np.zeros(0), rows)
        wrong = [] if same else [f"{scope}: its stores are not of its rows, in the order in which these leave"]
        report.add("attention", scope, "rows are stored where they belong, in the order they leave", len(rows), wrong)
