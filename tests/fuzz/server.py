"""A process that has the simulator imported and runs every command in a fork of itself, under limits.

It reads one JSON object a line, `{"root": FOLDER, "arguments": [...]}`, runs the command in FOLDER/work with its output
in FOLDER/stdout and FOLDER/stderr, and writes one line back: exit status, seconds of processor time, peak memory, and
what was touched that is none of a command's business.
"""

import gc
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path

CPU_SECONDS = 20
WALL_SECONDS = 120  # of a machine that others use too
MEMORY = 1 << 30  # bytes beyond what the imported simulator has
LARGEST_FILE = 1 << 28
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
PLACES = {
    "os.mkdir": 1, "os.rename": 2, "os.remove": 1, "os.rmdir": 1, "os.symlink": 2, "os.link": 2, "os.chmod": 1,
    "os.truncate": 1, "shutil.rmtree": 1, "shutil.move": 2, "sqlite3.connect": 1,
}  # fmt: skip
RUNS = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "os.startfile", "socket.connect")


def guard(root: Path, told: int):
    """An audit hook that notes files written outside `root`, programs started and connections made."""
    allowed = (str(root), os.environ["ACCELSIM_CACHE"], os.environ["MPLCONFIGDIR"], os.devnull)

    def look(event: str, arguments: tuple) -> None:
        if event == "open":
            path, mode, flags = arguments
            writes = any(c in "wax+" for c in mode) if isinstance(mode, str) else flags & WRITING
            places = [path] if writes else []
        elif event in PLACES:
            places = arguments[: PLACES[event]]
        elif event in RUNS:
            os.write(told, f"{event} {arguments[:2]!r}\n".encode())
            return
        else:
            return
        for place in places:
            if isinstance(place, str | bytes | os.PathLike) and os.fspath(place) not in ("", b"", ":memory:"):
                full = os.path.realpath(os.fsdecode(place))
                if not full.startswith(allowed):
                    os.write(told, f"{event} {full!r}\n".encode())

    return look


def child(root: Path, arguments: list[str]) -> None:
    """The command, in a process of its own; never returns."""
    status = 70
    try:
        os.chdir(root / "work")
        os.environ |= {"HOME": str(root / "home"), "TMPDIR": str(root / "tmp")}
        for name in ("home", "tmp"):
            (root / name).mkdir()
        tempfile.tempdir = None  # which was asked for before
        files = [os.open(root / name, os.O_WRONLY | os.O_CREAT) for name in ("stdout", "stderr", "touched")]
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(files[0], 1)
        os.dup2(files[1], 2)
        for number, name in ((1, "stdout"), (2, "stderr")):
            stream = os.fdopen(number, "w", encoding="utf-8")
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.addaudithook(guard(root, files[2]))
        sys.argv = ["accelsim", *arguments]
        if arguments[:1] == ["@machine"]:
            from tests.fuzz.machines import check

            check(*arguments[1:])
        else:
            from accelsim import cli

            cli.main()
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                status = status or 71
        os._exit(status & 255)


def serve_one(root: Path, arguments: list[str]) -> dict:
    """Run a command in a fork and say how it went; a negative status is the signal that ended it."""
    began = time.monotonic()
    if not (pid := os.fork()):
        child(root, arguments)
    while True:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            break
        if time.monotonic() - began > WALL_SECONDS:
            os.kill(pid, signal.SIGKILL)
            found, status, used = os.wait4(pid, 0)
            break
        time.sleep(0.002)
    touched = (root / "touched").read_text(errors="replace").splitlines() if (root / "touched").exists() else []
    return {
        "status": os.waitstatus_to_exitcode(status),
        "cpu": used.ru_utime + used.ru_stime,
        "peak": used.ru_maxrss,
        "touched": touched,
    }


def warm(with_torch: bool) -> None:
    """Import all that commands import, and compile what machines are made of, once for all forks."""
    import numpy as np
    from matplotlib.font_manager import findfont

    import accelsim.cli.machines
    import accelsim.codesign.export_named
    import accelsim.codesign.import_mask
    import accelsim.codesign.import_topology
    import accelsim.components.dram.replay
    import accelsim.report.progress
    import accelsim.sweep.compare
    import accelsim.sweep.search
    import accelsim.sweep.terminal
    import accelsim.validation.table
    from accelsim.accelerators import schema, simulated
    from accelsim.accelerators.run import run
    from accelsim.accelerators.trial import draw_workload
    from accelsim.components.dram.replay import replay
    from accelsim.components.dram.traces import Trace
    from accelsim.config import load_arch
    from accelsim.core.errors import InputError
    from accelsim.sweep.proposals import load_optuna

    for name in simulated():
        for over in ((), ("dram.model=pipe",)):
            run(load_arch(name, schema, over), draw_workload(1))
    with suppress(InputError):
        load_optuna()
    findfont("sans")
    lines = np.arange(8)
    for controller in ("dramsim3", "frfcfs", "frfcfs_rowhit"):
        replay(Trace(0 * lines, 64 * lines, lines % 4 == 0), "ddr4_2400_reference", controller)
    for words in (["describe", "vitcod"], ["workload", "fmnist_vit_s90"], ["run"]):
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), suppress(SystemExit):
            accelsim.cli.app(words)
    if with_torch:
        from accelsim.codesign.pytorch import need

        need("torch", "fuzzing").set_num_threads(1)
        need("timm", "fuzzing").create_model("test_vit")
    gc.freeze()


def main() -> None:
    sys.dont_write_bytecode = True
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warm("torch" in sys.argv[1:])
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(serve_one(Path(asked["root"]), asked["arguments"])) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
