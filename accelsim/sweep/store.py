"""The results of sweeps in one SQLite file: WAL mode, one writer a process, every point committed as it is finished."""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from accelsim import __version__
from accelsim.core.errors import InputError, shown
from accelsim.sweep.measure import TERMS, Figures, Outcome
from accelsim.sweep.points import Point
from accelsim.sweep.rows import Row, all_figures, configuration, damaged, parsed
from accelsim.sweep.source import source_hash

FORMAT = "accelsim sweep 1"
WAIT = 30.0  # seconds that a writer waits for another
MEMORY = ":memory:"  # SQLite's word for a store that nobody keeps
AGAIN = "give the same command again, which simulates what is gone"
KEPT = "make room and give the same command again, all that was stored stays stored"
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
POINT = "SELECT key, machine, workload, settings, figures, status FROM points WHERE key = ?"
BESIDE = ("", "-wal", "-shm", "-journal")  # the files of a store, behind its name


def legible(raw: bytes) -> str:
    """A text of the store, also one that is damaged."""
    return raw.decode("utf-8", "replace")


class Store:
    """A results file, made if `create`. Any number of processes may read and write it at the same time.

    Every method raises InputError with a sentence when the file is no store, the disk is full, or another process holds
    the store for longer than `wait` seconds.
    """

    def __init__(self, path: str | Path, *, create: bool = True, wait: float = WAIT):
        self.path = str(path)
        if not create and not Path(path).is_file():
            raise InputError(f"{path}: there is no such store; `accelsim sweep FILE.yaml --store {path}` makes one")
        self.is_new = self.path != MEMORY and not os.path.lexists(self.path)
        self.files: dict[str, tuple[int, int]] = {}  # what this connection writes: name -> device and inode
        with self.explained():
            self.connection = sqlite3.connect(self.path, timeout=wait, isolation_level=None)
            self.connection.text_factory = legible
        try:
            with self.explained():
                self.enter_wal(wait)
                self.prepare()
            self.check_files()
        except BaseException:
            self.leave()
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
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: SQLite's sentence quotes damaged bytes
            text = str(error)
            code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
            if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                why = "another process holds it locked; wait for it to end, or use another store"
            elif lost := self.lost():
                why = lost
            elif code == sqlite3.SQLITE_FULL:
                why = f"the disk is full; {KEPT}"
            elif code == sqlite3.SQLITE_NOTADB:
                why = "this is no store of sweeps; name another file"
            elif code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
                why = f"it cannot be opened for writing ({text}); its folder must exist and be writable"
            elif code == sqlite3.SQLITE_IOERR:
                why = f"it cannot be written or read ({text}); is the disk full, or a quota used up? {KEPT}"
            elif code == sqlite3.SQLITE_CORRUPT or isinstance(error, UnicodeDecodeError):
                why = f"the store is damaged ({text}); `sqlite3 {self.path} .recover` shows what can be saved"
            else:
                why = f"SQLite says: {text}"
            raise InputError(f"{self.path}: {why}") from None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: all of it or nothing. Raises InputError when the file is not there any more."""
        with self.explained():
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
        self.check_files()

    def check_files(self) -> None:
        """Raise InputError when the store's files were deleted or replaced: SQLite would write to what nobody finds."""
        if lost := self.lost():
            raise InputError(f"{self.path}: {lost}")
        if self.path != MEMORY:
            for name in (self.path, f"{os.path.realpath(self.path)}-wal"):
                with suppress(OSError):  # there is no log before the first write
                    about = os.stat(name)
                    self.files.setdefault(name, (about.st_dev, about.st_ino))

    def lost(self) -> str:
        """What has become of the store's files while they were in use; nothing when they are in their place."""
        for name, mine in self.files.items():
            try:
                about = os.stat(name)
            except OSError:
                became = "deleted or moved"
            else:
                became = "replaced by another file" if (about.st_dev, about.st_ino) != mine else ""
            if became:
                what = "the store" if name == self.path else "its write-ahead log (STORE-wal)"
                return f"{what} was {became} while the store was in use, and what is stored would be lost; {AGAIN}"
        return ""

    def leave(self, refused: bool = True) -> None:
        """Close the store; one that is new and holds no point is removed after a refusal, if nobody else has it."""
        with suppress(sqlite3.Error, InputError, OSError):
            if refused and self.is_new and not self.lost() and self.is_empty() and self.is_alone():
                self.connection.close()
                for end in BESIDE:
                    Path(f"{self.path}{end}").unlink(missing_ok=True)
        with suppress(sqlite3.Error):
            self.connection.close()

    def is_empty(self) -> bool:
        tables = self.connection.execute("SELECT name FROM sqlite_master WHERE name = 'points'").fetchall()
        return not tables or not self.connection.execute("SELECT 1 FROM points LIMIT 1").fetchall()

    def is_alone(self) -> bool:
        """Whether no other process has it open: only then is there an end to the log."""
        self.connection.execute("PRAGMA busy_timeout = 0")
        return self.connection.execute("PRAGMA journal_mode = DELETE").fetchone() == ("delete",)

    def close(self) -> None:
        self.leave(refused=False)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind, *_) -> None:
        self.leave(refused=kind is not None)

    def status(self, key: str) -> str | None:
        """`done`, `failed`, or None for a point that is not stored, or cannot be read any more."""
        with self.explained():
            found = self.connection.execute(POINT, [key]).fetchone()
        with suppress(InputError):
            return found and parsed(self.path, *found) and found[-1]

    def error(self, key: str) -> str:
        """What is wrong with a failed point."""
        with self.explained():
            return self.connection.execute("SELECT error FROM points WHERE key = ?", [key]).fetchone()[0]

    def figures(self, key: str, *names: str) -> Figures:
        """The figures of a point that is done. Raises InputError when one of those named is not among them."""
        return {name: value for name, value in self.kept(key, *names).items() if name != TERMS}

    def terms(self, key: str) -> dict | None:
        """The sums that the energy of a point is made of, by price; None of a point without energy."""
        return self.kept(key).get(TERMS)

    def kept(self, key: str, *names: str) -> dict:
        """All that is kept of a point that is done."""
        with self.explained():
            found = self.connection.execute(POINT, [key]).fetchone()
        made = parsed(self.path, *found)[1] or {}
        if lacking := [name for name in names if name not in made]:
            raise damaged(self.path, *found[:4], f"{lacking[0]!r} is not among its figures")
        return made

    def add(self, point: Point, values: dict[str, object], outcome: Outcome) -> bool:
        """Store a finished point; whether it was new. What is done stays as it is; a failed point may be replaced."""
        row = (
            point.key, "done" if outcome.error is None else "failed", point.machine, point.workload.name,
            json.dumps(values), json.dumps(point.arch.as_dict()) if point.arch else None, point.workload.hash,
            point.workload.sparsity, json.dumps(outcome.figures, allow_nan=False) if outcome.figures else None,
            outcome.error, __version__, source_hash(point.arch.machine if point.arch else ""), outcome.seconds,
        )  # fmt: skip
        with self.writing():
            if self.status(point.key) == "done":
                return False
            self.connection.execute(f"INSERT OR REPLACE INTO points VALUES ({', '.join('?' * len(row))})", row)
        return True

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
        many = all_figures([row[6] for row in found])
        for made, row in zip(many, found):
            key, status, machine, workload, settings, sparsity, figures, error, text, name = row
            if key in rows:
                continue
            about = (key, machine, workload, settings)
            values, made = parsed(self.path, *about, made if made and isinstance(made, dict) else figures, status)
            if not isinstance(sparsity, int | float):
                raise damaged(self.path, *about, f"its sparsity is {shown(sparsity)}")
            whole = configuration(self.path, about, text) if text else None
            if made:
                made.pop(TERMS, None)
            rows[key] = Row(key, status, machine, workload, values, sparsity, made, error, whole, name)
        return list(rows.values())

    def sweeps(self) -> list[str]:
        with self.explained():
            return [name for (name,) in self.connection.execute("SELECT DISTINCT sweep FROM members ORDER BY sweep")]
