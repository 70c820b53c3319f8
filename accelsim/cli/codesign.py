"""Commands about the algorithm side: imports of layer lists, those that need PyTorch, and pictures of masks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put
from accelsim.cli.measure import measure

LARGEST_SEED = (1 << 63) - 1  # that PyTorch takes
Show = Callable[[Iterable[object]], None]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="A model of timm, transformers/NAME, a saved folder, a name on the hub, or FILE.py:CLASS, which is run.",
    ),
]
Images = Annotated[Path | None, typer.Option("--images", metavar="DIR", help="Pictures to average attention over.")]
Output = Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="The workload to write.")]
Operands = Annotated[
    str, typer.Option(help="Int8 operands of the first picture to store: none, attention, or all (weights too).")
]
Threshold = Annotated[
    str | None,
    typer.Option(help="A column with more kept scores than this is a global token; 'auto' balances the two engines."),
]


def register(app: typer.Typer, show: Show, find: Callable[[str], Path]) -> None:
    """Add the commands to an app; `show` prints tables and sentences, `find` knows the workloads by name."""
    drawing = _plotting(find)
    for name, command in (
        ("import-topology", import_topology),
        ("export", export),
        ("train-demo", train_demo),
        ("plot-attention", drawing),
        ("measure", measure),
    ):
        app.command(name)(_shown(command, show))


def _shown(command: Callable[..., Iterator[object]], show: Show) -> Callable[..., None]:
    @wraps(command)
    def printed(*args, **kwargs):
        for thing in command(*args, **kwargs):
            show([thing])

    return printed


def import_topology(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="A GEMM or a convolution topology of SCALE-Sim.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE.yaml", help="Where to write; NAME.yaml without it.")
    ] = None,
) -> Iterator[object]:
    """Make a workload of a layer list of SCALE-Sim: sizes, no attention and no masks."""
    from accelsim.codesign.import_topology import import_topology, remarks
    from accelsim.workload import save

    made = import_topology(file)
    path = save(made, output or Path(f"{made.name}.yaml"))
    layers = "1 layer" if len(made.layers) == 1 else f"{len(made.layers)} layers"
    yield f"{path}: {layers} of a {made.provenance['kind']} topology, {made.macs:,} MACs an image"
    yield from remarks(made)


def export(
    model: ModelName,
    sparsity: Annotated[float | None, typer.Option(help="The share of attention scores to prune, e.g. 0.9.")] = None,
    info_threshold: Annotated[
        float | None, typer.Option(help="Instead: keep the largest scores of a row until they sum to this.")
    ] = None,
    scope: Annotated[str, typer.Option(help="The sparsity holds for the network (global), a layer, or a head.")] = (
        "global"
    ),
    auto_encoder: Annotated[float | None, typer.Option(help="Compress heads of Q and K to this share: 0.5.")] = None,
    threshold: Threshold = None,
    images: Images = None,
    limit: Annotated[int, typer.Option("--limit", help="Use so many of the pictures.")] = 256,
    at_once: Annotated[int, typer.Option("--at-once", help="Pictures at a time.")] = 16,
    former_batch: Annotated[int | None, typer.Option("--batch", hidden=True)] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="Weights: a .safetensors or .pth file.")] = None,
    checkpoint_key: Annotated[
        str | None, typer.Option(help="Where in the checkpoint the weights are, e.g. model_ema; looked for without it.")
    ] = None,
    pretrained: Annotated[bool, typer.Option("--pretrained", help="Download the library's trained weights.")] = False,
    classes: Annotated[int | None, typer.Option(help="Classes the network was tuned for; 0: no classifier.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Side of the pictures it was tuned for.")] = None,
    size: Annotated[
        str, typer.Option("--input", metavar="CxHxW", help="Size of the pictures that FILE.py:CLASS takes: 3x32x32.")
    ] = "",
    arguments: Annotated[
        list[str] | None,
        typer.Option("--model-arg", metavar="NAME=VALUE", help="What FILE.py:CLASS is made with. Repeatable."),
    ] = None,
    class_token: Annotated[
        bool | None, typer.Option(help="Keep row and column of token 0; found out by itself without it.")
    ] = None,
    operands: Operands = "attention",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of random weights and noise.")] = 0,
    measured: Annotated[
        bool, typer.Option("--measured", help="Write NAME.measured.npz too: the maps before pruning, float results.")
    ] = False,
    output: Output = None,
    as_json: Json = False,
) -> Iterator[object]:
    """Make a workload of a PyTorch vision transformer: trace, prune, polarize, quantize (needs the extra torch)."""
    from accelsim.codesign.export import Choices, save_export, summary, theta_d, workload_name
    from accelsim.codesign.export_named import export_named
    from accelsim.codesign.own_model import is_own
    from accelsim.core.errors import InputError

    if former_batch is not None:
        raise InputError(
            f"--batch no longer says how many pictures are taken at a time: give --at-once {former_batch}."
        )
    path = _yaml(output or Path(workload_name(model.rpartition(":")[2] if is_own(model) else model)))
    choices = Choices(sparsity, info_threshold, scope, theta_d(threshold), class_token, auto_encoder, operands)
    with _bar("attention", "images") as step:
        made, warning = export_named(
            model,
            choices,
            images,
            checkpoint=checkpoint,
            pretrained=pretrained,
            key=checkpoint_key,
            classes=classes,
            image_size=image_size,
            size=size,
            arguments=arguments or (),
            limit=limit,
            at_once=at_once,
            seed=seed,
            output_name=path.stem,
            on_progress=step,
        )
    remarks = [*([warning] if warning else []), *made.remarks]
    path = save_export(made, path, measured=measured)
    if as_json:
        put({"file": path, "warnings": remarks, **dict(summary(made)), "errors": made.errors})
        return
    yield from (f"Warning: {sentence}" for sentence in remarks)
    yield f"{path}:"
    yield from (f"  {what}: {value}" for what, value in summary(made))
    if made.errors:
        yield error_table(made.errors)


def train_demo(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The workload to write.")],
    data: Annotated[str, typer.Option(help="fashion-mnist (Debian's dataset-fashion-mnist) or digits.")] = (
        "fashion-mnist"
    ),
    folder: Annotated[Path | None, typer.Option(help="Where the four .gz files of fashion-mnist are.")] = None,
    train: Annotated[int | None, typer.Option(help="Train with so many images; all without it.")] = 12000,
    test: Annotated[int | None, typer.Option(help="Test with so many images; all without it.")] = None,
    patch: Annotated[int, typer.Option(help="Side of a patch; 2 gives fashion-mnist 197 tokens.")] = 4,
    epochs: Annotated[int, typer.Option(help="Of the dense training.")] = 8,
    tuning_epochs: Annotated[int, typer.Option(help="Of each fine-tuning.")] = 1,
    auto_encoder: Annotated[float, typer.Option(help="Heads of Q and K left by the auto-encoder, as a share.")] = 0.5,
    sparsity: Annotated[
        list[float] | None, typer.Option(help="Shares of scores to prune. Repeatable; the last is exported.")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the CPU.")] = 1,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of weights and order.")] = 1,
    as_json: Json = False,
) -> Iterator[object]:
    """Train, compress, prune and fine-tune a small vision transformer, and export it (needs the extra torch)."""
    from accelsim.codesign.demo_data import load_data
    from accelsim.codesign.export import save_export
    from accelsim.codesign.pytorch import need
    from accelsim.codesign.train_demo import Recipe, export_demo, save_weights, train_demo

    need("torch", "training the demo").set_num_threads(threads)
    images = load_data(data, folder, train, test)
    recipe = Recipe(
        patch=patch,
        epochs=epochs,
        tuning_epochs=tuning_epochs,
        auto_encoder=auto_encoder,
        seed=seed,
        sparsities=tuple(sparsity or (0.8, 0.9)),
    )
    said: list[str] = []
    with _bar("training", "epochs") as step:
        rows, made = train_demo(images, recipe, lambda text: (said.append(text), step(len(said), recipe.steps)))
    path = _yaml(output)
    if not as_json:
        yield accuracy_table(rows)
    exported = export_demo(made[-1], recipe, images, rows, path.stem, f"{data}, {len(images.train)} images")
    path = save_export(exported, path, measured=True)
    if as_json:
        weights = save_weights(made[-1], path.with_suffix(".weights.npz"))
        put({"file": path, "weights": weights, "steps": rows, "errors": exported.errors})
        return
    yield f"{path}: {exported.workload.sparsity:.2%} of the attention scores pruned"
    yield f"{save_weights(made[-1], path.with_suffix('.weights.npz'))}: its weights"
    yield error_table(exported.errors)


def _plotting(find: Callable[[str], Path]) -> Callable[..., Iterator[object]]:
    def plot_attention(
        workload: Annotated[str, typer.Argument(metavar="WORKLOAD", help="A shipped workload, or a YAML file.")],
        output: Annotated[
            Path | None, typer.Option("-o", "--output", metavar="FILE", help="NAME.png without it.")
        ] = None,
        layer: Annotated[str | None, typer.Option(help="Only this attention layer.")] = None,
        heads: Annotated[int, typer.Option(help="At most so many heads of each layer.")] = 8,
    ) -> Iterator[object]:
        """Draw each layer and head before pruning (where known), after pruning, and polarized."""
        from accelsim.codesign.plot_attention import measured_maps, plot_attention
        from accelsim.workload import load

        path = find(workload)
        made, file = load(path), output
        yield str(plot_attention(made, file or f"{made.name}.png", measured_maps(path), layer=layer, heads=heads))

    return plot_attention


def error_table(rows):
    """Errors of int8 operands, layer by layer."""
    table = _table("layer", "kind", "error", "signal to noise", "note")
    for row in rows:
        note = "without the bias of its scores" if row.biased else ""
        table.add_row(row.layer, row.kind, f"{row.relative:.2%}", f"{row.sqnr_db:.1f} dB", note)
    return table


def accuracy_table(rows):
    """Accuracy after every step of the co-design."""
    table = _table("step", "pruned", "accuracy")
    for row in rows:
        table.add_row(row.step, f"{row.sparsity:.2%}" if row.sparsity else "", f"{row.accuracy:.2%}")
    return table


def _table(*titles: str):
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", justify="left" if title in ("layer", "kind", "step") else "right")
    return table


def _yaml(path: Path) -> Path:
    return path if path.suffix == ".yaml" else path.with_name(f"{path.name}.yaml")


@contextmanager
def _bar(title: str, unit: str):
    """A progress bar on a terminal: yields step(done, total)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
