"""Vision transformers by name, from timm and from transformers, with random weights, a checkpoint's, or the hub's."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from accelsim.codesign.checkpoint import Taken, first_line, load_weights
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
    where its weights are from: 'random', 'pretrained', or the file, and where in the file."""

    model: Any
    name: str
    size: tuple[int, int, int]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    weights: str
    taken: Taken | None = None


def open_model(
    name: str,
    checkpoint: str | Path | None = None,
    pretrained: bool = False,
    seed: int = 0,
    *,
    key: str | None = None,
    classes: int | None = None,
    image_size: int | None = None,
) -> Opened:
    """A model of timm by its name ('deit_tiny_patch16_224'), one of transformers as 'transformers/deit' (its default
    sizes), as the folder it was saved to, or, with `pretrained`, as a name on the hub ('google/vit-base-patch16-224').

    checkpoint: a .safetensors, .pth, .pt or .bin file of weights by parameter name; key: where in it they are (see
    `checkpoint.load_weights`). pretrained: the library's own download. Otherwise weights are random, from `seed`.
    classes, image_size: of a network that was tuned for others than its name says (0 classes: no classifier).
    Errors: InputError for a name nobody has, sizes it cannot have, a file that does not fit, or a failed download.
    """
    if checkpoint is not None and pretrained:
        raise InputError("give either a checkpoint or pretrained: both would set the weights.")
    if key is not None and checkpoint is None:
        raise InputError(f"the key {key!r} says where in a checkpoint the weights are, but no checkpoint is given.")
    if not name:
        raise InputError("the model's name is empty; give e.g. deit_tiny_patch16_224 or transformers/deit.")
    for what, number, least in (("classes", classes, 0), ("image_size", image_size, 1)):
        if number is not None and number < least:
            raise InputError(f"{what} is {number} but must be at least {least}.")
    torch = need("torch", "opening a model")
    torch.manual_seed(seed)
    if Path(name).is_dir() or name.startswith("transformers/") or (pretrained and "/" in name and "." not in name[:1]):
        opened = _transformers(name, pretrained, classes, image_size)
    else:
        opened = _timm(name, pretrained, classes, image_size)
    if checkpoint is not None:
        taken = load_weights(opened.model, Path(checkpoint), name, key, opened.size[1])
        opened = replace(opened, weights=Path(checkpoint).name, taken=taken)
    opened.model.eval()
    return opened


def _timm(name: str, pretrained: bool, classes: int | None, side: int | None) -> Opened:
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
    if pretrained and classes is not None:
        raise InputError(f"{name}: its pretrained weights have their own number of classes; leave out --classes.")
    wanted = {"pretrained": pretrained} | ({} if classes is None else {"num_classes": classes})
    try:
        model = _sized(timm.create_model, name, wanted, side)
    except (OSError, RuntimeError, ValueError, TypeError, AssertionError) as error:
        if pretrained:
            raise InputError(f"{name}: its weights could not be had from the hub ({first_line(error)}).") from None
        if classes is None and side is None:
            raise
        raise InputError(f"{name}: cannot be made with these sizes ({first_line(error)}).") from None
    config = model.pretrained_cfg if hasattr(model, "pretrained_cfg") else {}
    size = tuple(config.get("input_size", (3, 224, 224)))
    return Opened(
        model=model,
        name=name,
        size=size if side is None else (size[0], side, side),
        mean=tuple(config.get("mean", IMAGENET[0])),
        deviation=tuple(config.get("std", IMAGENET[1])),
        weights="pretrained" if pretrained else "random",
    )


def _sized(create, name: str, wanted: dict, side: int | None):
    """The model for pictures of this side; networks that take any size have no parameter for it."""
    if side is None:
        return create(name, **wanted)
    try:
        return create(name, img_size=side, **wanted)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
        return create(name, **wanted)


def _listed(names: list[str]) -> str:
    return f"; it has {', '.join(names)}" if names else "; it has none"


def _transformers(name: str, pretrained: bool, classes: int | None, side: int | None) -> Opened:
    library = need("transformers", "opening a model by its name")
    folder, family = Path(name), name.removeprefix("transformers/")
    sizes = {k: v for k, v in (("num_labels", classes), ("image_size", side)) if v is not None}
    if folder.is_dir() or pretrained:
        if sizes:
            raise InputError(f"{name}: its own configuration says its sizes; leave out --classes and --image-size.")
        model = _saved(library, name, pretrained)
        weights = "pretrained" if pretrained else folder.name
    elif family not in FAMILIES:
        raise InputError(
            f"{name!r} is none of transformers/{', transformers/'.join(FAMILIES)}{suggest(family, FAMILIES)}."
        )
    else:
        cls, config = (getattr(library, n) for n in FAMILIES[family])
        try:
            model, weights = cls(config(**sizes)), "random"
        except (RuntimeError, ValueError, TypeError) as error:
            raise InputError(f"{name}: cannot be made with these sizes ({first_line(error)}).") from None
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
        raise InputError(f"{name}: the model could not be opened ({first_line(error)}).") from None
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
