"""The command that measures the computer at hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put

MODELS = ["deit_tiny", "deit_small", "deit_base", "levit_128", "levit_192", "levit_256"]


def measure(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE.yaml", help="The platform's file; its rows go beside it.")
    ] = Path("platform.yaml"),
    device: Annotated[str, typer.Option("--device", help="auto (CUDA if it is there), cpu or cuda.")] = "auto",
    models: Annotated[
        list[str] | None, typer.Option("--model", metavar="MODEL", help="Repeatable; all six without it.")
    ] = None,
    batches: Annotated[
        list[int] | None,
        typer.Option("--batch", min=1, max=4096, help="Repeatable; 1, 8 and 64 on CUDA, 1 and 8 on a CPU."),
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.01, max=60, help="Of calls, for each case.")] = 0.5,
    rows: Annotated[
        Path | None, typer.Option("--rows", metavar="FILE.csv", help="Rows that were measured before; nothing is run.")
    ] = None,
    only: Annotated[
        str, typer.Option("--only", metavar="NAME", help="With --rows: the device whose name holds it.")
    ] = "",
    peaks: Annotated[
        list[str] | None,
        typer.Option("--peak", metavar="NAME=VALUE", help="A known peak: float32 or float16 (1/s), memory (bytes/s)."),
    ] = None,
    machine: Annotated[
        str, typer.Option("--machine", metavar="MACHINE", help="The analytic machine to fit.")
    ] = "platform",
    as_json: Json = False,
) -> Iterator[object]:
    """Time vision transformers and their attention in PyTorch here (needs the extra torch); write a platform's file."""
    from accelsim.accelerators import machine as find
    from accelsim.core.errors import InputError
    from accelsim.core.files import check_name

    path = output if output.suffix == ".yaml" else output.with_name(f"{output.name}.yaml")
    check_name(path.stem, f"-o {output}")
    model, known = find(machine), peaks_of(peaks or ())
    if not model.analytic:
        raise InputError(
            f"--machine {machine}: this machine is simulated; only an analytic one is fitted to measured rows"
        )
    if rows is None:
        from accelsim.codesign.measure import choose_device, measure, write_rows

        kind, called = choose_device(device)
        wanted = tuple(batches or ((1, 8) if kind == "cpu" else (1, 8, 64)))
        if not as_json:
            yield f"measuring {called}"
        with progress() as step:
            made = list(measure(models or MODELS, kind, called, batches=wanted, seconds=seconds, step=step))
        rows = write_rows(made, path.with_suffix(".csv"))
        if not as_json:
            yield f"{rows}: {len(made)} rows"
    found = model.fitted(rows, only, known)
    if not as_json:
        yield from [checked(found.checked)] if found.checked else []
        yield found.verdict
    try:
        path.write_text(found.text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    if as_json:
        names = ("case", "measured_seconds", "time_ratio", "energy_ratio")
        cases = [dict(zip(names, row)) for row in found.checked]
        put({"file": path, "rows": rows, "verdict": found.verdict, "cases": cases})
        return
    yield f"{path}: written; accelsim describe {path} prints it, accelsim run {path} WORKLOAD uses it"


def peaks_of(texts) -> dict[str, float]:
    """Peaks from the command line. Raises InputError for what is none."""
    from accelsim.core.errors import InputError, suggest

    found, names = {}, ("float32", "float16", "memory")
    for text in texts:
        name, _, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if name not in names or not 0 < number < 1e24:
            raise InputError(
                f"--peak {text}: expected NAME=VALUE with one of {', '.join(names)} and a number above 0, such as"
                f" float32=51.7e12{suggest(name, names) if name not in names else ''}"
            )
        found[name] = number
    return found


def checked(rows):
    """How well one half of the rows predicts each of the other."""
    from accelsim.report.quantities import scaled
    from accelsim.report.tables import table

    made = table(
        "each row of one half from a fit to the other: predicted over measured", "case", "measured", "time", "energy"
    )
    for title, seconds, time, energy in rows:
        made.add_row(title, scaled(seconds, "s"), f"{time:.2f}", "-" if energy is None else f"{energy:.2f}")
    return made


def progress():
    """Shows on a terminal what is timed; prints what could not be."""
    from contextlib import contextmanager

    from rich.console import Console

    @contextmanager
    def shown():
        console = Console(stderr=True, highlight=False)
        with console.status("") as status:

            def step(sentence: str) -> None:
                if "left out" in sentence:
                    console.print(sentence, markup=False)
                status.update(sentence)

            yield step

    return shown()
