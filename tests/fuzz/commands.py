"""Cases of values on the command line, and of files that are no YAML."""

from pathlib import PurePosixPath

import numpy as np
from hypothesis import strategies as st

from tests.fuzz import seeds
from tests.fuzz.binary import archives, arrays, broken_bytes, npy, packed
from tests.fuzz.sandbox import Case
from tests.fuzz.trees import broken_texts, documents
from tests.fuzz.words import CONDITIONS, LINKS, MACHINE, RUN, VALUES


def legal(param) -> st.SearchStrategy[str]:
    """Legal values of a parameter, the smallest and the largest more often than others."""
    if param.choices:
        return st.sampled_from([str(c) for c in param.choices])
    low, high = seeds.ends(param)
    powers = [n for n in (1 << k for k in range(41)) if low <= n <= high]
    return st.one_of(
        st.sampled_from([low, min(low + 1, high), high]), st.sampled_from(powers or [high]), st.integers(low, high)
    ).map(str)


@st.composite
def parameters(draw) -> Case:
    """Values of parameters on the command line."""
    machine = draw(MACHINE)
    known = seeds.parameters(machine)
    given, about = [], ["w.yaml"]
    for _ in range(draw(st.sampled_from((1, 1, 2, 4)))):
        name, param, _ = draw(st.sampled_from(known))
        about.append(name)
        if draw(st.integers(0, 9)) == 0:
            name = draw(st.sampled_from((name + "s", name.rpartition(".")[0], name.rpartition(".")[2], "energy.table",
                "energy.override.mac_dot",
                                         "energy.override.layout.density", "energy.x", "options." + name,
                                         "parts." + name, "x", "", ".", "machine")))  # fmt: skip
        good = param is not None and draw(st.booleans())
        text = draw(legal(param)) if good else draw(st.sampled_from(VALUES))
        given += [
            "--set",
            f"{name}={text}"
            if draw(st.integers(0, 15))
            else draw(st.sampled_from((name, f"{name}==1", f"={text}", f" {name} = {text} "))),
        ]
    command = draw(
        st.sampled_from((("describe", machine), ("run", machine, "w.yaml", *RUN), ("validate", machine, "w.yaml")))
    )
    return Case("set", (*command, *given), dict(seeds.workload()), about=("--set", *about))


@st.composite
def traces(draw) -> Case:
    """A memory trace, packed or not, and the options of its replay."""
    name = draw(st.sampled_from(sorted(seeds.TRACES)))
    data = seeds.TRACES[name].encode()
    for _ in range(draw(st.sampled_from((0, 1, 1, 2)))):
        lines = data.split(b"\n")
        n = draw(st.integers(0, len(lines) - 1))
        cells = lines[n].replace(b",", b" ").split() or [b""]
        if draw(st.booleans()):
            odd = draw(
                st.sampled_from(
                    (
                        *VALUES,
                        "0x",
                        "0xg",
                        "-0x40",
                        "0x" + "f" * 15,
                        "0x" + "f" * 16,
                        "0x" + "f" * 400,
                        "R",
                        "W",
                        "RW",
                        "READ",
                        "r",
                        "#",
                    )
                )
            )
            cells[draw(st.integers(0, len(cells) - 1))] = odd.encode("utf-8", "replace")
            lines[n] = (b"," if b"," in lines[n] else b" ").join(cells)
            data = b"\n".join(lines)
        else:
            data = draw(broken_texts(data))
    if draw(st.integers(0, 3)) == 0:
        name, data = f"{name}.gz", draw(packed(data))
    options: list[str] = []
    for option, values in (("--channels", ("1", "2", "3", "16", "17", "0", "x")), ("--controller", ("frfcfs",
        "frfcfs_rowhit", "x")),
                           ("--map", ("m2", "row|bank|bankgroup|rank|column|channel", "row", "|", "x|y", "row|row",
                           "m1|m2")), ("--ranks", ("1", "2", "3", "0", "1000000")),
                           ("--standard", ("hbm2", "x", "../x", "t.csv")), ("--completions", ("out.npz", "out",
                           "no/out.npz", "/dev/null", "."))):  # fmt: skip
        if draw(st.integers(0, 5)) == 0:
            options += [option, draw(st.sampled_from(values))]
    options += draw(st.sampled_from(((), ("--io",), ("--closed-page",))))
    about = (name, *options, "standard", "mapping", "controller", "channels", "ranks", "map")
    return Case("trace", ("dram", name, *options), {name: data}, ("out", "out.npz"), about)


