"""Tasks on a Dask cluster: workers on any number of machines, which may come, go and die during a sweep."""

import asyncio
import logging
import pickle
import re
import socket
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from accelsim.core.errors import InputError
from accelsim.sweep.measure import Outcome, Task, perform

AHEAD = 2  # tasks a thread of the cluster: the one it simulates and the next
CONNECT = "5s"  # in which a scheduler answers
ADDRESS = re.compile(r"(?:(tcp|tls|ucx|ws|wss)://)?([\w.-]+|\[[0-9A-Fa-f:.%\w]+\]):([0-9]{1,5})/?")
INSIDE = "inproc://"  # a cluster in this very process, which scripts may have
LIBRARY = ("distributed", "tornado", "asyncio")  # who logs for Dask


def address(text: str) -> str:
    """The address of a scheduler. Raises InputError for what cannot be one, before anything waits for an answer."""
    found = ADDRESS.fullmatch(text)
    if not text.startswith(INSIDE) and not (found and 0 < int(found[3]) < 1 << 16):
        raise InputError(
            f"--scheduler {text}: the address of a Dask scheduler has the form tcp://HOST:PORT (or tls://, ws://,"
            " wss://, ucx://), as `dask scheduler` prints it; its port is 8786 unless another was chosen"
        )
    return text


def unpack(packed: bytes):
    """A workload from what the scheduler keeps of it."""
    return pickle.loads(zlib.decompress(packed))


def cluster(tasks: Iterable[Task], place: str, notice: Callable[[str], None] = lambda _: None) -> Iterator[Outcome]:
    """Outcomes as they come from the workers of the scheduler at `place`. Closing the iterator cancels what is left.

    Workers need the same accelsim, but no files: workloads are sent to them. A point whose workers die again and again
    is failed. `notice` is told in a line when there is no worker to begin with. Raises InputError without Dask, without
    the scheduler, and when it is lost.
    """
    try:
        import distributed
    except ImportError:
        raise InputError("a sweep on a cluster needs Dask; install it with `pip install 'accelsim[dask]'`") from None
    with quiet():
        client = connected(distributed, place)
        try:
            if not client.nthreads():
                notice(f"the scheduler at {place} has no workers yet; the sweep waits for the first")
            yield from submitted(client, tasks, distributed.as_completed([], loop=client.loop))
        finally:
            with suppress(Exception):  # it is lost, or does not answer any more
                client.close(timeout=CONNECT)


@contextmanager
def quiet() -> Iterator[None]:
    """The library logs nothing: what there is to say is said in a sentence of ours."""
    names = [n for n in logging.root.manager.loggerDict if n.partition(".")[0] in LIBRARY]
    before = {logger: logger.level for logger in map(logging.getLogger, (*LIBRARY, *names))}
    for logger in before:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)


def connected(distributed, place: str):
    """A client of the scheduler. It is asked who it is first: a client that fails to connect takes long to give up.

    Raises InputError when there is none, or something else.
    """
    from dask.utils import parse_timedelta
    from distributed.utils import LoopRunner

    seconds = parse_timedelta(CONNECT)

    async def ask() -> dict:
        arguments = distributed.Security().get_connection_args("client")
        async with distributed.rpc(place, timeout=seconds, connection_args=arguments) as there:
            return await there.identity()

    async def ask_in_time() -> dict:
        return await asyncio.wait_for(ask(), seconds)

    try:
        found = ADDRESS.fullmatch(place)
        if found and found[1] != "ucx":  # the library tries again and again where nobody listens
            socket.create_connection((found[2].strip("[]"), int(found[3])), timeout=seconds).close()
        kind = LoopRunner(asynchronous=False).run_sync(ask_in_time).get("type")
        if kind == "Scheduler":
            with warnings.catch_warnings():  # of other versions of libraries; ours is checked by every worker
                warnings.simplefilter("ignore")
                return distributed.Client(place, timeout=seconds, set_as_default=False)
        why = f"a Dask {str(kind).lower()} does"
    except Exception as error:  # whatever a stranger answers
        said = getattr(error, "strerror", None) or str(error)
        why = said.splitlines()[0] if said else f"no answer in {seconds:g} s"
    raise InputError(f"--scheduler {place}: no Dask scheduler answers there ({why}); start one with `dask scheduler`")


def submitted(client, tasks: Iterable[Task], done) -> Iterator[Outcome]:
    """Keep the cluster's threads supplied, however many there are."""
    source, waiting, packed, warm = iter(tasks), {}, {}, set()
    held = next(source, None)
    while held or waiting:
        room = max(1, AHEAD * sum(client.nthreads().values()))
        while held and len(waiting) < room:
            alone = held.netlist not in warm  # its kernel is compiled once, and then loaded
            if alone and waiting:
                break
            work = held.workload.hash
            if work not in packed:
                content = zlib.compress(pickle.dumps(held.workload.load()), 1)
                packed[work] = client.submit(unpack, content, key=f"accelsim-workload-{work}")
            future = client.submit(perform, held, packed[work], key=f"accelsim-{held.key}", pure=False)
            waiting[future.key] = (future, held)
            done.add(future)
            held = next(source, None)
            if alone:
                break
        future = next(done)
        _, task = waiting.pop(future.key)
        warm.add(task.netlist)
        yield outcome_of(future, task)
        future.release()


def outcome_of(future, task: Task) -> Outcome:
    """What came of a point. Raises InputError when the scheduler was lost."""
    from concurrent.futures import CancelledError

    try:
        if future.status in ("cancelled", "lost"):
            raise CancelledError(future.status)
        return future.result()  # simulated once more if the worker that holds it has died since
    except (CancelledError, OSError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"the Dask scheduler was lost ({why}); give the same command again to go on") from None
    except Exception as error:
        return Outcome(task.key, None, f"the cluster could not finish this point: {type(error).__name__}: {error}", 0.0)
