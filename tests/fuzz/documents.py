"""Cases of damaged documents: workloads, machines, standards, energy tables, prices, sweeps."""

import tempfile
from pathlib import Path

from hypothesis import strategies as st

from accelsim.workload import arrays as npz
from tests.fuzz import seeds
from tests.fuzz.binary import archives, broken_bytes
from tests.fuzz.sandbox import Case
from tests.fuzz.trees import documents
from tests.fuzz.words import CONDITIONS, LINKS, MACHINE, RUN


@st.composite
def workloads(draw) -> Case:
    """A workload's manifest or its arrays."""
    files: dict = dict(seeds.workload())
    what = draw(st.sampled_from(("yaml",) * 4 + ("npz",) * 3 + ("bytes", "file")))
    if what == "yaml":
        files["w.yaml"] = draw(
            documents(files["w.yaml"].decode(), ("w.npz", "x.npz", "../w.npz", "gemm", "norm", "b0.attention"))
        )
    elif what == "npz":
        files["w.npz"], files["w.yaml"] = draw(sealed(files["w.yaml"]))
    elif what == "bytes":
        files["w.npz"] = draw(broken_bytes(files["w.npz"]))
    else:
        name = draw(st.sampled_from(("w.yaml", "w.npz")))
        files[name] = draw(st.sampled_from((None, b"", *LINKS)))
    machine = draw(MACHINE)
    command = draw(
        st.sampled_from((("workload", "w.yaml"), ("run", machine, "w.yaml", *RUN), ("validate", machine, "w.yaml")))
    )
    return Case("workload", command, files, about=("w.yaml", "w.npz"))


@st.composite
def sealed(draw, manifest: bytes) -> tuple[bytes, bytes]:
    """Damaged arrays, and a manifest that vouches for them where they can be read."""
    data = draw(archives(seeds.workload_arrays()))
    with tempfile.TemporaryDirectory() as held:
        path = Path(held) / "w.npz"
        path.write_bytes(data)
        try:
            digest = npz.fingerprint(npz.decode(path))
        except Exception:  # whatever makes them unreadable: no manifest can vouch for them
            return data, manifest
    old = manifest.split(b"sha256: ")[1].split()[0]
    return data, manifest.replace(old, digest.encode())


@st.composite
def machines(draw) -> Case:
    """A machine's configuration."""
    data = draw(
        documents(
            draw(st.sampled_from(seeds.configurations())),
            ("m.yaml", "serial", "token_major", "fused", "ws", "systolic", "vitcod", "hbm2"),
        )
    )
    files = seeds.workload() | {"m.yaml": data}
    command = draw(st.sampled_from((("describe", "m.yaml"), ("run", "m.yaml", "w.yaml", *RUN), ("validate", "m.yaml",
        "w.yaml"),
                                    ("compare", "-j", "0", "vitcod", "m.yaml", "w.yaml"))))  # fmt: skip
    return Case("machine", command, files, about=("m.yaml", "w.yaml"))


@st.composite
def standards(draw) -> Case:
    """A DRAM standard."""
    data = draw(
        documents(
            draw(st.sampled_from(seeds.standards())),
            (
                "13.75 ns",
                "tRP + 1",
                "max(CL, 4)",
                "rank",
                "REF",
                "4 * " * 80 + "CL",
                "-" * 200 + "CL",
                "CL" + " + CL" * 500,
            ),
        )
    )
    controller = draw(st.sampled_from(("dramsim3", "frfcfs", "frfcfs_rowhit")))
    command = ("dram", "t.csv", "--standard", "s.yaml", "--controller", controller)
    return Case(
        "standard",
        command,
        {"t.csv": seeds.TRACES["t.csv"].encode(), "s.yaml": data},
        about=("s.yaml", "t.csv", "--set"),
    )


@st.composite
def tables(draw) -> Case:
    """An energy table."""
    texts = ("2 * lines", "1 / 0", "lines ** 9", "(" * 90 + "1" + ")" * 90, "1" + " + 1" * 70, "1" + " + 1" * 9000,
        "max()", "max(1)", "lines.x", "e.json",
             "generic_28nm", "t.yaml", "nowhere", "ceil(1e99)", "1e300 * 1e300", "1 // 0", "9 % 0", "lines('x')",
             "lambda: 1", "1e99", "mac_dot", "data.read")  # fmt: skip
    files = {
        **seeds.workload(),
        "t.yaml": draw(documents(draw(st.sampled_from((*seeds.tables()[:1] * 3, *seeds.tables()))), texts)),
    }
    machine = draw(MACHINE)
    command = draw(st.sampled_from((("run", machine, "w.yaml", *RUN), ("compare", "-j", "0", machine, "w.yaml"))))
    return Case("table", (*command, "--set", "energy.table=t.yaml"), files, about=("t.yaml",))


@st.composite
def sweeps(draw) -> Case:
    """A sweep file, swept or searched."""
    texts = (*CONDITIONS, "w.yaml", "vitcod", "attention", "log",
             "latin_hypercube", "random", "zip", "64 KiB", "cycles", "edp", "m.yaml")  # fmt: skip
    files = {**seeds.workload(), "s.yaml": draw(documents(draw(st.sampled_from(seeds.SWEEPS)), texts))}
    sampler = draw(st.sampled_from(("tpe", "nsga2", "random")))
    command = draw(st.sampled_from((("sweep", "s.yaml", "--store", "out", "-j", "0"),) * 2 + (
        ("search", "s.yaml", "--store", "out", "-j", "0", "--budget", "2", "--no-grid", "--sampler", sampler),
        )))  # fmt: skip
    return Case("sweep", command, files, ("out", "out-wal", "out-shm", "out.study"), ("s.yaml",))


@st.composite
def prices(draw) -> Case:
    """What the components of a machine of one's own cost."""
    data = draw(
        documents(
            draw(st.sampled_from((*seeds.prices()[:1] * 3, *seeds.prices()))),
            ("2 * multipliers", "1 / 0", "mac_dot", "data.read", "operand_gb.data.read", "x.y.read", "(" * 90),
        )
    )
    files = {**seeds.workload(), **seeds.plugin(), "my_machine/prices.yaml": data}
    command = draw(
        st.sampled_from(
            (("run", "my_machine", "w.yaml", *RUN), ("compare", "-j", "0", "vitcod", "my_machine", "w.yaml"))
        )
    )
    return Case("prices", ("--plugin", "my_machine", *command), files, about=("prices.yaml",))
