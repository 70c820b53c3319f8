"""Models by name, checkpoints, picture folders, and the commands."""

import importlib.util

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
if importlib.util.find_spec("timm") is None or importlib.util.find_spec("transformers") is None:
    pytest.skip("needs the extra accelsim[torch]", allow_module_level=True)

from PIL import Image  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from accelsim import cli  # noqa: E402
from accelsim.codesign.export import Choices  # noqa: E402
from accelsim.codesign.export_named import export_named  # noqa: E402
from accelsim.codesign.images import image_folder, read_image  # noqa: E402
from accelsim.codesign.pytorch import need  # noqa: E402
from accelsim.codesign.zoo import Opened, load_weights, open_model  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from accelsim.workload import load  # noqa: E402
from tests.codesign.networks import images, network  # noqa: E402

TINY = Opened(None, "tiny", (1, 8, 8), (0.5,), (0.25,), "random")


@pytest.fixture
def pictures(tmp_path):
    """Five grey pictures of different shapes, and a text that is none."""
    folder = tmp_path / "pictures"
    (folder / "deeper").mkdir(parents=True)
    for i in range(5):
        values = np.random.default_rng(i).integers(0, 256, (9 + i, 12, 3), np.uint8)
        Image.fromarray(values).save(folder / ("deeper" if i % 2 else ".") / f"{i}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A tiny model as transformers saves it."""
    library = need("transformers", "the test")
    torch.manual_seed(0)
    config = library.ViTConfig(
        hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=24, image_size=16, patch_size=4
    )
    folder = tmp_path_factory.mktemp("saved") / "vit"
    library.ViTForImageClassification(config).save_pretrained(folder)
    return folder


def test_a_folder_is_read_in_order_and_in_batches(pictures):
    folder = image_folder(pictures, TINY, limit=4, batch=3)
    assert [p.name for p in folder.paths] == ["0.png", "2.png", "4.png", "1.png"] and len(folder) == 4
    assert [tuple(b.shape) for b in folder] == [(3, 1, 8, 8), (1, 1, 8, 8)]
    assert all(torch.equal(a, b) for a, b in zip(folder, folder))


def test_a_picture_is_cropped_to_its_centre_and_normalised(tmp_path):
    Image.fromarray(np.full((30, 50), 191, np.uint8)).save(tmp_path / "grey.png")
    values = read_image(tmp_path / "grey.png", TINY)
    np.testing.assert_allclose(values, (191 / 255 - 0.5) / 0.25, rtol=1e-5)
    colours = read_image(tmp_path / "grey.png", Opened(None, "x", (3, 8, 6), (0.5,) * 3, (1.0,) * 3, ""))
    assert colours.shape == (3, 8, 6)


def test_folders_that_do_not_serve_are_refused(pictures, tmp_path):
    (pictures / "5.jpg").write_bytes(b"not a picture at all")
    with pytest.raises(InputError, match=r"5\.jpg: not a readable picture \(.*\); mend or remove the file\.$"):
        list(image_folder(pictures, TINY))
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"none: no images there; they end in \.jpg"):
        image_folder(tmp_path / "none", TINY)
    with pytest.raises(InputError, match=r"absent: no such folder of images\.$"):
        image_folder(tmp_path / "absent", TINY)


def test_a_name_that_nobody_has():
    with pytest.raises(
        InputError, match=r"^'deit_tiny_patch16_225' is no model of timm, .*did you mean 'deit_tiny_pat"
    ):
        open_model("deit_tiny_patch16_225")
    with pytest.raises(InputError, match=r"^'transformers/dieit' is none of .*\(did you mean 'deit'\?\)\.$"):
        open_model("transformers/dieit")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_checkpoint_fits_or_is_refused(tmp_path, suffix):
    def write(state, name):
        path = tmp_path / f"{name}.{suffix}"
        save_file(state, path) if suffix == "safetensors" else torch.save({"model": state}, path)
        return path

    state = {n: t.clone() for n, t in network(seed=1).state_dict().items()}
    model = network(seed=2)
    load_weights(model, write(state, "good"), "tiny")
    assert torch.equal(model(images()), network(seed=1)(images()))
    with pytest.raises(
        InputError, match=r"cut.*: it lacks weight 'head\.bias'; 1 of the 18 weights of tiny are missing"
    ):
        load_weights(model, write({n: t for n, t in state.items() if n != "head.bias"}, "cut"), "tiny")
    with pytest.raises(InputError, match=r"more.*: it has the unknown weight 'head\.bais' \(did you mean 'head\.bias'"):
        load_weights(model, write({**state, "head.bais": torch.zeros(5)}, "more"), "tiny")
    with pytest.raises(InputError, match=r"wide.*: head\.bias is \[6\] but tiny needs \[5\]; is the file of another"):
        load_weights(model, write({**state, "head.bias": torch.zeros(6)}, "wide"), "tiny")
    broken = tmp_path / f"broken.{suffix}"
    broken.write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"broken.*: not a readable file of weights"):
        load_weights(model, broken, "tiny")
    with pytest.raises(InputError, match=r"goot.*: no such file of weights \(did you mean 'good"):
        load_weights(model, tmp_path / f"goot.{suffix}", "tiny")


def test_from_a_saved_folder_and_pictures(saved, pictures):
    seen = []
    choices = Choices(sparsity=0.5, auto_encoder=0.5, operands="attention")
    export, warning = export_named(str(saved), choices, pictures, at_once=2, on_progress=lambda *n: seen.append(n))
    workload = export.workload
    assert warning == "" and seen == [(2, 5), (4, 5), (5, 5)]
    assert [a.encoded_heads for a in workload.attention_layers] == [2, 2]
    assert (workload.provenance["weights"], workload.provenance["images"]) == ("vit", 5)
    assert "not measured" in workload.provenance["note"] and not workload.synthetic


def test_the_command_writes_a_workload_and_warns_of_what_is_not_trained(tmp_path, saved, pictures):
    call = CliRunner().invoke
    common = ["export", "--model", str(saved), "--sparsity", "0.5", "--threshold", "auto"]
    done = call(cli.app, [*common, "--images", str(pictures), "-o", str(tmp_path / "mine")])
    assert done.exit_code == 0, done.stderr
    workload = load(tmp_path / "mine.yaml")
    assert workload.name == "mine" and len(workload.masks) == 2 and "threshold" in workload.provenance
    assert done.stdout.startswith(f"{tmp_path / 'mine.yaml'}:\n  layers: ") and "signal to noise" in done.stdout
    assert not (tmp_path / "mine.measured.npz").exists()
    noise = call(cli.app, [*common, "--operands", "none", "-o", str(tmp_path / "noise.yaml")])
    assert noise.stdout.startswith("Warning: No pictures were given: the attention was averaged over noise")
    picture = call(cli.app, ["plot-attention", str(tmp_path / "mine.yaml"), "-o", str(tmp_path / "mine.png")])
    assert picture.stdout.strip() == str(tmp_path / "mine.png")
    with Image.open(tmp_path / "mine.png") as drawn:
        assert drawn.width > 600 and drawn.height > 200
    wrong = call(cli.app, ["export", "--model", "diet_tiny_patch16_224"])
    assert wrong.exit_code == 2 or isinstance(wrong.exception, SystemExit)
    assert "did you mean 'deit_tiny_patch16_224'?" in wrong.stderr


def test_a_package_that_is_missing_is_named():
    with pytest.raises(InputError, match=r"^the test needs the package 'nowhere', .* pip install 'accelsim\[torch\]'$"):
        need("nowhere", "the test")
