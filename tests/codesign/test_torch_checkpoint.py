"""Files of weights as training scripts write them: what is taken, what is refused, and that nothing of them runs."""

import argparse
import importlib.util
from pathlib import PurePosixPath
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")

from torch.optim.swa_utils import AveragedModel  # noqa: E402

from accelsim.codesign.checkpoint import load_weights  # noqa: E402
from accelsim.codesign.zoo import open_model  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from tests.codesign.networks import images, network  # noqa: E402


class Options:
    """A script's own class."""

    def __init__(self):
        self.rate, self.path = 1e-3, PurePosixPath("runs")


class Runs:
    """A pickle that would write a file where it is loaded."""

    def __init__(self, file, by):
        self.call = {
            "exec": (exec, (f"open({str(file)!r}, 'w')",)),
            "open": (open, (str(file), "w")),
            "getattr": (getattr, (file, "touch")),
        }[by]

    def __reduce__(self):
        return self.call


def weights(seed=1) -> dict:
    return {n: t.clone() for n, t in network(seed=seed).state_dict().items()}


def prefixed(prefix) -> dict:
    return {f"{prefix}{n}": t for n, t in weights().items()}


def taken(tmp_path, content, **options):
    """The key that was taken, once the network's numbers are those of the weights."""
    torch.save(content, tmp_path / "file.pth")
    model = network(seed=2)
    found = load_weights(model, tmp_path / "file.pth", "tiny", **options)
    assert torch.equal(model(images()), network(seed=1)(images()))
    return found


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (lambda: weights(), ""),
        (lambda: {"model": weights(), "epoch": 3, "args": argparse.Namespace(lr=1e-3)}, "model"),
        (lambda: {"args": Options(), "state_dict": weights(), "best": np.float64(0.7), "n": np.int64(3)}, "state_dict"),
        (lambda: {"net": weights(), "options": SimpleNamespace(a=1), "curve": np.arange(3.0), "e": {1, 2}}, "net"),
        (lambda: {"network": weights(), "path": PurePosixPath("a")}, "network"),
        (lambda: {"model_state_dict": weights(), "loss": torch.tensor(0.4)}, "model_state_dict"),
        (lambda: {"state_dict_ema": weights(), "optimizer": {"state": {0: {"m": torch.ones(2)}}}}, "state_dict_ema"),
        (lambda: {"ema": {"decay": 0.9, "module": weights()}}, "ema.module"),
        (lambda: {"model": {"state_dict": prefixed("module.")}}, "model.state_dict"),
        (lambda: prefixed("module."), ""),
        (lambda: prefixed("_orig_mod.module."), ""),
        (lambda: prefixed("module._orig_mod."), ""),
        (lambda: {"state_dict": prefixed("model._orig_mod.")}, "state_dict"),
        (lambda: prefixed("model.net."), ""),
        (lambda: {n.replace("attn.", "attn._orig_mod."): t for n, t in weights().items()}, ""),
        (lambda: AveragedModel(network(seed=1)).state_dict(), ""),
        (lambda: {n: torch.nn.Parameter(t) for n, t in weights().items()}, ""),
    ],
)
def test_weights_are_found_wherever_a_script_puts_them(tmp_path, content, key):
    assert taken(tmp_path, content()) == (key, ())


def test_plain_weights_win_over_averaged_ones_and_a_key_decides_otherwise(tmp_path):
    both = {"model_ema": weights(3), "model": weights()}
    assert taken(tmp_path, both) == ("model", ("model_ema",))
    assert taken(tmp_path, {"model_ema": weights(), "model": weights(3)}, key="model_ema") == ("model_ema", ())
    with pytest.raises(
        InputError, match=r"file\.pth: has no weights under 'model_emma' \(did you mean 'model_ema'\?\)"
    ):
        taken(tmp_path, both, key="model_emma")
    with pytest.raises(InputError, match=r"has no weights under 'x'; they are the file itself\.$"):
        taken(tmp_path, weights(), key="x")


@pytest.mark.parametrize("by", ["exec", "open", "getattr"])
def test_nothing_of_a_file_runs(tmp_path, by):
    before = set(torch.serialization.get_safe_globals())
    assert taken(tmp_path, {"model": weights(), "args": Runs(tmp_path / "ran", by)}).key == "model"
    assert not (tmp_path / "ran").exists() and set(torch.serialization.get_safe_globals()) == before


