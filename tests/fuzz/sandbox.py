"""Cases, how they are run, and what their outcome is: `ok`, `clear`, or the name of a fault."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from accelsim.core.keep import cache_folder
from tests.conftest import ROOT
from tests.fuzz.server import CPU_SECONDS

GOOD = ("ok", "clear")
FAILED_POINTS = (1, 3)  # exit statuses of a sweep of which all or some points failed
LONGEST_LINE, MOST_LINES = 2100, 40  # of what is said on stderr: a line for every mistake of a file
EXTRA = re.compile(r"install it with `pip install .accelsim\[\w+\].`")
CONTROL = re.compile(r"[^\n\x20-\x7e\xa0-\U0010ffff]|[\u202a-\u202e\u2066-\u2069\ufeff]")
TRACE = re.compile(r"Traceback \(most recent call last\)|^  File \"", re.MULTILINE)
USAGE = re.compile(r"\AUsage: .*accelsim\b")  # the parser's own


@dataclass(frozen=True)
class Case:
    """A command and the files of the folder it is run in. `None` in the place of a file's bytes is a folder, text the
    target of a symbolic link. `targets`: what the command may make. `about`: what a refusal must name one of."""

    kind: str
    arguments: tuple[str, ...]
    files: dict[str, bytes | str | None] = field(default_factory=dict)
    targets: tuple[str, ...] = ("out",)
    about: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.mkdir()
            elif isinstance(content, str):
                path.symlink_to(content)
            else:
                path.write_bytes(content)

    def keep(self, folder: Path, outcome: "Outcome") -> None:
        """Store it for a replay."""
        shutil.rmtree(folder, ignore_errors=True)
        self.write(folder / "work")
        said = {"kind": self.kind, "arguments": self.arguments, "targets": self.targets, "about": self.about}
        (folder / "case.json").write_text(json.dumps(said, indent=1))
        (folder / "outcome.txt").write_text(f"{outcome}\n{outcome.stderr[:20_000]}", errors="replace")


def kept(folder: Path) -> Case:
    """A case that was stored."""
    said, work = json.loads((folder / "case.json").read_text()), folder / "work"
    files: dict[str, bytes | str | None] = {}
    for path in sorted(work.rglob("*")):
        name = str(path.relative_to(work))
        if path.is_symlink():
            files[name] = os.readlink(path)
        elif path.is_file():
            files[name] = path.read_bytes()
        elif not any(path.iterdir()):
            files[name] = None
    return Case(said["kind"], tuple(said["arguments"]), files, tuple(said["targets"]), tuple(said["about"]))


@dataclass(frozen=True)
class Outcome:
    """`name`: ok, clear, or of a fault; `why`: what shows it."""

    name: str
    why: str = ""
    status: int = 0
    cpu: float = 0.0
    peak: int = 0
    stdout: str = ""
    stderr: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.why}): exit status {self.status}, {self.cpu:.1f} s, {self.peak >> 10} MiB"


class Sandbox:
    """A server, and the folders in which its commands run."""

    def __init__(self, with_torch: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="accelsim-fuzz-")).resolve()
        quiet = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        known = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "ACCELSIM_TRACEBACK", "ACCELSIM_PLUGINS")}
        environment = known | quiet | {"ACCELSIM_CACHE": str(cache_folder().resolve())}
        environment |= {"MPLBACKEND": "Agg", "MPLCONFIGDIR": str(self.folder / "matplotlib")}
        command = [sys.executable, "-m", "tests.fuzz.server", *(["torch"] if with_torch else [])]
        self.server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        if self.server.stdout.readline() != "ready\n":
            raise RuntimeError("the server of the fuzzer did not start")
        self.count = 0

    def __enter__(self) -> "Sandbox":
        return self

    def __exit__(self, *_) -> None:
        self.server.stdin.close()
        self.server.wait()
        self.server.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, case: Case) -> Outcome:
        """Run a case and judge it."""
        self.count += 1
        root = self.folder / str(self.count)
        case.write(root / "work")
        before = listing(root / "work")
        self.server.stdin.write(json.dumps({"root": str(root), "arguments": list(case.arguments)}) + "\n")
        self.server.stdin.flush()
        said = json.loads(self.server.stdout.readline())
        texts = {n: (root / n).read_text(errors="replace") if (root / n).exists() else "" for n in ("stdout", "stderr")}
        name, why = judge(case, said, texts["stdout"], texts["stderr"], before, root / "work")
        shutil.rmtree(root, ignore_errors=True)
        return Outcome(name, why, said["status"], said["cpu"], said["peak"], **texts)


def listing(folder: Path) -> dict[str, bytes | str | None]:
    """Every file, link and folder below, with its content."""
    found: dict[str, bytes | str | None] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return found


def judge(case: Case, said: dict, stdout: str, stderr: str, before: dict, work: Path) -> tuple[str, str]:
    """(outcome, what shows it)."""
    status = said["status"]
    stderr = re.sub(r"^compiling \d+ components?, once; .*\n", "", stderr, flags=re.M)  # the notice of a first run
    if said["touched"]:
        return "elsewhere", said["touched"][0]
    if status < 0:
        hang = said["cpu"] > CPU_SECONDS - 1 or status == -9
        return ("hang", f"{said['cpu']:.0f} s") if hang else ("killed", f"signal {-status}")
    if TRACE.search(stderr):
        return "traceback", stderr.strip().splitlines()[-1][:200]
    if found := re.search("internal error.*", stderr + stdout):
        return "internal error", found[0][:200]
    if "not enough memory" in stderr:
        return "memory", stderr.strip()[:200]
    after = listing(work)
    changed = [n for n, content in before.items() if n not in after or (after[n] != content and n not in case.targets)]
    new = [n for n in after if n not in before]
    if changed:
        return "elsewhere", f"{changed[0]} was changed or removed"
    stray = [n for n in new if Path(n).parts[0] not in case.targets]
    if stray:
        return "elsewhere", f"{stray[0]} was written"
    if status == 2:
        return refused(case, stderr, new)
    if status == 0:
        if stderr:
            return "noise", stderr.strip().splitlines()[0][:200]
        return absurd(work / "out") if case.kind != "export" and (work / "out").is_dir() else ("ok", "")
    if status in FAILED_POINTS and case.kind in ("sweep", "store") and "failed" in stdout:
        return "ok", ""
    return "status", f"{status}: {stderr.strip()[:200]}"


def refused(case: Case, stderr: str, new: list[str]) -> tuple[str, str]:
    """Whether a refusal is a clear sentence that leaves nothing behind."""
    lines = stderr.strip("\n").splitlines()
    if new:
        return "left behind", f"{new[0]} after: {stderr.strip()[:150]}"
    if USAGE.match(stderr):
        return "clear", ""
    if not lines or not lines[0].startswith("error: ") or len(lines[0]) < 20:
        return "unclear", f"it begins {stderr[:100]!r}"
    if CONTROL.search(stderr):
        return "unclear", f"control characters in {CONTROL.search(stderr)[0]!r}"
    if max(map(len, lines)) > LONGEST_LINE or len(lines) > MOST_LINES:
        return "unclear", f"{len(lines)} lines, the longest of {max(map(len, lines))} characters"
    if EXTRA.search(stderr):  # of the environment, whatever the files are
        return "clear", ""
    if case.about and not any(name in stderr for name in case.about):
        return "unclear", f"it names none of {', '.join(case.about)}: {stderr.strip()[:200]}"
    return "clear", ""


def absurd(folder: Path) -> tuple[str, str]:
    """Whether the figures of a run are such as there can be."""
    found = json.loads((folder / "result.json").read_text())
    shares = {k: found[k] for k in ("mac_utilization", "bandwidth_utilization", "q_forward_hit_rate")}
    shares |= {f"utilization of {k}": v for k, v in (found["engine_utilization"] or {}).items()}
    for name, share in shares.items():
        if share is not None and not 0 <= share <= 1 + 1e-9:
            return "absurd", f"{name} is {share}"
    for name, figure in found.items():
        if isinstance(figure, int | float) and not isinstance(figure, bool) and not 0 <= figure < 1e300:
            return "absurd", f"{name} is {figure}"
    if found["macs"] and not found["total_cycles"]:
        return "absurd", "no cycles"
    return "ok", ""
