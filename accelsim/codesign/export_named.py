"""A model by its name and a folder of pictures, to a workload: what the command `accelsim export` does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from accelsim.codesign.checkpoint import load_weights
from accelsim.codesign.export import Choices, Export, export_workload, workload_name
from accelsim.codesign.images import image_folder, random_images
from accelsim.codesign.own_model import is_own, open_own
from accelsim.codesign.zoo import open_model
from accelsim.core.errors import InputError

NOISE_IMAGES = 4


def export_named(
    name: str,
    choices: Choices,
    images: Path | None = None,
    *,
    checkpoint: Path | None = None,
    pretrained: bool = False,
    key: str | None = None,
    classes: int | None = None,
    image_size: int | None = None,
    size: str = "",
    arguments: Sequence[str] = (),
    limit: int | None = 256,
    at_once: int = 16,
    seed: int = 0,
    output_name: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> tuple[Export, str]:
    """Open a model (see `zoo.open_model`; with `size` and `arguments` `own_model.open_own`), average its attention over
    the first `limit` pictures of `images` (None: noise), `at_once` at a time, and export it.

    Returns the export and, where the numbers are not those of a trained network on real pictures, a sentence that says
    so ('' otherwise); the provenance says it too. on_progress(done, total) counts images.
    """
    if at_once < 1:
        raise InputError(f"the number of pictures at a time is {at_once} but must be at least 1.")
    if is_own(name):
        if pretrained or classes is not None or image_size is not None:
            raise InputError(
                f"{name}: --pretrained, --classes and --image-size are for networks by name; of your own, --input says "
                "the pictures' size, --model-arg classes=10 how it is made, and --checkpoint where its weights are"
            )
        opened = open_own(name, size, arguments, seed)
        if checkpoint is not None:
            taken = load_weights(opened.model, Path(checkpoint), name, key, opened.size[1])
            opened = replace(opened, weights=Path(checkpoint).name, taken=taken)
        name = Path(name.rpartition(":")[0]).name + ":" + name.rpartition(":")[2]
    elif size or arguments:
        raise InputError("--input and --model-arg are for a network of your own, --model FILE.py:CLASS")
    else:
        opened = open_model(name, checkpoint, pretrained, seed, key=key, classes=classes, image_size=image_size)
    if images is None:
        noise = random_images(opened, NOISE_IMAGES, seed)
        calibration, total = [noise[i : i + at_once] for i in range(0, NOISE_IMAGES, at_once)], NOISE_IMAGES
    else:
        calibration = image_folder(images, opened, limit, at_once)
        total = len(calibration)
    done = 0

    def count(some: int) -> None:
        nonlocal done
        done += some
        if on_progress:
            on_progress(done, total)

    warning = ""
    if opened.weights == "random":
        warning = "The weights are random: sizes are real, masks and numbers are those of an untrained network."
    elif images is None:
        warning = "No pictures were given: the attention was averaged over noise, and the masks are not to be trusted."
    provenance = {
        "note": warning or "Masks from the attention of the network, averaged over pictures; accuracy not measured.",
        "model": name, "weights": opened.weights, "images": total, "image_source": images.name if images else "noise",
        "seed": seed,
    }  # fmt: skip
    if opened.taken is not None and opened.taken.key:
        provenance["weights_key"] = opened.taken.key
    if opened.taken is not None and opened.taken.others:
        provenance["weights_not_taken"] = ", ".join(opened.taken.others)
    provenance |= {n: v for n, v in (("classes", classes), ("image_size", image_size)) if v is not None}
    export = export_workload(
        opened.model,
        next(iter(calibration))[:1],
        calibration,
        name=output_name or workload_name(name),
        choices=choices,
        provenance=provenance,
        on_batch=count,
    )
    return export, warning
