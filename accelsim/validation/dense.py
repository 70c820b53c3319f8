"""Dense layers: GEMM tiles divide the iteration space, their operands are there, their stores find their bytes in
order; and on small layers the tiles, replayed in integers, give the matrix product."""

from dataclasses import dataclass

import numpy as np

from accelsim.isa import instructions as isa
from accelsim.validation.evidence import Evidence
from accelsim.validation.memory import coded_columns
from accelsim.validation.program import Ledger, Step
from accelsim.validation.report import Report
from accelsim.workload.layers import Gemm

REPLAYED = 1 << 22  # layers of at most so many multiply-accumulates are replayed in integers


@dataclass
class Tile:
    """Outputs [row, row + rows) x [column, column + columns) of one GEMM of a layer, and the parts of its
    accumulation: (begin, length) along the depth."""

    group: int
    row: int
    rows: int
    column: int
    columns: int
    parts: list[tuple[int, int]]


class GemmCheck:
    """Follows the instructions of one dense layer."""

    def __init__(
        self, evidence: Evidence, layer: Gemm, ledgers: dict[str, Ledger], loads: list[int], stores: list[int]
    ):
        """loads: the activation buffer's loads of this layer; stores: the layer's stores, in order."""
        self.evidence, self.layer, self.ledgers, self.stores = evidence, layer, ledgers, stores
        self.batch_tokens = layer.tokens * evidence.workload.batch
        self.place = {n: evidence.places.get(f"{layer.name}.{n}") for n in ("weight", "input", "residual", "output")}
        self.inputs = layer.inputs * evidence.workload.batch // layer.repeat
        self.exact = layer.input_elements is None
        self.tiles: list[Tile] = []
        self.wrong: list[str] = []
        self.part: list[tuple[Step, int]] = []
        self.spot = (0, 0, 0)
        self.stored = 0
        self.coded = coded_columns(evidence, layer)
        self.loads, self.shown = loads, 0
        # which load holds each byte of the input and of the residual operand
        self.holds = np.full((layer.repeat, self.inputs), -1, np.int32)
        self.residual = np.full((self.batch_tokens, layer.repeat * layer.out_features), -1, np.int32)

    def array(self, step: Step) -> None:
        """An instruction of the array: a part of a tile."""
        rows, columns, deep, step_rows, step_columns, last, heads, encoded, *_ = step.arguments
        where = f"layer {self.layer.name}, tile {len(self.tiles)}"
        if isa.WEIGHT_LOADED not in step.waits:
            self.wrong.append(f"{where}: it waits for no weights")
            return
        load, layer = step.waits[isa.WEIGHT_LOADED] - 1, self.layer
        weight = self.evidence.tables["weight"][load]
        offset = int(weight.address) - self.place["weight"]
        each = layer.in_features * layer.out_features
        if not self.part:
            self.spot = offset // each, offset % each // layer.in_features, 0
        group, column, depth = self.spot
        if load < 0 or not 0 <= group < layer.repeat or depth + deep > layer.in_features:
            self.wrong.append(f"{where}: it waits for weights that are not of its layer")
            self.part = []
            return
        self.ledgers["weight"].read(load, step, where)
        # weights lie tile by tile, a tile's parts one after the other
        if offset != group * each + column * layer.in_features + depth * columns:
            self.wrong.append(f"{where}: its weights do not lie where those of depth {depth} do")
        if weight.bytes * weight.segments != columns * deep:
            self.wrong.append(f"{where}: {weight.bytes * weight.segments} weights for {columns} x {deep}")
        self.part.append((step, depth))
        self.spot = group, column, depth + deep
        if last:
            self.finish(where, step, rows, columns, step_rows, step_columns, heads, encoded)
            self.part = []
        elif 4 * rows * columns > self.evidence.part("engine", "psum_bytes"):
            self.wrong.append(f"{where}: {4 * rows * columns} bytes of partial sums do not fit engine.psum_bytes")

    def finish(self, where, step, rows, columns, step_rows, step_columns, heads, encoded) -> None:
        """The last part of a tile: its place among the outputs, its operands, its stores."""
        group, column, _ = self.spot
        limit, mixed, left = self.coded
        wanted = (mixed, left) if column < limit else (0, 0)
        if (heads, encoded) != wanted:
            self.wrong.append(f"{where}: the encoder mixes {heads} heads to {encoded}, not {wanted[0]} to {wanted[1]}")
        size = rows * columns
        if heads > 0:  # of every token, the features whose last head is among these columns
            size = rows * encoded * sum((at + 1) % heads == 0 for at in range(column, column + columns))
        row = self.take_stores(where, group, column, rows, columns, size, step_rows, step_columns)
        token, met = step.arguments[9:]
        row = token if row is None else row  # where the encoder keeps all there is, nothing says what tokens these are
        if (token, met) != (row, column % heads if heads else 0):
            self.wrong.append(f"{where}: it is said to begin at token {token}, {met} heads into a feature, but it does "
                              f"at token {row} and column {column}")  # fmt: skip
        if {(s.arguments[0], s.arguments[1]) for s, _ in self.part} != {(rows, columns)}:
            self.wrong.append(f"{where}: its parts are of different sizes")
        self.tiles.append(Tile(group, row, rows, column, columns, [(depth, s.arguments[2]) for s, depth in self.part]))
        for part, depth in self.part:
            self.operands(where, part, group, row, rows, depth, part.arguments[2])
        if self.layer.residual:
            self.show(step)
            block = self.residual[row : row + rows, group * self.layer.out_features :][:, column : column + columns]
            self.read_act(where, step, block, "residual")

    def take_stores(self, where, group, column, rows, columns, size, step_rows, step_columns) -> int | None:
        """The stores of a tile: together exactly the tile, each found complete when its turn comes. Its first row (None
        without any)."""
        table, layer, layout = self.evidence.tables["stores"], self.layer, self.evidence.layout
        projected, (limit, mixed, left) = layer.role in ("qkv", "q", "kv"), self.coded
        packed = projected and (layout == "packed" or (mixed > 0 and column < limit))
        total, first = 0, None
        pitch, origin, side = layer.out_features * layer.repeat, 0, group * layer.out_features + column
        if projected and (layout == "token_major" or mixed):  # what the encoder leaves alone is a tensor of its own
            corner = limit if column >= limit else 0
            origin, pitch = (group * layer.out_features + corner) * self.batch_tokens, layer.out_features - corner
            side = column - corner
        # a run begins where those of the columns before end, which are fewer behind the encoder
        wide, runs = size // rows, column
        if mixed > 0 and column < limit:
            runs = column - column % (limit // (2 if layer.role == "qkv" else 1))
            runs += sum((at + 1) % mixed == 0 for at in range(runs, column)) * left
        whole = (group * layer.out_features + runs) * self.batch_tokens
        while total < size and self.stored < len(self.stores):
            store = table[self.stores[self.stored]]
            self.stored += 1
            offset = int(store.address) - self.place["output"]
            total += int(store.bytes * store.segments)
            if packed:
                if first is None:
                    first = (offset - whole) // wide
                    begin = whole + first * wide
                if offset != begin + total - int(store.bytes * store.segments):
                    self.wrong.append(f"{where}: its stores are not one after the other")
            else:
                row, at = divmod(offset - origin, pitch)
                first = row if first is None else first
                at -= side
                inside = at >= 0 and at + store.bytes <= columns and 0 <= row - first <= rows - store.segments
                if not inside or (store.segments > 1 and store.pitch != pitch):
                    self.wrong.append(f"{where}: a store of rows {row} on lies outside the tile")
                # steps leave whole, all of some rows before those of the next; a store counts bytes and must find its
                # own
                deep, last = row - first + int(store.segments) - 1, at + int(store.bytes) - 1
                band = deep // step_rows * step_rows
                before = band * columns + min(step_rows, rows - band) * (last // step_columns * step_columns)
                if total <= before:
                    self.wrong.append(
                        f"{where}: {total} bytes have left when its store of rows {row} to {first + deep} is asked "
                        f"for, whose last comes after {before}"
                    )
        if total != size:
            self.wrong.append(f"{where}: {total} bytes are stored of {size}")
        return first

    def show(self, step: Step) -> None:
        """Enter the loads that have arrived when an instruction is dispatched."""
        table, pitch = self.evidence.tables["act"], self.layer.repeat * self.layer.out_features
        while self.shown < len(self.loads) and self.loads[self.shown] < step.known[isa.ACT_LOADED]:
            number = self.loads[self.shown]
            load, self.shown = table[number], self.shown + 1
            residual = self.place["residual"]
            if residual is not None and residual <= load.address < residual + self.residual.size:
                row, at = divmod(int(load.address) - residual, pitch)
                self.residual[row : row + int(load.segments), at : at + int(load.bytes)] = number
                continue
            flat = self.holds.reshape(-1)
            for n in range(int(load.segments)):
                at = int(load.address) - self.place["input"] + n * int(load.pitch)
                flat[at : at + int(load.bytes)] = number

    def operands(self, where, step: Step, group: int, row: int, rows: int, depth: int, deep: int) -> None:
        """The activations of a part are there."""
        self.show(step)
        if self.exact:
            grid = self.holds[group].reshape(self.batch_tokens, self.layer.in_features)
            self.read_act(where, step, grid[row : row + rows, depth : depth + deep], "input")
        else:  # windows overlap: a row's share of the distinct elements stands for its window
            share, whole = -(-self.inputs // self.batch_tokens), self.layer.in_features
            first = min(self.inputs, row * share)
            span = min(self.inputs, (row + rows) * share) - first
            mine = slice(first + span * depth // whole, first + span * (depth + deep) // whole)
            if mine.stop > mine.start:
                self.read_act(where, step, self.holds[group][mine], "input")

    def read_act(self, where: str, step: Step, block: np.ndarray, what: str) -> None:
        """Note the loads that hold a block of operands."""
        if block.size == 0 or block.min() < 0:
            self.wrong.append(f"{where}: not all of its {what} has been loaded")
            return
        low, high = int(block.min()), int(block.max())
        for load in [low] if low == high else (np.flatnonzero(np.bincount(block.ravel() - low)) + low).tolist():
            self.ledgers["act"].read(load, step, where)

    def close(self, report: Report) -> None:
        """Enter the checks of the layer."""
        layer, scope = self.layer, f"layer {self.layer.name}"
        if self.part:
            self.wrong.append(f"{scope}: its last tile is not complete")
        if self.stored != len(self.stores):
            self.wrong.append(f"{scope}: {len(self.stores) - self.stored} stores hold nothing of its tiles")
        report.add("gemm", scope, "tiles have their operands and stores", len(self.tiles), self.wrong)
        seen = np.zeros((layer.repeat, self.batch_tokens, layer.out_features), np.uint8)
        cut = []
        for tile in self.tiles:
            seen[tile.group, tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns] += 1
            ends = np.cumsum([0] + [size for _, size in tile.parts])
            if [at for at, _ in tile.parts] != ends[:-1].tolist() or ends[-1] != layer.in_features:
                cut.append(f"{scope}: the parts of tile {tile.row}, {tile.column} are {tile.parts}")
        sizes = sum(tile.rows * tile.columns for tile in self.tiles)
        if sizes != seen.size or (seen != 1).any():
            missing, twice = int((seen == 0).sum()), int((seen > 1).sum())
            cut.append(f"{scope}: {missing} outputs are never computed, {twice} more than once, of {seen.size}")
        report.add("gemm", scope, "each row, feature and depth computed once", layer.macs, cut)
        if layer.macs * self.batch_tokens // layer.tokens <= REPLAYED and not cut and not self.wrong:
            report.add("gemm", scope, "tiles in integers equal the product", seen.size, self.replay())

    def replay(self) -> list[str]:
        """Random int8 operands through the tiles, against their product."""
        layer = self.layer
        rng = np.random.default_rng([*layer.name.encode()])
        shape = (layer.repeat, self.batch_tokens, layer.in_features)
        x = rng.integers(-127, 128, shape).astype(np.int32)
        w = rng.integers(-127, 128, (layer.repeat, layer.in_features, layer.out_features)).astype(np.int32)
        out = np.zeros((layer.repeat, self.batch_tokens, layer.out_features), np.int32)
        for tile in self.tiles:
            sums = np.zeros((tile.rows, tile.columns), np.int32)
            for at, size in tile.parts:
                block = w[tile.group, at : at + size, tile.column : tile.column + tile.columns]
                sums += x[tile.group, tile.row : tile.row + tile.rows, at : at + size] @ block
            out[tile.group, tile.row : tile.row + tile.rows, tile.column : tile.column + tile.columns] += sums
        wrong = int((out != np.matmul(x, w)).sum())
        return [f"layer {layer.name}: {wrong} outputs differ"] if wrong else []
