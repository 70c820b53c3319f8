"""Instructions, loads and stores of a product, by its plan."""

from accelsim.dataflows.products.plan import PIECES, Plan, plan_product
from accelsim.dataflows.products.product import Block, Place, Product, size_of
from accelsim.dataflows.products.resources import ProductResources
from accelsim.dataflows.products.tiles import NOT_HELD, Command, Held, commands, grouped, later, until
from accelsim.dataflows.program import NOW, Program, Wait
from accelsim.dataflows.tiling import ceil, pieces


class Emitter:
    """Emits products on one program."""

    def __init__(self, p: Program, have: ProductResources) -> None:
        self.p, self.have = p, have
        self.leaving: tuple[Product, Block, int] | None = None  # outputs whose store may yet grow

    def issue(
        self,
        product: Product,
        command: Command,
        b: Held,
        wait2: Wait,
        *,
        weight: int = 0,
        act: int = 0,
        first: bool = True,
        last: bool = True,
        adds: bool = False,
        leaves: bool = True,
        row: int = 0,
    ) -> None:
        """One command: `weight` and `act` bytes are free with it."""
        array, rows = self.have.model, command.rows
        left = rows * command.stream
        # what is in the PEs already is not read again
        top = command.columns * (rows * first if array.stationary else command.stream * ceil(rows, array.rows))
        if array.dataflow == "is":
            left, top = top, left
        if product.resident:
            left = 0
        if product.b_resident:
            top = 0
        wide = command.stream if array.dataflow == "is" else command.columns
        added, constants = leaves * product.added(wide), leaves * product.each
        left += added * (command.stream if array.stationary else rows) * command.columns
        if constants:
            features = command.stream if array.dataflow == "is" else command.columns
            top += constants * features * (1 if array.stationary else ceil(rows, array.rows))
        self.p.enter(self.have.frees, weight=weight, weight_read=top, act=act, act_read=left)
        self.p.issue(
            self.have.array,
            rows=rows,
            columns=command.columns,
            stream=command.stream,
            first=first,
            last=last,
            adds=adds,
            to=product.to if leaves else 0,
            passes=product.passes,
            row=row if product.tag is None else product.tag,
            constants=constants,
            added=added,
            wait=b.wait,
            wait2=wait2,
        )
        self.p.will(self.have.array)

    def dissolve(
        self, product: Product, command: Command, b: Held, wait2: Wait, *, weight: int, act: int, row: int
    ) -> None:
        """As `issue`, the last fold by the pieces in which B came, so that each makes place as soon as it can (OS)."""
        high = command.rows % self.have.model.rows or min(command.rows, self.have.model.rows)
        above = command.rows - high
        if above:
            self.issue(product, command._replace(rows=above), b, wait2, row=row)
        start = 0
        for end, wait in b.waits:
            last, deep = end == b.waits[-1][0], end - start
            self.issue(
                product,
                command._replace(rows=high, stream=deep),
                until(wait),
                wait2,
                weight=deep * command.columns + product.each * command.columns * last,
                act=act * last,
                first=start == 0,
                last=last,
                leaves=last,
                row=row + above,
            )
            start = end

    def load(self, buffer: str, place: Place, before: Wait = NOW) -> Wait:
        """Fetch a tile, if there is anything of it; what to wait for."""
        return self.p.load(buffer, *place) if size_of(place) else before

    def tile(
        self,
        product: Product,
        block: Block,
        a: Held,
        b: Held,
        group: int,
        stream: int,
        *,
        free_a: int = 0,
        free_b: int = 0,
        fresh: bool = False,
        wait_a: Wait = NOW,
    ) -> None:
        """A tile whose operands are whole: `free_a`, `free_b` bytes of them are free afterwards.

        `group`: outputs of a store at most; `stream`: the longest stream; `fresh`: A is on its way, in pieces;
        `wait_a`: for an A that is resident.
        """
        found = list(commands(self.have.model, product.k, block, stream))
        groups = grouped(found, group)
        for n, some in enumerate(groups):
            whole = some[0].block
            for command in some[1:]:
                whole = whole.joined(command.block) or whole
            added, extra = NOW, 0
            if product.residual:
                extra = whole.elements
                added = self.p.load(self.have.act, *product.residual(whole))
            for i, command in enumerate(some):
                last = i + 1 == len(some)
                ends = last and n + 1 == len(groups)
                cuts = a.waits if fresh and n == i == 0 and not self.have.model.stationary else a.waits[-1:]
                at = command.block.row
                for end, wait in cuts:  # the first column fold begins with the rows that have come
                    rows = end - at if len(cuts) > 1 else command.rows
                    done = end == cuts[-1][0]
                    freed = {
                        "weight": free_b if ends and done else 0,
                        "act": (free_a if ends and done else 0) + (extra if last and done else 0),
                    }
                    wait = wait_a if product.resident else later(added, wait)
                    send = self.dissolve if len(b.waits) > 1 and freed["weight"] else self.issue
                    send(product, command._replace(rows=rows), b, wait, row=at - block.row, **freed)
                    at = end
            self.store(product, whole, group)

    def store(self, product: Product, block: Block, most: int) -> None:
        """Have a block of outputs stored, with those that continue it, up to `most` at once."""
        if product.store is None:
            return
        joined = self.leaving[1].joined(block) if self.leaving else None
        if joined and joined.elements <= most:
            self.leaving = product, joined, most
            return
        self.flush()
        self.leaving = product, block, most

    def flush(self) -> None:
        """The stores of what is to leave, in blocks of rows if it is too large."""
        if not self.leaving:
            return
        (product, whole, most), self.leaving = self.leaving, None
        buffer = self.have.spill if product.width > 1 else self.have.store
        high = whole.rows
        if whole.elements > most:
            high = max(1, most // whole.columns // self.have.model.rows) * self.have.model.rows
        for row in range(whole.row, whole.row + whole.rows, high):
            for place in product.store(whole._replace(row=row, rows=min(high, whole.row + whole.rows - row))):
                self.p.store(buffer, *place)

    def product(self, product: Product) -> None:
        """A whole product."""
        plan = plan_product(product, self.have)
        m_at, n_at = range(0, product.m, plan.m), range(0, product.n, plan.n)
        tiles = [(m, n) for m in m_at for n in n_at] if plan.outer == "m" else [(m, n) for n in n_at for m in m_at]
        a, b = NOT_HELD, NOT_HELD
        for at, (m, n) in enumerate(tiles):
            block = Block(m, min(plan.m, product.m - m), n, min(plan.n, product.n - n))
            before = tiles[at - 1] if at else (-1, -1)
            after = tiles[at + 1] if at + 1 < len(tiles) else (-1, -1)
            fresh = plan.a_whole and before[0] != m
            if fresh:
                a = self.load_rows(product, block, a)
            if plan.b_whole and before[1] != n:
                b = self.load_columns(product, block)
            free_a = a.bytes if plan.a_whole and after[0] != m else 0
            free_b = b.bytes if plan.b_whole and after[1] != n else 0
            if plan.a_whole and plan.b_whole and plan.part == product.k and self.unbroken(plan, block):
                self.tile(product, block, a, b, plan.group, plan.stream, free_a=free_a, free_b=free_b, fresh=fresh)
            else:
                self.parts(product, plan, block, a, b, free_a, free_b)
        self.flush()

    def unbroken(self, plan: Plan, block: Block) -> bool:
        """Whether no stream is cut within a fold."""
        array = self.have.model
        if array.timing == "exact" or not array.stationary:
            return True
        return (block.rows if array.dataflow == "ws" else block.columns) <= plan.stream

    def load_rows(self, product: Product, block: Block, before: Held) -> Held:
        """Load a tile of A, in pieces of whole row folds where the array can begin with some."""
        array, waits, total = self.have.model, [], 0
        high = block.rows
        if not array.stationary:
            high = ceil(ceil(block.rows, array.rows), PIECES) * array.rows
        wait = before.wait
        for row in range(block.row, block.row + block.rows, high):
            rows = min(high, block.row + block.rows - row)
            place = product.a(row, rows, 0, product.k)
            wait = self.load(self.have.act, place, wait)
            total += size_of(place)
            waits.append((row + rows, wait))
        return Held(total, tuple(waits))

    def load_columns(self, product: Product, block: Block) -> Held:
        """Load a tile of B, its constants first, in pieces if the next one would not find room beside it."""
        array, size = self.have.model, product.k * block.columns + self.load_constants(product, block)
        narrow = not array.stationary and block.columns <= array.columns and 2 * size > self.have.weight_bytes
        waits, at = [], 0
        for deep in pieces(product.k, ceil(product.k, PIECES if narrow else 1)):
            place = product.b(block.column, block.columns, at, deep)
            at += deep
            waits.append((at, self.load(self.have.weight, place)))
        return Held(size, tuple(waits))

    def load_constants(self, product: Product, block: Block) -> int:
        """Load what the outputs of some columns leave with, if there is anything; its bytes."""
        if not product.each:
            return 0
        place = product.constants(block.column, block.columns)
        self.p.load(self.have.weight, *place)
        return size_of(place)

    def parts(self, product: Product, plan: Plan, block: Block, a: Held, b: Held, free_a: int, free_b: int) -> None:
        """A tile that accumulates over parts of the inner dimension, each a command or, its stream cut, several."""
        have, array = self.have, self.have.model
        wait_a, wait_b = a.wait, b.wait
        length = {"os": 0, "ws": block.rows, "is": block.columns}[array.dataflow]
        cuts = list(range(0, length, plan.stream)) if array.stationary else [0]
        for k in range(0, product.k, plan.part):
            deep = min(plan.part, product.k - k)
            final = k + deep == product.k
            held_a = held_b = 0  # of the operand in the PEs, freed with the last cut
            if not plan.b_whole and array.dataflow != "is":
                held_b = self.load_constants(product, block) if final else 0
                place = product.b(block.column, block.columns, k, deep)
                wait_b, held_b = self.load(have.weight, place, wait_b), held_b + size_of(place)
            if not plan.a_whole and array.dataflow != "ws":
                place = product.a(block.row, block.rows, k, deep)
                wait_a, held_a = self.load(have.act, place, wait_a), size_of(place)
            for cut in cuts:
                some = min(plan.stream, length - cut)
                last = cut == cuts[-1]
                weight, act = (held_b, held_a) if last else (0, 0)
                if last and final:
                    weight, act = weight + free_b, act + free_a
                part, added, extra = block, NOW, 0
                if array.dataflow == "ws":
                    part = block._replace(row=block.row + cut, rows=some)
                    if not plan.a_whole:
                        place = product.a(part.row, some, k, deep)
                        wait_a, act = self.load(have.act, place, wait_a), act + size_of(place)
                elif array.dataflow == "is":
                    part = block._replace(column=block.column + cut, columns=some)
                    if not plan.b_whole:
                        weight += self.load_constants(product, part) if final else 0
                        place = product.b(part.column, some, k, deep)
                        wait_b, weight = self.load(have.weight, place, wait_b), weight + size_of(place)
                if final and product.residual:
                    added, extra = self.p.load(have.act, *product.residual(part)), part.elements
                if array.dataflow == "os":
                    command = Command(block.rows, block.columns, deep, part)
                    first, ends, adds = k == 0, final, False
                else:
                    across = block.columns if array.dataflow == "ws" else block.rows
                    command = Command(deep, across, some, part)
                    first, ends, adds = cut == 0, last, k > 0
                self.issue(
                    product,
                    command,
                    until(wait_b),
                    later(added, wait_a),
                    weight=weight,
                    act=act + extra,
                    first=first,
                    last=ends,
                    adds=adds,
                    leaves=final,
                    row=part.row,
                )
                if final:
                    self.store(product, part, plan.group)
