"""Tasks on the processes of this machine. Each worker has a pipe; its death takes with it what it was simulating and
nothing else, and when the parent dies the pipe closes and the workers leave.
"""

import atexit
import gc
import multiprocessing
import os
import signal
import tempfile
import threading
import time
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from queue import SimpleQueue

from accelsim.core.errors import InputError
from accelsim.core.files import scratch
from accelsim.core.private import cache_folder
from accelsim.sweep.measure import Outcome, Task, perform

Notice = Callable[[str], None]
AHEAD = 2  # tasks at a worker: the one it simulates and the next, so that it never waits for the parent
DEATHS = 3  # of workers on the same task before it counts as failed
STARTS = 10  # in a row that come to nothing before the sweep gives up
PAUSE = 0.05  # seconds between two tries to start one
LEAVING = 5.0  # seconds that a killed process is waited for
LONGEST = 40  # bytes of a temporary folder's name: with what is in it, a socket's has at most 107
READY = "ready"
GARBAGE = 100_000  # objects made between two looks for cycles: a point makes many that live until it is done


def inline(tasks: Iterable[Task]) -> Iterator[Outcome]:
    """One after the other in this process."""
    for task in tasks:
        yield perform(task)


def serve(pipe: Connection) -> None:
    """The life of a worker. A thread of its own listens, so that it leaves at once when its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the parent decides
    tasks: SimpleQueue[Task] = SimpleQueue()

    def listen() -> None:
        try:
            while True:
                tasks.put(pipe.recv())
        finally:
            os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    gc.set_threshold(GARBAGE, 50, 50)
    with suppress(OSError):  # the parent is gone
        pipe.send(READY)
        while True:
            pipe.send(perform(tasks.get()))


class Worker:
    """A process and what it was given, oldest first. Raises OSError or EOFError when it cannot be started.

    It is dead when its pipe is closed at the other end. Its exit status comes from the fork server, and says nothing
    once that is gone: such a worker is an orphan and goes on working.
    """

    def __init__(self, context):
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs,), daemon=True, name="accelsim-worker")
        try:
            with undisturbed():
                self.process.start()
        except BaseException:
            self.pipe.close()
            raise
        finally:
            theirs.close()
        self.tasks: deque[Task] = deque()
        self.ready = self.dead = self.orphan = False

    def give(self, task: Task) -> None:
        self.tasks.append(task)
        with suppress(OSError):  # it has died, and its pipe will tell
            self.pipe.send(task)

    def received(self) -> list[Outcome]:
        """What has come through the pipe."""
        found = []
        try:
            while self.pipe.poll():
                message = self.pipe.recv()
                if message == READY:
                    self.ready = True
                else:
                    found.append(message)
        except (EOFError, OSError):
            self.dead = True
        return found

    def lost_its_server(self) -> bool:
        """Whether it has just become an orphan: it is said to have ended, and its pipe is open."""
        if self.dead or self.orphan or self.process.is_alive() or self.pipe.poll():
            return False
        self.orphan = True
        return True

    def ending(self) -> str:
        """How it died, if that is known."""
        code = self.process.exitcode
        if self.orphan or code is None:
            return "after its fork server"
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def stop(self) -> None:
        """Kill it. As long as its pipe is open its number is nobody else's."""
        if self.orphan and not self.dead:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
        elif not self.dead:
            self.process.kill()
        self.pipe.close()
        self.process.join(LEAVING)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Ctrl-C waits until the end; a fork server that is started meanwhile, and its workers, never hear of it, not even
    while they import.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_method():
    """Forked from a server that has imported the simulator once, where there is such a thing; else started anew."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["accelsim.accelerators.run", "accelsim.report.metrics", "accelsim.sweep.processes"])
    private_folder()
    return context


@cache
def private_folder() -> None:
    """Let the fork server's socket lie in a folder that a later sweep removes when this process is killed."""
    chosen = multiprocessing.current_process()._config  # what multiprocessing.util.get_temp_dir asks
    if chosen.get("tempdir") is None:
        left = ExitStack()
        place = tempfile.gettempdir()
        if len(os.fsencode(place)) > LONGEST:
            place = "/tmp"
        chosen["tempdir"] = str(left.enter_context(scratch(Path(place), "sweep")))
        atexit.register(left.close)


def serving() -> bool:
    """Start the fork server, and the resource tracker before it, unless they run; whether the tracker had been killed.

    The tracker comes first, since its start lets Ctrl-C through again. What Python says when it was killed is said by
    whoever asks.
    """
    from multiprocessing import forkserver, resource_tracker  # not on every system

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        resource_tracker.ensure_running()
    with undisturbed():
        forkserver.ensure_running()
    return any("resource_tracker" in str(w.message) for w in said)


