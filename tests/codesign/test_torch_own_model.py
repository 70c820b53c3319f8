"""A network of one's own by its file and class: made, exported, and refused with the line that is wrong."""

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from accelsim import cli  # noqa: E402
from accelsim.codesign.own_model import open_own  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from accelsim.workload import load  # noqa: E402

SOURCE = """
from dataclasses import dataclass
import torch
from beside import HEADS

@dataclass
class Sizes:
    dim: int = 12

class Net(torch.nn.Module):
    def __init__(self, dim=12, classes=5):
        super().__init__()
        self.embed, self.qkv = torch.nn.Conv2d(3, dim, 4, 4), torch.nn.Linear(dim, 3 * dim)
        self.head = torch.nn.Linear(dim, classes)

    def forward(self, images):
        if images.shape[-1] % 4:
            raise ValueError("sides must be multiples of 4")
        x = self.embed(images).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(x).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        a = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return self.head(a.transpose(1, 2).flatten(2).mean(1))

def made(kind="small"):
    return Net(6 if kind == "small" else 12)

ready = Net()
number = 3
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "beside.py").write_text("HEADS = 3\n")
    (tmp_path / "net.py").write_text(SOURCE)
    return tmp_path / "net.py"


def test_the_command_exports_a_class_with_its_arguments(source, tmp_path):
    call = ["export", "--model", f"{source}:Net", "--input", "3x16x16", "--sparsity", "0.5", "--operands", "none"]
    done = CliRunner().invoke(cli.app, [*call, "--model-arg", "dim=24", "-o", str(tmp_path / "mine")])
    assert done.exit_code == 0, done.output
    made = load(tmp_path / "mine.yaml")
    assert [(a.heads, a.q_tokens, a.qk_dim) for a in made.attention_layers] == [(3, 16, 8)]
    assert made.provenance["model"] == "net.py:Net" and made.provenance["weights"] == "random"


def test_a_class_a_function_and_a_network_are_taken(source):
    assert open_own(f"{source}:made", "3x8x8", ["kind=large"]).model.qkv.in_features == 12
    assert open_own(f"{source}:made", "3x8x8").model.qkv.in_features == 6
    ready = open_own(f"{source}:ready", "3x8x8")
    assert ready.size == (3, 8, 8) and not ready.model.training
    first, again = (open_own(f"{source}:Net", "3x8x8", seed=4).model.head.weight for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(
    ("name", "size", "given", "said"),
    [
        ("net.py", "", [], r"say which class of the file, such as .*net\.py:Transformer$"),
        ("nett.py:Net", "", [], r"there is no such file \(did you mean 'net\.py'\?\)"),
        ("net.py:Nett", "", [], r"it has no 'Nett' \(did you mean 'Net'\?\); its networks are Net$"),
        ("net.py:number", "", [], "number is of type int, no torch.nn.Module"),
        ("net.py:Sizes", "3x8x8", [], "Sizes gives a Sizes, and no torch.nn.Module"),
        ("net.py:ready", "3x8x8", ["dim=3"], "ready is a network already, which takes no --model-arg"),
        ("net.py:Net", "3x8", [], "--input is '3x8' but must be CHANNELSxROWSxCOLUMNS"),
        ("net.py:Net", "2x8x8", [], "with 1 or 3 channels"),
        ("net.py:Net", "3x8x8", ["dim"], "--model-arg is 'dim' but must be NAME=VALUE"),
        ("net.py:Net", "3x8x8", ["deep=2"], r"Net\(deep=2\) fails: TypeError: .*'deep'"),
        ("net.py:Net", "3x9x9", [], r"net\.py:18: it fails on a picture of 3x9x9 .*: ValueError: sides must be"),
        ("bad.py:Net", "", [], r"bad\.py:2: it cannot be run: SyntaxError"),
        ("out.py:Net", "", [], r"out\.py:1: it cannot be run: SystemExit: 3"),
    ],
)
def test_what_does_not_serve_is_refused(source, name, size, given, said):
    (source.parent / "bad.py").write_text("x = 1\nclass Net(\n")
    (source.parent / "out.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(InputError, match=said):
        open_own(str(source.parent / name), size, given)


def test_options_of_named_networks_are_for_those(source):
    done = CliRunner().invoke(cli.app, ["export", "--model", f"{source}:Net", "--classes", "3"])
    assert done.exit_code == 2 or isinstance(done.exception, SystemExit)
    assert "--model-arg classes=10" in done.stderr
    done = CliRunner().invoke(cli.app, ["export", "--model", "levit_128", "--input", "3x8x8"])
    assert "--input and --model-arg are for a network of your own" in done.stderr
