"""Vision transformers by name, from timm and from transformers, with random weights, a checkpoint's, or the hub's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError, suggest

FAMILIES = {
    "vit": ("ViTForImageClassification", "ViTConfig"),
    "deit": ("DeiTForImageClassification", "DeiTConfig"),
    "levit": ("LevitForImageClassification", "LevitConfig"),
    "swin": ("SwinForImageClassification", "SwinConfig"),
    "beit": ("BeitForImageClassification", "BeitConfig"),
    "dinov2": ("Dinov2ForImageClassification", "Dinov2Config"),
    "clip": ("CLIPVisionModelWithProjection", "CLIPVisionConfig"),
}
"""transformers/NAME: the class, and the configuration whose defaults give its sizes."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Opened:
    """A model in evaluation mode, the images it takes (channels, rows, columns; mean and deviation per channel), and
    where its weights are from: 'random', 'pretrained', or the file."""

    model: Any
    name: str
    size: tuple[int, int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: str


def open_model(name: str, checkpoint: str | Path | None = None, pretrained: bool = False, seed: int = 0) -> Opened:
    """A model of timm by its name ('deit_tiny_patch16_224'), one of transformers as 'transformers/deit' (its default
    sizes), as the folder it was saved to, or, with `pretrained`, as a name on the hub ('google/vit-base-patch16-224').

    checkpoint: a .safetensors, .pth, .pt or .bin file of weights by parameter name. pretrained: the library's own
    download. Otherwise weights are random, from `seed`. Errors: InputError for a name nobody has, a file that does not
    fit, or a failed download.
    """
    if checkpoint is not None and pretrained:
        raise InputError("give either a checkpoint or pretrained: both would set the weights.")
    if not name:
        raise InputError("the model's name is empty; give e.g. deit_tiny_patch16_224 or transformers/deit.")
    torch = need("torch", "opening a model")
    torch.manual_seed(seed)
    if Path(name).is_dir() or name.startswith("transformers/") or (pretrained and "/" in name and "." not in name[:1]):
        opened = _transformers(name, pretrained)
    else:
        opened = _timm(name, pretrained)
    if checkpoint is not None:
        load_weights(opened.model, Path(checkpoint), name)
        opened = Opened(*(getattr(opened, f) for f in ("model", "name", "size", "mean", "deviation")),
                        Path(checkpoint).name)  # fmt: skip
    opened.model.eval()
    return opened


def _timm(name: str, pretrained: bool) -> Opened:
    timm = need("timm", "opening a model by its name")
    base, _, tag = name.partition(".")
    if not timm.is_model(base):
        known = [*timm.list_models(), *(f"transformers/{f}" for f in FAMILIES)]
        longer = sorted((k for k in known if base and k.startswith(base.lower())), key=len)
        hub = "; a name on the hub needs pretrained" if "/" in name else ""
        raise InputError(
            f"{name!r} is no model of timm, no saved folder and none of transformers/{', transformers/'.join(FAMILIES)}"
            f"{f' (did you mean {longer[0]!r}?)' if longer else suggest(name, known)}{hub}."
        )
    tags = [t.partition(".")[2] for t in timm.list_pretrained(f"{base}.*")]
    if tag and tag not in tags:
        raise InputError(f"{name!r}: timm's {base} has no weights {tag!r}{suggest(tag, tags) or _listed(tags)}.")
    try:
        model = timm.create_model(name, pretrained=pretrained)
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError(f"{name}: its weights could not be had from the hub ({_first_line(error)}).") from None
    config = model.pretrained_cfg if hasattr(model, "pretrained_cfg") else {}
    return Opened(
        model, name, tuple(config.get("input_size", (3, 224, 224))), tuple(config.get("mean", IMAGENET[0])),
        tuple(config.get("std", IMAGENET[1])), "pretrained" if pretrained else "random",
    )  # fmt: skip


def _listed(names: list[str]) -> str:
    return f"; it has {', '.join(names)}" if names else "; it has none"


def _transformers(name: str, pretrained: bool) -> Opened:
    library = need("transformers", "opening a model by its name")
    folder, family = Path(name), name.removeprefix("transformers/")
    if folder.is_dir() or pretrained:
        model = _saved(library, name, pretrained)
        weights = "pretrained" if pretrained else folder.name
    elif family not in FAMILIES:
        raise InputError(
            f"{name!r} is none of transformers/{', transformers/'.join(FAMILIES)}{suggest(family, FAMILIES)}."
        )
    else:
        cls, config = (getattr(library, n) for n in FAMILIES[family])
        model, weights = cls(config()), "random"
    config = getattr(model.config, "vision_config", model.config)
    side = config.image_size
    rows, columns = side if isinstance(side, list | tuple) else (side, side)
    mean, deviation = _normalisation(library, name, pretrained) if folder.is_dir() or pretrained else IMAGENET
    return Opened(model, name, (getattr(config, "num_channels", 3), rows, columns), mean, deviation, weights)


def _saved(library, name: str, pretrained: bool):
    """A saved or downloaded model, with every weight it has."""
    say = library.utils.logging
    level, bar = say.get_verbosity(), say.is_progress_bar_enabled()
    # what it reports of weights that do not fit is an error here
    say.set_verbosity(say.CRITICAL)
    say.disable_progress_bar()
    try:
        config = library.AutoConfig.from_pretrained(name, local_files_only=not pretrained)
        listed = next(iter(config.architectures or ()), None)
        if not hasattr(config, "image_size") and not hasattr(config, "vision_config"):
            raise InputError(f"{name}: a {config.model_type!r} takes no images; give a vision transformer.")
        if hasattr(config, "vision_config"):  # CLIP: the vision tower of two
            listed, whole, config = FAMILIES.get(config.model_type, ("AutoModel",))[0], config, config.vision_config
            config.projection_dim = getattr(whole, "projection_dim", None)
        options = {"config": config, "local_files_only": not pretrained, "output_loading_info": True}
        options["ignore_mismatched_sizes"] = True  # so that they are reported below
        cls = getattr(library, listed or FAMILIES.get(config.model_type, ("AutoModel",))[0])
        model, report = cls.from_pretrained(name, **options)
        if report["missing_keys"] and all(k.startswith("pooler.") for k in report["missing_keys"]):
            model, report = cls.from_pretrained(name, add_pooling_layer=False, **options)
    except InputError:
        raise
    except Exception as error:  # a damaged file raises what its reader likes
        raise InputError(f"{name}: the model could not be opened ({_first_line(error)}).") from None
    finally:
        say.set_verbosity(level)
        if bar:
            say.enable_progress_bar()
    for key, stored, own in sorted(report["mismatched_keys"]):
        raise InputError(f"{name}: {key} is {list(stored)} in its weights but {list(own)} in its configuration.")
    missing = sorted(report["missing_keys"])
    if missing:
        raise InputError(
            f"{name}: its weights lack {missing[0]!r}, in all {len(missing)} of {len(model.state_dict())}; was it "
            "saved whole?"
        )
    return model


def _normalisation(library, name: str, pretrained: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation that a saved or downloaded model was trained with, ImageNet's where it does not say."""
    file = library.utils.cached_file(
        name, "preprocessor_config.json", local_files_only=not pretrained, _raise_exceptions_for_missing_entries=False
    )
    values = json.loads(Path(file).read_text(encoding="utf-8")) if file else {}
    return tuple(values.get("image_mean", IMAGENET[0])), tuple(values.get("image_std", IMAGENET[1]))


def load_weights(model, path: Path, name: str) -> None:
    """Put the weights of a file into a model: all of them, and nothing else. Errors: InputError for a file that is
    missing, unreadable, or of another model."""
    state = _read_weights(path)
    for key in ("model", "state_dict", "module"):
        if isinstance(state.get(key), dict):
            state = state[key]
    own = model.state_dict()
    missing, extra = [k for k in own if k not in state], [k for k in state if k not in own]
    wrong = [k for k in own if k in state and tuple(state[k].shape) != tuple(own[k].shape)]
    if wrong:
        raise InputError(
            f"{path}: {wrong[0]} is {list(state[wrong[0]].shape)} but {name} needs {list(own[wrong[0]].shape)}; is the "
            "file of another size of model?"
        )
    if missing or extra:
        odd, what = (missing[0], "lacks") if missing else (extra[0], "has the unknown")
        raise InputError(
            f"{path}: it {what} weight {odd!r}{suggest(odd, extra if missing else own)}; {len(missing)} of the "
            f"{len(own)} weights of {name} are missing and {len(extra)} are unknown."
        )
    model.load_state_dict(state)


def _read_weights(path: Path) -> dict:
    torch = need("torch", "reading weights")
    if not path.is_file():
        near = [p.name for p in sorted(path.parent.glob("*"))] if path.parent.is_dir() else []
        raise InputError(f"{path}: no such file of weights{suggest(path.name, near)}.")
    try:
        if path.suffix == ".safetensors":
            return need("safetensors.torch", "reading weights").load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises what it likes
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: not a readable file of weights ({_first_line(error)}).") from None
    if not isinstance(state, dict):
        raise InputError(f"{path}: holds a {type(state).__name__} but weights are a dictionary by parameter name.")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200].rstrip(".")