@st.composite
def masks(draw) -> Case:
    """Masks and counts of global tokens."""
    whole, counts = seeds.masks(), np.ones((12, 3), np.int64)
    names = [f"block{n}.attention" for n in range(12)]
    files: dict = {}
    kind = draw(st.sampled_from(("npy", "npy", "npz", "npz", "bytes", "counts", "file")))
    name = "m.npz" if kind == "npz" else "m.npy"
    options: tuple[str, ...] = ()
    if kind == "npz":
        files[name] = draw(archives(dict(zip(names, whole))))
    elif kind == "npy":
        files[name] = draw(arrays(whole))
    elif kind == "bytes":
        files[name] = draw(broken_bytes(npy(whole)))
    elif kind == "file":
        files[name] = draw(st.sampled_from((None, b"", b"PK", *LINKS)))
    else:
        files |= {name: npy(whole), "g.npy": draw(arrays(counts))}
        options = ("--globals", "g.npy")
    model = draw(st.sampled_from(("deit_tiny",) * 8 + ("deit_small", "levit_128", "x", "")))
    if draw(st.integers(0, 4)) == 0:
        options += ("--threshold", draw(st.sampled_from(VALUES)))
    options += draw(st.sampled_from(((), ("--true-is-kept",))))
    command = ("import-mask", name, "--model", model, "-o", "out.yaml", *options)
    return Case("mask", command, files, ("out.yaml", "out.npz"), (name, "g.npy", "model", "threshold"))


@st.composite
def stores(draw) -> Case:
    """The results of a sweep, and conditions and options of the commands that read them."""
    data = draw(broken_bytes(seeds.store())) if draw(st.booleans()) else seeds.store()
    condition = draw(st.sampled_from(("lines > 16", "lines > 16", *CONDITIONS, *VALUES)))
    where = draw(st.sampled_from(((), ("--where", condition))))
    figure = draw(st.sampled_from(("cycles", "energy_pj", "lines", "engine.lines", "x", "", "machine")))
    over = draw(
        st.sampled_from(
            ((), (), ("--over", figure), ("--over", "engine.lines"), ("--over", "cycles", "--over", figure))
        )
    )
    command = draw(st.sampled_from((
        ("results", "r.db", *where), ("results", "r.db", "--failed", "--whole", *where), ("results", "r.db", "--best",
        figure), ("results", "r.db", "--csv", "out.csv"),
        ("results", "r.db", "--sweep", figure), ("plot", "r.db", draw(st.sampled_from(("metric", "speedup", "pareto",
        "sensitivity", "heatmap", "utilization", "x"))), "-o", "out.png", "--metric", figure, *over, *where),
        ("sweep", "s.yaml", "--store", "r.db", "-j", "0"), ("results", "r.db", "--parquet", "out.parquet"),
    )))  # fmt: skip
    files = {**seeds.workload(), "s.yaml": seeds.SWEEPS[3].encode(), "r.db": data}
    targets = ("out.csv", "out.png", "out.parquet", "r.db", "r.db-wal", "r.db-shm")
    return Case(
        "store",
        command,
        files,
        targets,
        ("r.db", "s.yaml", "KIND", "kind", "--where", "metric", "figure", "--best", "pyarrow", "column"),
    )


@st.composite
def comparisons(draw) -> Case:
    """Machines side by side, with and without their ideas."""
    files = {**seeds.workload(), "m.yaml": draw(documents(draw(st.sampled_from(seeds.configurations()))))}
    words = st.sampled_from(("vitcod", "systolic", "m.yaml", "w.yaml", "w.yaml", "x", "", "m.yaml:w.yaml"))
    options = draw(
        st.sampled_from(
            (
                (),
                ("--only", "attention"),
                ("--only", "x"),
                ("--set", "clocks.core=1 GHz"),
                ("--set", "x"),
                ("--plot", "out.png"),
            )
        )
    )
    if draw(st.booleans()):
        command = ("compare", "-j", "0", *draw(st.lists(words, min_size=1, max_size=3)), *options)
    else:
        steps = draw(
            st.sampled_from(("", "prune", "prune,reorder", "prune+reorder,forward", "x", ",,", "+", "prune,prune"))
        )
        command = (
            "ablate",
            "-j",
            "0",
            draw(st.sampled_from(("vitcod", "m.yaml", "systolic"))),
            "w.yaml",
            "--steps",
            steps,
            *options,
        )
    return Case("compare", command, files, ("out.png",), ())


