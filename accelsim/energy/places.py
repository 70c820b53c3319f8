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
    """Enter places of entries that replace others, or parts of them."""
    for path, place in over.items():
        for below in [p for p in places if p.startswith(f"{path}.")]:
            del places[below]
        places[path] = place