def test_the_older_format_of_files_is_read_the_same_way(tmp_path):
    content = {"model": weights(), "args": argparse.Namespace(lr=1e-3)}
    torch.save(content, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    model = network(seed=2)
    assert load_weights(model, tmp_path / "old.pth", "tiny").key == "model"
    assert torch.equal(model(images()), network(seed=1)(images()))


class System:
    def __reduce__(self):
        import os

        return os.system, ("true",)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (lambda: network(), r"holds an object of the class tests\.codesign\.networks\.Network, not weights by name"),
        (lambda: {"model": network()}, r"holds no weights by name \('model' is an object of the class .*Network\)"),
        (lambda: {"epoch": 3}, r"holds no weights by name; save the network's state_dict\(\)\.$"),
        (lambda: [1, 2], r"holds a list but weights are a dictionary by parameter name\.$"),
        (lambda: {"model": weights(), "a": System()}, r"not a readable .* \(loading it would run posix\.system\)\.$"),
        (lambda: {"net": {"a.b": torch.ones(1)}}, r"it lacks weight 'cls'; 18 of the 18 weights of tiny are missing"),
    ],
)
def test_what_is_no_weights_is_refused_in_one_sentence(tmp_path, content, text):
    with pytest.raises(InputError, match=text) as caught:
        taken(tmp_path, content())
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value) and str(caught.value).endswith(".")


def test_damaged_files_are_refused(tmp_path):
    torch.save(weights(), tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth").read_bytes()
    for name, content in (
        ("cut.pth", whole[:900]),
        ("turned.pth", whole[::-1]),
        ("empty.pth", b""),
        ("page.pt", b"<!doctype html>"),
        ("cut.safetensors", b"\x40\0\0\0\0\0\0\0{"),
        ("short.bin", b"\x80\x02}"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}: not a readable file of weights \(.+\)\.$") as caught:
            load_weights(network(), tmp_path / name, "tiny")
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value)
    (tmp_path / "pointer.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(InputError, match=r"a pointer of Git LFS stands in for the weights; fetch the file with: git"):
        load_weights(network(), tmp_path / "pointer.pth", "tiny")
    scripted = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
    torch.jit.save(scripted, tmp_path / "scripted.pt")
    with pytest.raises(
        InputError, match=r"scripted\.pt: not a readable .* \(it is a compiled TorchScript program; save"
    ):
        load_weights(network(), tmp_path / "scripted.pt", "tiny")


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    """Checkpoints of test_vit with another classifier, other pictures, both, and without a classifier."""
    if importlib.util.find_spec("timm") is None:
        pytest.skip("needs the extra accelsim[torch]")
    folder = tmp_path_factory.mktemp("tuned")
    for name, sizes in (
        ("classes", {"classes": 10}),
        ("side", {"image_size": 224}),
        ("both", {"classes": 7, "image_size": 96}),
        ("body", {"classes": 0}),
    ):
        torch.save({"model": open_model("test_vit", **sizes).model.state_dict()}, folder / f"{name}.pth")
    return folder


@pytest.mark.parametrize(
    ("name", "text", "sizes"),
    [
        ("classes", r"head\.weight is \[10, 64\] but test_vit needs \[1000, 64\]; .* made with --classes 10\.$",
         {"classes": 10}),
        ("side", r"pos_embed is \[1, 197, 64\] but .*; a network of these sizes is made with --image-size 224\.$",
         {"image_size": 224}),
        ("both", r"a network of these sizes is made with --classes 7 --image-size 96\.$",
         {"classes": 7, "image_size": 96}),
        ("body", r"lacks weight 'head.weight'; 2 .* are unknown; a network without its classifier .* --classes 0",
         {"classes": 0}),
    ],
)  # fmt: skip
def test_a_tuned_network_is_opened_with_the_options_the_refusal_names(tuned, name, text, sizes):
    file = tuned / f"{name}.pth"
    with pytest.raises(InputError, match=text):
        open_model("test_vit", file)
    opened = open_model("test_vit", file, **sizes)
    side = sizes.get("image_size", 160)
    assert (opened.size, opened.taken.key, opened.weights) == ((3, side, side), "model", f"{name}.pth")
    with torch.no_grad():
        assert opened.model(torch.zeros(1, *opened.size)).shape == (1, sizes.get("classes", 1000) or 64)


def test_sizes_that_cannot_be_are_refused(tuned):
    for options, text in (
        ({"classes": -1}, r"^classes is -1 but must be at least 0\.$"),
        ({"image_size": 0}, r"^image_size is 0 but must be at least 1\.$"),
        ({"classes": 3, "pretrained": True}, r"^test_vit: its pretrained weights have their own number of classes"),
        ({"key": "model"}, r"^the key 'model' says where in a checkpoint the weights are, but no checkpoint is given"),
    ):
        with pytest.raises(InputError, match=text):
            open_model("test_vit", **options)


def test_a_family_of_transformers_takes_the_same_sizes(tuned):
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("needs the extra accelsim[torch]")
    with torch.device("meta"):
        opened = open_model("transformers/vit", classes=10, image_size=64)
    state = opened.model.state_dict()
    assert state["classifier.weight"].shape[0] == 10 and opened.size == (3, 64, 64)
    assert state["vit.embeddings.position_embeddings"].shape[1] == 17
