"""The command that compares predictions with hardware of others."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from accelsim.cli.documents import Json, put

FOLDER = "ACCELSIM_REFERENCE"


def register(app: typer.Typer, show: Callable[[Iterable[object]], None]) -> None:
    """Add the command to an app; `show` prints tables and sentences."""

    @app.command()
    def calibrate(
        machine: Annotated[str | None, typer.Argument(metavar="MACHINE", help="One machine; all without it.")] = None,
        cases: Annotated[
            Path | None, typer.Option(metavar="FILE.csv", help="Cases of your own, in the form of the reference data.")
        ] = None,
        reference: Annotated[
            Path | None, typer.Option(metavar="DIR", help=f"The folder of reference data; ${FOLDER} without it.")
        ] = None,
        output: Annotated[
            Path | None, typer.Option("-o", "--output", metavar="FILE.png", help="Draw predicted over measured.")
        ] = None,
        as_json: Json = False,
    ) -> None:
        """Predict what was measured of hardware of others; exit with 1 where the error is above what is promised."""
        from accelsim.validation.calibration import table

        if cases:
            found, absent = [of_file(machine, cases, reference)], []
        else:
            found, absent = of_folder(machine, reference)
        if not as_json:
            show([*absent, *table(found)])
        if output:
            from accelsim.report.plots.correlation import correlation

            points = {
                f"{one.machine} {one.calibration.name}": [
                    (case.measured[case.figure], case.predicted[case.figure]) for case in one.outcomes
                ]
                for one in found
            }
            path = correlation(points, output)
            if not as_json:
                show([f"{path}: written"])
        broken = sum(len(one.broken) for one in found)
        worst = max(one.worst for one in found)
        if as_json:
            put({"absent": absent, "worst_error": worst, "above_bound": broken, "parts": [document(x) for x in found]})
        else:
            show([f"worst error {100 * worst:.2f} %" + (f", {broken} cases ABOVE their bound" if broken else "")])
        if broken:
            raise SystemExit(1)


def document(found) -> dict[str, object]:
    """What came of the cases of one kind, as data."""
    cases = [
        {
            "case": one.case, "figure": one.figure, "measured": dict(one.measured), "predicted": dict(one.predicted),
            "error": one.error, "bound": one.bound,
        }
        for one in found.outcomes
    ]  # fmt: skip
    known = {"machine": found.machine, "name": found.calibration.name, "hardware": found.calibration.hardware}
    return {**known, "exact": found.exact, "mean_error": found.mean, "worst_error": found.worst, "cases": cases}


def of_file(name: str | None, path: Path, folder: Path | None):
    """What a machine predicts of the cases of a file; what these name may lie in the folder of reference data."""
    from dataclasses import replace

    from accelsim.accelerators import machine
    from accelsim.core.errors import InputError
    from accelsim.validation.calibration import kind_of, predict, read_cases

    if name is None:
        raise InputError(f"--cases {path}: whose cases are they? Name the machine: accelsim calibrate MACHINE --cases")
    kinds = machine(name).calibrations()
    if not kinds:
        raise InputError(f"the machine {name} has no calibration: nothing was measured of its hardware")
    said = folder or os.environ.get(FOLDER, "")
    folders = [Path(said)] if said else []
    kind = replace(kind_of(path, read_cases(path), kinds), fitted=frozenset())  # ids of others say nothing here
    return predict(name, kind, kind.read(path, *folders))


def of_folder(name: str | None, folder: Path | None):
    """What all machines predict of the reference data; and, in sentences, which of these are not there."""
    from accelsim.accelerators import machine, shipped
    from accelsim.accelerators.plugins import plugins
    from accelsim.core.errors import InputError
    from accelsim.validation.calibration import predict

    said = folder or os.environ.get(FOLDER, "")
    if not said or not Path(said).is_dir():
        raise InputError(
            f"the reference data is not there: {f'{said} is no folder' if said else f'{FOLDER} is not set'}; name its "
            "folder with --reference, or bring cases of your own with --cases"
        )
    found, absent = [], []
    for one in [name] if name else [*shipped(), *plugins()]:
        for kind in machine(one).calibrations():
            path = Path(said) / kind.file
            if path.is_file():
                found.append(predict(one, kind, kind.read(path, Path(said))))
            else:
                absent.append(f"{one} {kind.name}: {path} is not there")
    if not found:
        raise InputError("; ".join(absent) or f"no calibration: nothing was measured of {name or 'any machine'}")
    return found, absent