@st.composite
def topologies(draw) -> Case:
    """A layer list of SCALE-Sim."""
    data = draw(st.sampled_from((seeds.GEMMS, seeds.SPARSE, seeds.CONVOLUTIONS))).encode()
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        lines = data.split(b"\n")
        n = draw(st.integers(0, len(lines) - 1))
        cells = lines[n].split(b",")
        if draw(st.integers(0, 3)):
            odd = draw(
                st.sampled_from(
                    (
                        *VALUES,
                        "2:4",
                        "0:4",
                        "4:2",
                        "1:0",
                        "9" * 400 + ":4",
                        "2:4:8",
                        "Layer",
                        "M",
                        "Strides",
                        '"a,b"',
                        "=1+1",
                    )
                )
            )
            cells[draw(st.integers(0, len(cells) - 1))] = odd.encode("utf-8", "replace")
            lines[n] = b",".join(cells)
            data = b"\n".join(lines)
        else:
            data = draw(broken_texts(data))
    return Case(
        "topology",
        ("import-topology", "t.csv", "-o", "out.yaml"),
        {"t.csv": data},
        ("out.yaml",),
        ("t.csv", "out.yaml"),
    )


@st.composite
def exports(draw) -> Case:
    """Weights of a network."""
    held = seeds.checkpoints()
    name = draw(st.sampled_from(sorted(held)))
    data: object = draw(st.sampled_from((draw(broken_bytes(held[name])), None, b"", held[name], "nowhere")))
    options: tuple[str, ...] = ()
    for option, values in (("--classes", ("0", "10", "-1", "x", "1000000000")), ("--image-size", ("160", "0", "161",
        "-1", "1000000")), ("--checkpoint-key", ("x", "model_ema", "")),
                           ("--info-threshold", ("0.5",)), ("--auto-encoder", ("0.5", "0", "2", "nan")), ("--scope",
                           ("head", "x")), ("--threshold", ("auto", "x", "-1", "nan")),
                           ("--operands", ("none", "all", "x")), ("--at-once", ("0", "1")), ("--limit", ("0", "-1")),
                           ("--seed", ("-1", "99999999999999999999"))):  # fmt: skip
        if draw(st.integers(0, 19)) == 0:
            options += (option, draw(st.sampled_from(values)))
    sparsity = draw(st.sampled_from(("0.5", "0.5", "0.9", "0", "1", "nan", "-1", "2")))
    command = (
        "export",
        "--model",
        "test_vit",
        "--checkpoint",
        name,
        "--sparsity",
        sparsity,
        "-o",
        "out.yaml",
        *options,
    )
    return Case("export", command, {name: data}, ("out.yaml", "out.npz"))


@st.composite
def arguments(draw) -> Case:
    """Odd arguments of commands, and files that are none."""
    odd = st.sampled_from(
        (*VALUES, "w.yaml", "vitcod", "link.yaml", "folder.yaml", "/dev/null", "/dev/zero", "x" * 5000)
    )
    link = draw(st.sampled_from(LINKS))
    command = draw(st.sampled_from((
        ("run", "{}", "w.yaml", *RUN), ("run", "vitcod", "{}", *RUN), ("run", "vitcod", "w.yaml", "--no-plots", "-o",
        "{}"), ("describe", "{}"), ("workload", "{}"),
        ("validate", "vitcod", "{}"), ("synth", "{}", "--sparsity", "0.9", "-o", "out.yaml"), ("synth", "deit_tiny",
        "--sparsity", "{}", "-o", "out.yaml"),
        ("synth", "deit_tiny", "--sparsity", "0.9", "--seed", "{}", "-o", "out.yaml"), ("import-topology", "{}", "-o",
        "out.yaml"), ("import-mask", "{}", "--model", "deit_tiny", "-o", "out.yaml"),
        ("dram", "{}"), ("sweep", "{}", "--store", "out", "-j", "0"), ("results", "{}"), ("--plugin", "{}", "list"),
        ("new-machine", "{}"), ("plot-attention", "w.yaml", "-o", "out.png", "{}"),
        ("check-machine", "{}", "--cases", "1"), ("check-machine", "vitcod", "--cases", "1", "--seed", "{}"), ("{}",),
        ("list", "{}"),
        ("search", "{}", "--store", "out", "-j", "0"), ("compare", "-j", "0", "{}", "w.yaml"), ("compare", "-j",
        "-{}", "vitcod", "w.yaml"),
    )))  # fmt: skip
    value = draw(odd)
    if command[-2:-1] == ("-o",) or command[0] == "new-machine":
        value = value.lstrip("./") or "x"  # a user may have it written anywhere
    files = {**seeds.workload(), "link.yaml": link, "folder.yaml": None}
    written = PurePosixPath(value)
    targets = ("out", "out.yaml", "out.npz", "out.png", written.name, *written.parts[:1])
    return Case("arguments", tuple(value if a == "{}" else a for a in command), files, targets)
