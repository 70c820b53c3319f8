"""The command line with outputs that are closed, full or not there, and pictures whatever a matplotlibrc says."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ACCELSIM = f"{sys.executable} -m accelsim.cli"


def shell(line: str, folder=ROOT) -> subprocess.CompletedProcess:
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("what", ["describe vitcod", "workload fmnist_vit_s90"])
def test_a_reader_that_has_seen_enough(what):
    done = shell(f"({ACCELSIM} {what}; echo status $? >&2) | head -c 1")
    assert done.stderr == "status 141\n"


@pytest.mark.parametrize(
    ("where", "status", "said"),
    [
        (">&-", 0, ""),
        ("2>&-", 0, ""),
        ("> /dev/full", 2, "error: the output cannot be written: No space left on device\n"),
    ],
)
def test_outputs_that_are_not_there_or_full(where, status, said):
    done = shell(f"{ACCELSIM} workload fmnist_vit_s90 {where}")
    assert (done.returncode, done.stderr) == (status, said)


def test_no_terminal_obeys_what_a_user_named():
    done = shell(f"{ACCELSIM} workload $'a\\e[31mb.yaml'")
    assert done.returncode == 2 and "\x1b" not in done.stderr


@pytest.mark.parametrize("rc", [b"axes.facecolor: red\nfont.size: 22\n", b"\xff\xfe", b"font.size: [\n"])
def test_pictures_are_drawn_with_the_librarys_defaults(tmp_path, rc):
    drawing = tmp_path / "draw.py"
    drawing.write_text(
        "import hashlib, io, os\n"
        "from accelsim.core.pictures import with_defaults\n"
        "@with_defaults\n"
        "def draw():\n"
        "    from matplotlib.figure import Figure\n"
        "    made, out = Figure(), io.BytesIO()\n"
        "    made.subplots().set_title('a')\n"
        "    made.savefig(out, format='png', metadata={'Software': None})\n"
        "    return hashlib.sha256(out.getvalue()).hexdigest()\n"
        "print(draw(), os.getcwd())\n"
    )
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.mkdir()
    ours.mkdir()
    (ours / "matplotlibrc").write_bytes(rc)
    first, second = (shell(f"{sys.executable} ../draw.py", folder) for folder in (plain, ours))
    assert first.stdout.split() == [second.stdout.split()[0], str(plain)], second.stderr
    assert second.stdout.split()[1] == str(ours)
