"""The results of sweeps in one SQLite file: WAL mode, one writer a process, every point committed as it is finished."""

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from accelsim import __version__
from accelsim.core.errors import InputError
from accelsim.sweep.measure import TERMS, Figures, Outcome
from accelsim.sweep.points import Point
from accelsim.sweep.source import source_hash

FORMAT = "accelsim sweep 1"
WAIT = 30.0  # seconds that a writer waits for another
TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS points (
    key TEXT PRIMARY KEY, status TEXT NOT NULL CHECK (status IN ('done', 'failed')),
    machine TEXT NOT NULL, workload TEXT NOT NULL, settings TEXT NOT NULL, arch TEXT, workload_hash TEXT NOT NULL,
    sparsity REAL NOT NULL, figures TEXT, error TEXT, version TEXT NOT NULL, source TEXT NOT NULL,
    seconds REAL NOT NULL,
    CHECK ((status = 'done') = (figures IS NOT NULL) AND (status = 'failed') = (error IS NOT NULL))
);
CREATE TABLE IF NOT EXISTS members (
    sweep TEXT NOT NULL, place INTEGER NOT NULL, key TEXT NOT NULL, PRIMARY KEY (sweep, place)
) WITHOUT ROWID;
"""
SELECT = """
SELECT points.key, status, machine, workload, settings, sparsity, figures, error, {arch}, sweep
FROM points LEFT JOIN members USING (key) {where} ORDER BY sweep IS NULL, sweep, place, points.key
"""


@dataclass(frozen=True)
class Row:
    """A stored point. settings: what its sweep varied, as used: name -> value. arch: the whole configuration, if asked
    for.
    """

    key: str
    status: str
    machine: str
    workload: str
    settings: dict[str, int | float | str]
    sparsity: float
    figures: Figures | None
    error: str | None
    arch: dict | None
    sweep: str | None


class Store:
    """A results file, made if `create`. Any number of processes may read and write it at the same time.

    Every method raises InputError with a sentence when the file is no store, the disk is full, or another process holds
    the store for longer than `wait` seconds.
    """

    def __init__(self, path: str | Path, *, create: bool = True, wait: float = WAIT):
        self.path = str(path)
        if not create and not Path(path).is_file():
            raise InputError(f"{path}: there is no such store; `accelsim sweep FILE.yaml --store {path}` makes one")
        with self.explained():
            self.connection = sqlite3.connect(self.path, timeout=wait, isolation_level=None)
        try:
            with self.explained():
                self.enter_wal(wait)
                self.prepare()
        except InputError:
            self.connection.close()
            raise

    def enter_wal(self, wait: float) -> None:
        """SQLite does not wait for the lock that a change of the mode takes, so that two who begin at once collide."""
        end = time.monotonic() + wait
        while True:
            try:
                mode = self.connection.execute("PRAGMA journal_mode = WAL").fetchone()
                if mode in (("wal",), ("memory",)):  # a store in memory has no log to keep
                    return
            except sqlite3.OperationalError as error:
                if (error.sqlite_errorcode & 0xFF) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
            if time.monotonic() > end:
                raise InputError(
                    f"{self.path}: SQLite cannot keep a write-ahead log here; put the store on a local disk"
                )
            time.sleep(0.01)

    def prepare(self) -> None:
        self.connection.execute("PRAGMA synchronous = NORMAL")
        tables = {name for (name,) in self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"meta", "points", "members"} <= tables:
            raise InputError(f"{self.path}: this is a database, but no store of sweeps; name another file")
        if not tables:
            with self.writing():
                for statement in TABLES.strip().split(";\n"):
                    self.connection.execute(statement)
                self.connection.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", [FORMAT])
        found = self.connection.execute("SELECT value FROM meta WHERE name = 'format'").fetchone()
        if found != (FORMAT,):
            said = found[0] if found else "nothing"
            raise InputError(f"{self.path}: the store says its format is {said!r}, and this version reads {FORMAT!r}")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """SQLite's failures as sentences."""
        try:
            yield
        except sqlite3.Error as error:
            text = str(error)
            code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                why = "another process holds it locked; wait for it to end, or use another store"
            elif code == sqlite3.SQLITE_FULL:
                why = "the disk is full; make room and give the same command again, all that was stored stays stored"
            elif code == sqlite3.SQLITE_NOTADB:
                why = "this is no store of sweeps; name another file"
            elif code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
                why = f"it cannot be opened for writing ({text}); its folder must exist and be writable"
            else:
                why = f"SQLite says: {text}"
            raise InputError(f"{self.path}: {why}") from None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of it or nothing."""
        with self.explained():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        with self.explained():
            self.connection.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def status(self, key: str) -> str | None:
        """`done`, `failed`, or None for a point that is not stored."""
        with self.explained():
            found = self.connection.execute("SELECT status FROM points WHERE key = ?", [key]).fetchone()
        return found[0] if found else None

    def error(self, key: str) -> str:
        """What is wrong with a failed point."""
        with self.explained():
            return self.connection.execute("SELECT error FROM points WHERE key = ?", [key]).fetchone()[0]

    def figures(self, key: str) -> Figures:
        """The figures of a point that is done."""
        return {name: value for name, value in self.kept(key).items() if name != TERMS}

    def terms(self, key: str) -> dict | None:
        """The sums that the energy of a point is made of, by price; None of a point without energy."""
        return self.kept(key).get(TERMS)

    def kept(self, key: str) -> dict:
        with self.explained():
            found = self.connection.execute("SELECT figures FROM points WHERE key = ?", [key]).fetchone()
        return json.loads(found[0])

    def add(self, point: Point, values: dict[str, object], outcome: Outcome) -> bool:
        """Store a finished point; whether it was new. What is done stays as it is; a failed point may be replaced."""
        row = (
            point.key, "done" if outcome.error is None else "failed", point.machine, point.workload.name,
            json.dumps(values), json.dumps(point.arch.as_dict()) if point.arch else None, point.workload.hash,
            point.workload.sparsity, json.dumps(outcome.figures, allow_nan=False) if outcome.figures else None,
            outcome.error, __version__, source_hash(point.arch.machine if point.arch else ""), outcome.seconds,
        )  # fmt: skip
        with self.writing():
            done = self.connection.execute(
                "INSERT INTO points VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
                " status = excluded.status, figures = excluded.figures, error = excluded.error,"
                " seconds = excluded.seconds WHERE status = 'failed'",
                row,
            )
        return done.rowcount == 1

    def enlist(self, sweep: str, members: Iterable[tuple[int, str]]) -> None:
        """Say which points a sweep has, by their place in it."""
        with self.writing():
            self.connection.executemany(
                "INSERT OR REPLACE INTO members VALUES (?, ?, ?)", [(sweep, place, key) for place, key in members]
            )

    def shorten(self, sweep: str, size: int) -> None:
        """Drop the places that an earlier, longer form of a sweep left behind; its results stay."""
        with self.writing():
            self.connection.execute("DELETE FROM members WHERE sweep = ? AND place >= ?", [sweep, size])

    def rows(self, *, sweep: str | None = None, arch: bool = False) -> list[Row]:
        """Every stored point once, in the order of the sweeps."""
        where, given = ("WHERE sweep = ?", [sweep]) if sweep is not None else ("", [])
        query = SELECT.format(where=where, arch="arch" if arch else "NULL")
        with self.explained():
            found = self.connection.execute(query, given).fetchall()
        rows: dict[str, Row] = {}
        whole_text = f"[{','.join(figures or 'null' for *_, figures, _, _, _ in found)}]"  # parsed at once: much faster
        for made, (key, status, machine, workload, settings, sparsity, _, error, text, name) in zip(
            json.loads(whole_text), found
        ):
            if key not in rows:
                if made:
                    made.pop(TERMS, None)
                whole = json.loads(text) if text else None
                rows[key] = Row(
                    key, status, machine, workload, json.loads(settings), sparsity, made, error, whole, name
                )
        return list(rows.values())

    def sweeps(self) -> list[str]:
        with self.explained():
            return [name for (name,) in self.connection.execute("SELECT DISTINCT sweep FROM members ORDER BY sweep")]
