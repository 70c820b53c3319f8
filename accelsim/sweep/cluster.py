"""Tasks on a Dask cluster: workers on any number of machines, which may come, go and die during a sweep."""

import pickle
import zlib
from collections.abc import Iterable, Iterator

from accelsim.core.errors import InputError
from accelsim.sweep.measure import Outcome, Task, perform

AHEAD = 2  # tasks a thread of the cluster: the one it simulates and the next
CONNECT = "20s"


def unpack(packed: bytes):
    """A workload from what the scheduler keeps of it."""
    return pickle.loads(zlib.decompress(packed))


def cluster(tasks: Iterable[Task], address: str) -> Iterator[Outcome]:
    """Outcomes as they come from the workers of the scheduler at `address`. Closing the iterator cancels what is left.

    Workers need the same accelsim, but no files: workloads are sent to them. A point whose workers die again and again
    is failed. Raises InputError without Dask, without the scheduler, and when it is lost.
    """
    try:
        import distributed
    except ImportError:
        raise InputError("a sweep on a cluster needs Dask; install it with `pip install 'accelsim[dask]'`") from None
    try:
        client = distributed.Client(address, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(f"--scheduler {address}: no Dask scheduler answers there ({error})") from None
    with client:
        yield from submitted(client, tasks, distributed.as_completed([], loop=client.loop))


def submitted(client, tasks: Iterable[Task], done) -> Iterator[Outcome]:
    """Keep the cluster's threads supplied, however many there are."""
    from concurrent.futures import CancelledError

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
        error = (
            None if future.status == "finished" else future.exception() if future.status == "error" else future.status
        )
        if isinstance(error, str | CancelledError):
            raise InputError(f"the Dask scheduler was lost ({error}); give the same command again to go on")
        warm.add(task.netlist)
        yield future.result() if error is None else Outcome(task.key, None, failure(error), 0.0)
        future.release()


def failure(error: BaseException) -> str:
    """What became of a point that no worker could finish."""
    return f"the cluster could not finish this point: {type(error).__name__}: {error}"
