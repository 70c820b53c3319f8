"""What an export refuses, each in one sentence: names, saved models, arguments, and the same at the command line."""

import importlib.util
import json
import logging
import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="needs the extra accelsim[torch]")
if importlib.util.find_spec("timm") is None or importlib.util.find_spec("transformers") is None:
    pytest.skip("needs the extra accelsim[torch]", allow_module_level=True)

from PIL import Image  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from accelsim import cli  # noqa: E402
from accelsim.codesign.export import export_workload  # noqa: E402
from accelsim.codesign.pytorch import need  # noqa: E402
from accelsim.codesign.zoo import open_model  # noqa: E402
from accelsim.core.errors import InputError  # noqa: E402
from accelsim.workload import load  # noqa: E402
from tests.codesign.networks import images, network  # noqa: E402

SMALL = {"hidden_size": 12, "num_hidden_layers": 1, "num_attention_heads": 3, "intermediate_size": 24}
VISION = SMALL | {"image_size": 16, "patch_size": 4}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Tiny models as transformers saves them: a ViT, its body alone, a Swin, both towers of a CLIP, and a BERT."""
    library, folder = need("transformers", "the test"), tmp_path_factory.mktemp("saved")
    torch.manual_seed(0)
    vit = library.ViTConfig(**VISION)
    swin = library.SwinConfig(image_size=32, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[2, 2], window_size=4)
    text = SMALL | {"vocab_size": 99, "bos_token_id": 1, "eos_token_id": 2}
    for name, model in (
        ("vit", library.ViTForImageClassification(vit)),
        ("body", library.ViTModel(vit, add_pooling_layer=False)),
        ("swin", library.SwinForImageClassification(swin)),
        ("clip", library.CLIPModel(library.CLIPConfig(vision_config=VISION, text_config=text, projection_dim=8))),
        ("bert", library.BertModel(library.BertConfig(**SMALL, vocab_size=99))),
    ):
        model.save_pretrained(folder / name)
    return folder


def changed(saved, folder, change):
    """The saved ViT with other weights."""
    shutil.copytree(saved / "vit", folder)
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("deit_tiny", r"^'deit_tiny' is no model of timm, .* \(did you mean 'deit_tiny_patch16_224'\?\)\.$"),
        ("levit_1", r"^'levit_1' is no model of timm, .* \(did you mean 'levit_128'\?\)\.$"),
        ("google/vit-base-patch16-224",
         r"\(did you mean 'vit_base_patch16_224'\?\); a name on the hub needs pretrained\.$"),
        ("deit_tiny_patch16_224.fb_in2k",
         r"^'deit_tiny_patch16_224\.fb_in2k': timm's deit_tiny_patch16_224 has no weights 'fb_in2k' "
         r"\(did you mean 'fb_in1k'\?\)\.$"),
        ("deit_tiny_patch16_224.xyz", r"has no weights 'xyz'; it has fb_in1k\.$"),
        ("", r"^the model's name is empty; give e\.g\. deit_tiny_patch16_224 or transformers/deit\.$"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_has_names_the_closest(name, text):
    with pytest.raises(InputError, match=text):
        open_model(name)


def test_saved_weights_that_do_not_fit_are_refused(saved, tmp_path, monkeypatch):
    heard, say = [], need("transformers", "the test").utils.logging
    say.add_handler(handler := logging.NullHandler())
    monkeypatch.setattr(handler, "handle", heard.append)
    bias = "vit.embeddings.patch_embeddings.projection.bias"
    lacks = changed(saved, tmp_path / "lacks", lambda state: {n: t for n, t in state.items() if n != bias})
    wide = changed(saved, tmp_path / "wide", lambda state: {**state, bias: torch.zeros(3)})
    cut = changed(saved, tmp_path / "cut", dict)
    (cut / "model.safetensors").write_bytes((cut / "model.safetensors").read_bytes()[:500])
    for folder, text in (
        (lacks, rf"lacks: its weights lack '{bias}', in all 1 of 24; was it saved whole\?$"),
        (wide, rf"wide: {bias} is \[3\] in its weights but \[12\] in its configuration\.$"),
        (cut, r"cut: the model could not be opened \(.*header.*\)\.$"),
        (saved / "bert", r"bert: a 'bert' takes no images; give a vision transformer\.$"),
    ):
        with pytest.raises(InputError, match=text):
            open_model(str(folder))
    say.remove_handler(handler)
    assert not heard  # the library's own report stays out of it


def test_a_saved_body_and_a_saved_clip_open_with_all_their_weights(saved):
    body = open_model(str(saved / "body")).model
    assert not any(name.startswith("pooler") for name in body.state_dict())
    (saved / "clip" / "preprocessor_config.json").write_text(
        json.dumps({"image_mean": [0.1] * 3, "image_std": [2.0] * 3})
    )
    clip = open_model(str(saved / "clip"))
    stored = load_file(saved / "clip" / "model.safetensors")
    assert torch.equal(clip.model.state_dict()["visual_projection.weight"], stored["visual_projection.weight"])
    assert (clip.mean, clip.deviation, clip.size) == ((0.1,) * 3, (2.0,) * 3, (3, 16, 16))


@pytest.mark.parametrize(
    ("inputs", "options", "text"),
    [
        (images(0), {}, r"^example_inputs holds no image; give at least one\.$"),
        (
            images(1, channels=3),
            {},
            r"^Network does not run on an image of \[1, 3, 8, 8\]: Given groups=1, weight of size",
        ),
        (images(1), {"keep": []}, r"^keep has 0 arrays but the model runs 1 attentions; give one each\.$"),
        (images(1), {"maps": [0, 0]}, r"^maps has 2 arrays but the model runs 1 attentions; give one each\.$"),
        (
            images(1),
            {"keep": [np.tri(17, k=-1, dtype=bool)[None].repeat(3, 0)]},
            r"^attn: row 0 of head 0 keeps no score, so that its softmax is undefined; keep at least one entry",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(inputs, options, text):
    with pytest.raises(InputError, match=text):
        export_workload(network(), inputs, name="small", **options)


def test_the_command_ends_with_one_sentence(saved, tmp_path):
    pictures, checkpoint = tmp_path / "pictures", tmp_path / "small.pth"
    pictures.mkdir()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(pictures / "a.png")
    (pictures / "b.png").write_bytes((pictures / "a.png").read_bytes()[:40])
    torch.save(network().state_dict(), checkpoint)
    vit, swin = (["--model", str(saved / name)] for name in ("vit", "swin"))
    for arguments, text in (
        (["--model", "deit_tiny"], "did you mean 'deit_tiny_patch16_224'?"),
        ([*vit, "--checkpoint", str(checkpoint)], "small.pth: it lacks weight 'vit."),
        ([*vit, "--images", str(pictures)], "b.png: not a readable picture ("),
        ([*vit, "--sparsity", "0.99"], "sparsity 0.99 cannot be reached in the network: "),
        ([*swin, "--auto-encoder", "0.5"], "attention in 4 windows (operands [4, 2]) takes no auto-encoder"),
    ):
        done = CliRunner().invoke(cli.app, ["export", *arguments, "-o", str(tmp_path / "made.yaml")])
        assert done.exit_code == 2 and text in done.stderr and done.stdout == "", (arguments, done.output)
        assert done.stderr.rstrip().count("\n") == 0, done.stderr
    assert not list(tmp_path.glob("made*"))


def test_the_former_name_of_an_option_says_the_new_one():
    done = CliRunner().invoke(cli.app, ["export", "--model", "test_vit", "--batch", "8"])
    assert done.exit_code == 2 and done.stderr.strip().endswith("are taken at a time: give --at-once 8.")
    assert "--batch" not in CliRunner().invoke(cli.app, ["export", "--help"], env={"COLUMNS": "200"}).stdout


def test_the_command_says_which_weights_it_took(saved, tmp_path):
    state = open_model(str(saved / "vit")).model.state_dict()
    torch.save({"model": state, "model_ema": state, "epoch": 3}, tmp_path / "tuned.pth")
    arguments = ["--model", str(saved / "vit"), "--checkpoint", str(tmp_path / "tuned.pth"), "--operands", "none"]
    for more, text in (
        ([], "  weights: tuned.pth, under 'model'; not taken: model_ema\n"),
        (["--checkpoint-key", "model_ema"], "  weights: tuned.pth, under 'model_ema'\n"),
    ):
        done = CliRunner().invoke(cli.app, ["export", *arguments, *more, "-o", str(tmp_path / "made.yaml")])
        assert done.exit_code == 0 and text in done.stdout, done.output
    assert load(tmp_path / "made.yaml").provenance["weights_key"] == "model_ema"
    assert not (tmp_path / "made.measured.npz").exists()