def processes(tasks: Iterable[Task], count: int, notice: Notice = lambda _: None) -> Iterator[Outcome]:
    """Outcomes as they come, from `count` worker processes. Closing the iterator kills the workers.

    A task whose worker dies is given to another; if that goes on, the task is failed. `notice` is told in a line when a
    process was killed and is started again. Raises InputError when no worker can be started.
    """
    queue, pool = Queue(tasks), Pool(count, notice)
    try:
        while pool.filled_from(queue):
            yield from pool.outcomes(queue)
    finally:
        pool.stop()


class Queue:
    """Tasks still to be given out. The first of a netlist runs alone, so that its kernel is compiled once and the
    others load it. Those at which a worker died come last: whoever kills workers at random hits others then.
    """

    def __init__(self, tasks: Iterable[Task]):
        self.source, self.front, self.last, self.warm = iter(tasks), deque(), deque(), set()

    def next(self, running: list[Task]) -> Task | None:
        """A task that may start beside those that are running."""
        if any(task.netlist not in self.warm for task in running):
            return None
        if not self.front and (task := next(self.source, None) or (self.last and self.last.popleft())):
            self.front.append(task)
        if not self.front or (running and self.front[0].netlist not in self.warm):
            return None
        return self.front.popleft()


class Pool:
    """The workers, started when there is something to do and replaced as they die."""

    def __init__(self, count: int, notice: Notice):
        cache_folder()  # where it is a temporary one, all workers share it, and this process removes it
        self.count, self.notice, self.context = count, notice, start_method()
        self.workers: list[Worker] = []
        self.deaths: Counter[str] = Counter()
        self.stillborn = 0  # workers in a row that died before they were ready

    def filled_from(self, queue: Queue) -> bool:
        """Give out what can be; whether anything is running."""
        while True:
            running = [task for w in self.workers for task in w.tasks]
            worker = min(self.workers, key=lambda w: len(w.tasks), default=None)
            if (worker and len(worker.tasks) >= AHEAD) or (task := queue.next(running)) is None:
                return bool(running)
            while len(self.workers) < self.count:
                self.workers.append(self.hired())
            (worker or self.workers[0]).give(task)

    def hired(self) -> Worker:
        """A new worker. The fork server, or what helps it, may have been killed, or be while it is asked."""
        for _ in range(STARTS):
            try:
                self.serve()
                return Worker(self.context)
            except (OSError, EOFError) as error:  # it was killed just now
                reason = getattr(error, "strerror", None) or str(error) or "the fork server is killed"
                time.sleep(PAUSE)
        raise InputError(f"no worker process can be started ({reason}); `-j 0` simulates without any")

    def serve(self) -> None:
        """Let run what workers are forked from."""
        if self.context.get_start_method() == "forkserver" and serving():
            self.notice("the resource tracker of the worker processes was killed; it is started again")

    def outcomes(self, queue: Queue) -> Iterator[Outcome]:
        """Wait until something has happened; what is finished."""
        wait([w.pipe for w in self.workers] + [w.process.sentinel for w in self.workers if not w.orphan])
        for place, worker in enumerate(self.workers):
            was_ready = worker.ready
            for outcome in worker.received():
                queue.warm.add(worker.tasks.popleft().netlist)
                yield outcome
            if worker.ready and not was_ready:
                self.stillborn = 0
            if worker.dead:
                yield from self.bury(worker, queue)
                self.workers[place] = self.hired()
        if [w for w in self.workers if w.lost_its_server()]:  # all of them are asked
            self.notice("the fork server of the worker processes was killed; it is started again, the workers go on")
            self.serve()

    def bury(self, worker: Worker, queue: Queue) -> Iterator[Outcome]:
        """Put back what a dead worker had; its first task is to blame, once it was ready to take any."""
        worker.stop()
        how = worker.ending()
        if not worker.ready:
            self.stillborn += 1
            if how == "exit status 1":
                raise InputError(
                    f"a worker process could not start ({how}); a script that runs sweeps must do so under"
                    " `if __name__ == '__main__':`"
                )
            if self.stillborn >= STARTS:
                raise InputError(
                    f"{STARTS} worker processes in a row died while they started ({how}); is there memory for"
                    f" {self.count} of them? -j takes fewer, -j 0 none"
                )
        elif worker.tasks:
            task = worker.tasks.popleft()
            self.deaths[task.key] += 1
            if self.deaths[task.key] < DEATHS:
                queue.last.append(task)
            else:
                error = f"{DEATHS} worker processes died of this point ({how}); out of memory?"
                yield Outcome(task.key, None, error, 0.0)
        self.notice(f"a worker process died ({how}); another takes its place, and nothing it had is lost")
        queue.front.extendleft(reversed(worker.tasks))

    def stop(self) -> None:
        for worker in self.workers:
            worker.stop()
