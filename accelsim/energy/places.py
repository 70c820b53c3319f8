"""Where an entry of a table is said: file and line, an override, or a machine's prices."""

from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager

from accelsim.core.errors import InputError


def place_of(path: str, places: Mapping[str, str]) -> str:
    """Where the entry `A.B.C`, or else the nearest one that it is a part of, is said; "" if nobody says it."""
    while path and path not in places:
        path = path.rpartition(".")[0]
    return places.get(path, "")


@contextmanager
def placed(where: str, places: Mapping[str, str]) -> Iterator[None]:
    """Have an error "WHERE: A.B.C: rule" name the place of A.B.C instead."""
    try:
        yield
    except InputError as error:
        head, colon, rest = str(error).partition(f"{where}: ")
        said = {str(InputError(path)): place for path, place in places.items()}  # as errors spell it
        if head or not colon or not (place := place_of(rest.partition(": ")[0], said)):
            raise
        raise InputError(f"{place}: {rest}") from None


def overlay(places: MutableMapping[str, str], over: Mapping[str, str]) -> None:
    """Enter places of entries, in order, each of which replaces all that was said of it and of its parts."""
    for below in [path for path in places if any(whole in over for whole in wholes(path))]:
        del places[below]
    order = {path: number for number, path in enumerate(over)}
    for path, place in over.items():
        if all(order.get(whole, -1) < order[path] for whole in wholes(path)):
            places[path] = place


def wholes(path: str) -> Iterator[str]:
    """The entries that `A.B.C` is a part of: `A.B` and `A`."""
    while "." in path:
        path = path.rpartition(".")[0]
        yield path
