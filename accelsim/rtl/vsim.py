"""SystemVerilog as a shared library: Verilator translates, g++ compiles, ctypes calls.

Built libraries are kept in a cache under a hash of everything they are made of.
"""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from accelsim.core import files
from accelsim.core.errors import InputError
from accelsim.core.private import cache_folder, distrusted, get, own, put, temporary
from accelsim.core.processors import processors
from accelsim.rtl.verilator import find_verilator, headers, missing, verilator, version

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "sv"
LARGE = 1_000_000  # bytes of C++ from which on it is worth reading the headers more than once


def build(sources: Sequence[Path], top: str, *, trace: int = 0, optimise: str = "-O1") -> Path:
    """The shared library of the module `top` (whose text is in `sources`), from the cache if it is there.

    `trace` compiles waveforms in, of so many levels of the hierarchy from the top down. Registers and memories begin
    with random values, but with zeros where g++ is to optimise for speed (-O3). Raises InputError without Verilator or
    g++.
    """
    why = missing()
    if why:
        raise InputError(why)
    tool = find_verilator()
    start = "fast" if "-O3" in optimise else "unique"
    flags = ["-cc", "--prefix", "Vtop", "--top-module", top, "-O3", "--x-assign", "fast", "--x-initial", start]
    flags += ["-Wno-fatal", "-Wno-lint", "--no-timing"]
    # Modules that stand there often share their C++: less to compile, and no slower.
    flags += [] if "-O3" in optimise else ["--inline-mult", "100"]
    flags += ["--trace-vcd", "--trace-depth", str(int(trace))] if trace else []
    digest = hashlib.sha256(repr((flags, optimise, str(headers(*tool)), version(*tool))).encode())
    for file in [*sources, HERE / "bench.cpp"]:
        digest.update(file.read_bytes())
    place = kept_benches()
    out = place / f"{top}-{digest.hexdigest()[:16]}"
    library = out / "bench.so"
    if whole(library) and whole(out / "ports.txt"):
        return library
    work = Path(tempfile.mkdtemp(prefix=f"{out.name}.", dir=place))
    verilator(*flags, "--Mdir", str(work), *map(str, sources))
    found = port_list((work / "Vtop.h").read_text())
    names, inputs = [name for _, name, *_ in found], [name for way, name, *_ in found if way == "IN"]
    clock = "(top)->clk = (level)" if "clk" in names else "(void)0"
    lists = "".join(
        f"#define {name}(X) {' '.join(f'X({n})' for n in some)}\n"
        for name, some in (("PORTS", names), ("INPUTS", inputs))
    )
    (work / "ports.h").write_text(f"{lists}#define SET_CLOCK(top, level) {clock}\n")
    (work / "ports.txt").write_text("\n".join(names) + "\n")
    vouch(work / "ports.txt")
    compile_bench(work, headers(*tool), bool(trace), optimise)
    if out.exists() and not whole(library):  # it is damaged; whole, another process has built it meanwhile
        os.replace(out, Path(tempfile.mkdtemp(prefix=f"{out.name}.", dir=place)))
    try:
        os.rename(work, out)
    except OSError:
        if not whole(library):
            raise
        shutil.rmtree(work, ignore_errors=True)
    return library


def kept_benches() -> Path:
    """The folder of built libraries: like the rest of the cache nobody else's to write."""
    folder = cache_folder() / "rtl"
    if why := distrusted(folder):
        return temporary(why) / "rtl"
    return folder


def vouch(file: Path) -> None:
    """Keep the digest of a file that this process made."""
    put(file.with_name(f"{file.name}.sum"), hashlib.sha256(file.read_bytes()).digest())


def whole(file: Path) -> bool:
    """Whether a file is what it was when it was made, and nobody else's."""
    content, digest = own(file), get(file.with_name(f"{file.name}.sum"))
    return content is not None and hashlib.sha256(content).digest() == digest


def port_list(header: str) -> list[tuple[str, str, str, str]]:
    """(IN or OUT, name, high bit, low bit) of every port in a Verilated header."""
    return re.findall(r"VL_(IN|OUT)(?:8|16|64|W)?\(&(\w+),(\d+),(\d+)(?:,\d+)?\)", header)


