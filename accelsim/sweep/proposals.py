"""What Optuna has to do with a search: the study that keeps its proposals, its samplers, and the values it proposes."""

from dataclasses import dataclass, replace
from pathlib import Path

from accelsim.core.errors import InputError
from accelsim.sweep.axes import Axis
from accelsim.sweep.plan import Plan


def load_optuna():
    try:
        import optuna
    except ImportError:
        raise InputError("a search needs Optuna; install it with `pip install 'accelsim[search]'`") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def open_study(optuna, plan: Plan, path: Path, sampler: str):
    """The study of a plan, in a journal that only grows. Raises InputError when the file is another one's."""
    described = repr(replace(plan, name=""))
    try:
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(backend)
        study = optuna.create_study(
            storage=storage, study_name=plan.name, directions=["minimize"] * len(plan.objectives), load_if_exists=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: this is no study that can be gone on with ({error}); name another store") from None
    for key, value in (("plan", described), ("sampler", sampler)):
        if study.user_attrs.setdefault(key, value) != value:
            raise InputError(
                f"{path}: the study of {plan.name!r} was begun with another {key}; name another store or sweep"
            )
        study.set_user_attr(key, value)
    return study


def seeded(optuna, name: str, seed: int, number: int):
    """A sampler whose choice depends on the past of the study and on this number alone."""

    mixed = (seed * 1_000_003 + number) % 2**32
    if name == "random":
        return optuna.samplers.RandomSampler(seed=mixed)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(seed=mixed, population_size=20)
    return optuna.samplers.TPESampler(seed=mixed, multivariate=True, n_startup_trials=16)


def suggest(trial, axis: Axis) -> str:
    """A value of an axis; the values of a list of numbers have an order, words have none."""
    if not axis.values:
        low, high = -(-axis.low // axis.multiple), axis.high // axis.multiple
        return axis.text(trial.suggest_int(axis.name, low, high, log=axis.log) * axis.multiple)
    if all(text[0].isdigit() for text in axis.values):
        return axis.values[trial.suggest_int(axis.name, 0, len(axis.values) - 1)]
    return trial.suggest_categorical(axis.name, axis.values)


@dataclass(frozen=True)
class Recorded:
    """Answers `suggest` with what was suggested once."""

    params: dict

    def suggest_int(self, name: str, *_, **__) -> int:
        return self.params[name]

    def suggest_categorical(self, name: str, _) -> str:
        return self.params[name]
