"""Tasks on the processes of this machine. Each worker has a pipe; its death takes with it what it was simulating and
nothing else, and when the parent dies the pipe closes and the workers leave.
"""

import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection, wait

from accelsim.core.errors import InputError
from accelsim.core.private import cache_folder
from accelsim.sweep.measure import Outcome, Task, perform

AHEAD = 2  # tasks at a worker: the one it simulates and the next, so that it never waits for the parent
DEATHS = 3  # of workers on the same task before it counts as failed
READY = "ready"


def inline(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """One after the other in this process."""
    for task in tasks:
        yield perform(task)


def serve(pipe: Connection) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    try:
        pipe.send(READY)
        while True:
            pipe.send(perform(pipe.recv()))
    except (EOFError, OSError):
        os._exit(0)  # the parent is gone


class Worker:
    """A process and what it was given, oldest first."""

    def __init__(self, context):
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True, name="accelsim-worker")
        self.process.start()
        theirs.close()
        self.tasks: deque[Task] = deque()
        self.ready = False

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        with suppress(OSError):  # it has died, and its sentinel will tell
            self.pipe.send(task)

    def received(self) -> Iterator[Outcome]:
        """What has come through the pipe."""
        with suppress(EOFError, OSError):
            while self.pipe.poll():
                message = self.pipe.recv()
                if message == READY:
                    self.ready = True
                else:
                    yield message

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


def start_method():
    """Forked from a server that has imported the simulator once, where there is such a thing; else started anew."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["accelsim.accelerators.run", "accelsim.report.metrics", "accelsim.sweep.processes"])
    return context


def processes(tasks: Iterable[Task], count: int) -> Iterator[Outcome]:
    """Outcomes as they come, from `count` worker processes. Closing the iterator kills the workers.

    A task whose worker dies is given to another; if that goes on, the task is failed. Raises InputError when a worker
    cannot even start.
    """
    pool = Pool(count)
    queue = Queue(tasks)
    try:
        while pool.filled_from(queue):
            yield from pool.outcomes(queue)
    finally:
        pool.stop()


class Queue:
    """Tasks still to be given out. The first of a netlist runs alone, so that its kernel is compiled once and the
    others load it.
    """

    def __init__(self, tasks: Iterable[Task]):
        self.source, self.front, self.warm = iter(tasks), deque(), set()

    def next(self, running: list[Task]) -> Task | None:
        """A task that may start beside those that are running."""
        if any(task.netlist not in self.warm for task in running):
            return None
        if not self.front and (task := next(self.source, None)) is not None:
            self.front.append(task)
        if not self.front or (running and self.front[0].netlist not in self.warm):
            return None
        return self.front.popleft()


class Pool:
    """The workers, replaced as they die."""

    def __init__(self, count: int):
        cache_folder()  # where it is a temporary one, all workers share it, and this process removes it
        self.context = start_method()
        self.workers = [Worker(self.context) for _ in range(count)]
        self.deaths: Counter[str] = Counter()

    def filled_from(self, queue: Queue) -> bool:
        """Give out what can be; whether anything is running."""
        while True:
            worker = min(self.workers, key=lambda w: len(w.tasks))
            running = [task for w in self.workers for task in w.tasks]
            if len(worker.tasks) >= AHEAD or (task := queue.next(running)) is None:
                return bool(running)
            worker.give(task)

    def outcomes(self, queue: Queue) -> Iterator[Outcome]:
        """Wait until something has happened; what is finished."""
        wait([w.pipe for w in self.workers] + [w.process.sentinel for w in self.workers])
        for place, worker in enumerate(self.workers):
            dead = not worker.process.is_alive()
            for outcome in worker.received():
                queue.warm.add(worker.tasks.popleft().netlist)
                yield outcome
            if dead:
                yield from self.bury(worker, queue)
                self.workers[place] = Worker(self.context)

    def bury(self, worker: Worker, queue: Queue) -> Iterator[Outcome]:
        """Put back what a dead worker had; its first task is to blame."""
        code = worker.process.exitcode
        worker.stop()
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        if not worker.ready:
            raise InputError(
                f"a worker process could not start ({how}); a script that runs sweeps must do so under"
                " `if __name__ == '__main__':`"
            )
        if worker.tasks:
            task = worker.tasks[0]
            self.deaths[task.key] += 1
            if self.deaths[task.key] >= DEATHS:
                worker.tasks.popleft()
                yield Outcome(
                    task.key, None, f"{DEATHS} worker processes died of this point ({how}); out of memory?", 0.0
                )
        queue.front.extendleft(reversed(worker.tasks))

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()