def compile_bench(work: Path, include: Path, trace: bool, optimise: str) -> None:
    """Compile what Verilator wrote into `work`/bench.so; the runtime does not depend on the design and is kept."""
    runtime = [include / "verilated.cpp", include / "verilated_threads.cpp"]
    runtime += [include / "verilated_vcd_c.cpp"] if trace else []
    defines = ["-DVERILATOR=1", "-DVL_TIME_CONTEXT", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TRACE_FST=0"]
    defines += [f"-DVM_TRACE={int(trace)}", f"-DVM_TRACE_VCD={int(trace)}"]
    base = ["g++", "-fPIC", "-std=c++17", *defines, f"-I{include}", f"-I{include / 'vltstd'}"]
    kept = work.parent / f"runtime-{hashlib.sha256(repr((base, version(*find_verilator()))).encode()).hexdigest()[:12]}"
    kept.mkdir(mode=0o700, exist_ok=True)
    # Few translation units, and the runtime's headers compiled once: most of the time goes into reading them.
    header = kept / f"headers{optimise.replace(' ', '')}.h"
    used = [*optimise.split(), "-include", str(header)]
    if not whole(header.with_suffix(".h.gch")):
        files.write(header, b'#include "verilated.h"\n')
        compile_to(header.with_suffix(".h.gch"), [*base, *used[:-2], "-x", "c++-header", str(header)])
    jobs = []
    for name, some in pieces(work).items():
        (work / f"{name}.cpp").write_text("".join(f'#include "{p}"\n' for p in some))
        how = ["-O0"] if name == "once" else used
        jobs.append((work / f"{name}.o", [*base, *how, f"-I{work}", "-c", str(work / f"{name}.cpp")]))
    made = [output for output, _ in jobs]
    objects = [kept / f"{source.stem}.o" for source in runtime]
    jobs += [(o, [*base, "-O2", "-c", str(s)]) for o, s in zip(objects, runtime) if not whole(o)]
    with ThreadPoolExecutor(processors()) as pool:
        list(pool.map(lambda job: compile_to(*job), jobs))
    compile_to(work / "bench.so", ["g++", "-shared", *map(str, [*objects, *made]), "-lpthread"])


def pieces(work: Path) -> dict[str, list[Path]]:
    """The files that Verilator wrote, and the bench, as translation units: one, or of a large design one a processor,
    and `once`, which is what runs only at the beginning and is not worth optimising."""
    sizes = {p: p.stat().st_size for p in sorted(work.glob("*.cpp")) if not p.name.endswith("__ALL.cpp")}
    bench = HERE / "bench.cpp"
    if sum(sizes.values()) < LARGE:
        return {"all": [*sizes, bench]}
    often = deal({p: size for p, size in sizes.items() if "__Slow" not in p.name} | {bench: 0}, processors())
    return {f"part{n}": share for n, share in enumerate(often)} | {"once": [p for p in sizes if "__Slow" in p.name]}


def deal(weights: Mapping[Path, int], hands: int) -> list[list[Path]]:
    """Files dealt out, the heaviest first, each to the hand that holds least."""
    held, load = [[] for _ in range(hands)], [0] * hands
    for path in sorted(weights, key=lambda p: (-weights[p], p)):
        least = load.index(min(load))
        held[least].append(path)
        load[least] += weights[path]
    return held


def compile_to(output: Path, command: list[str]) -> None:
    """Run the compiler; the file appears when it is whole, and is vouched for."""
    made = f"{output}.{os.getpid()}"
    subprocess.run([*command, "-o", made], check=True)
    os.chmod(made, 0o600)  # whatever the mask of this user says, others do not write what is executed here
    os.replace(made, output)
    vouch(output)


class Port(ctypes.Structure):
    """One channel at the edge of a bench, as bench.cpp sees it."""

    _fields_ = [
        ("push", ctypes.c_void_p), ("item", ctypes.c_void_p), ("level", ctypes.c_void_p), ("pop", ctypes.c_void_p),
        ("kind", ctypes.c_int64), ("words", ctypes.c_int64), ("most", ctypes.c_int64), ("at", ctypes.c_void_p),
        ("items", ctypes.c_void_p), ("count", ctypes.c_int64), ("open", ctypes.c_void_p), ("sent", ctypes.c_int64),
    ]  # fmt: skip


class Bench:
    """A built design, just out of reset (`reset`), with its ports as numpy views on its memory."""

    def __init__(self, library: Path) -> None:
        lib = self.lib = ctypes.CDLL(str(library))
        lib.bench_new.restype, lib.bench_new.argtypes = ctypes.c_void_p, []
        lib.bench_trace.restype, lib.bench_trace.argtypes = None, [ctypes.c_void_p, ctypes.c_char_p]
        lib.bench_port.restype = ctypes.c_void_p
        lib.bench_port.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int)]
        for name in ("bench_delete", "bench_eval", "bench_clock"):
            getattr(lib, name).argtypes, getattr(lib, name).restype = [ctypes.c_void_p], None
        word, pointer = ctypes.c_int64, ctypes.c_void_p
        lib.bench_load.argtypes, lib.bench_load.restype = [pointer] * 4 + [word, word, pointer], None
        lib.bench_run.argtypes = [pointer, word, word, pointer, word, pointer, word, word]
        lib.bench_run.restype = word
        self.handle = lib.bench_new()
        self.address: dict[str, int] = {}
        self.ports: dict[str, np.ndarray] = {}
        for name in (library.parent / "ports.txt").read_text().split():
            size = ctypes.c_int()
            self.address[name] = lib.bench_port(self.handle, name.encode(), ctypes.byref(size))
            memory = (ctypes.c_char * size.value).from_address(self.address[name])
            kind = {1: np.uint8, 2: np.uint16, 8: np.uint64}.get(size.value, np.uint32)
            self.ports[name] = np.frombuffer(memory, kind)

    def reset(self, cycles: int = 2) -> None:
        """Hold reset for some cycles and let go."""
        self.ports["rst"][0] = 1
        for _ in range(cycles):
            self.lib.bench_clock(self.handle)

    def load(self, table: str, rows: np.ndarray) -> None:
        """Write uint32 rows[rows, fields] through a table's load port (under reset)."""
        data = np.ascontiguousarray(rows, np.uint32)
        a = self.address
        self.lib.bench_load(
            self.handle,
            a[f"{table}_we"],
            a[f"{table}_address"],
            a[f"{table}_data"],
            len(data),
            data.itemsize * data.shape[1],
            data.ctypes.data,
        )

    def trace(self, path: Path) -> None:
        """Write a waveform from here on (a library built with `trace`); the next cycle is cycle 0."""
        self.lib.bench_trace(self.handle, str(path).encode())

    def eval(self) -> None:
        """Settle combinational logic."""
        self.lib.bench_eval(self.handle)

    def clock(self) -> None:
        """One clock cycle."""
        self.lib.bench_clock(self.handle)

    def run(self, first: int, cycles: int, ports: list[Port], width: int) -> np.ndarray:
        """int64[transfers, width]: cycle, port, fields of every transfer in `cycles` cycles from `first` on."""
        table = (Port * len(ports))(*ports)
        room = 1 << 16
        found = []
        step = max(1, room // sum(max(1, p.most) + 64 for p in ports))
        log = np.zeros((room, width), np.int64)
        for start in range(first, first + cycles, step):
            some = min(step, first + cycles - start)
            n = self.lib.bench_run(
                self.handle, start, some, ctypes.addressof(table), len(ports), log.ctypes.data, width, room
            )
            if n < 0:
                raise RuntimeError("more transfers in a cycle than a channel has room for")
            found.append(log[:n].copy())
        for port, after in zip(ports, table):
            port.sent = after.sent  # it goes on from there
        return np.concatenate(found)

    def close(self) -> None:
        """Free the design, and finish its waveform file."""
        if self.handle:
            self.lib.bench_delete(self.handle)
            self.handle = None
