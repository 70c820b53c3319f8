"""The store: what is in it stays in it, once, whatever happens."""

import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from accelsim.core.errors import InputError
from accelsim.sweep.measure import Outcome
from accelsim.sweep.plan import read
from accelsim.sweep.points import expand
from accelsim.sweep.store import Store


@pytest.fixture
def points(plan_file):
    return list(expand(read(plan_file("axes: {engine.lines: [8, 16, 24]}"))))


def done(point, cycles: int = 7) -> Outcome:
    return Outcome(point.key, {"cycles": cycles, "q_forward_hit_rate": None}, None, 0.5)


def test_what_is_stored_is_found_again(tmp_path, points):
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        assert store.status(points[0].key) is None
        assert store.add(points[0], {"engine.lines": 8}, done(points[0]))
        assert store.add(points[1], {"engine.lines": 16}, Outcome(points[1].key, None, "too big", 0.1))
        store.enlist("design", [(0, points[0].key), (1, points[1].key)])
    with Store(path, create=False) as store:
        assert [store.status(p.key) for p in points] == ["done", "failed", None]
        first, second = store.rows(arch=True)
        assert (first.settings, first.figures, first.error) == ({"engine.lines": 8}, done(points[0]).figures, None)
        assert (first.arch["parts"]["engine"]["lines"], first.sweep) == (8, "design")
        assert (second.figures, second.error, store.error(second.key)) == (None, "too big", "too big")
        assert store.sweeps() == ["design"]


def test_a_done_point_is_never_replaced_and_a_failed_one_may_be(tmp_path, points):
    with Store(tmp_path / "s.sqlite") as store:
        store.add(points[0], {}, done(points[0], 1))
        assert not store.add(points[0], {}, done(points[0], 2))
        assert not store.add(points[0], {}, Outcome(points[0].key, None, "no", 0.0))
        assert store.figures(points[0].key)["cycles"] == 1
        store.add(points[1], {}, Outcome(points[1].key, None, "no", 0.0))
        assert store.add(points[1], {}, done(points[1], 3))
        assert (store.status(points[1].key), store.figures(points[1].key)["cycles"]) == ("done", 3)


def test_points_are_listed_once_in_the_order_of_their_sweep(tmp_path, points):
    with Store(tmp_path / "s.sqlite") as store:
        for point in reversed(points):
            store.add(point, {}, done(point))
        store.enlist("b", [(0, points[0].key)])
        store.enlist("a", [(0, points[2].key), (1, points[1].key), (2, points[0].key)])
        assert [row.key for row in store.rows()] == [points[2].key, points[1].key, points[0].key]
        store.shorten("a", 1)
        assert [row.key for row in store.rows(sweep="a")] == [points[2].key]
        assert len(store.rows()) == 3


def test_two_writers_at_once_lose_nothing(tmp_path, points):
    path, failures = tmp_path / "s.sqlite", []

    def write(mine):
        try:
            with Store(path) as store:
                for _ in range(20):
                    for place, point in enumerate(mine):
                        store.add(point, {}, done(point))
                        store.enlist("x", [(place, point.key)])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=[points[i:] + points[:i]]) for i in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store(path, create=False) as store:
        assert sorted(row.key for row in store.rows()) == sorted(p.key for p in points)


def test_a_locked_store_is_an_error_after_a_while(tmp_path, points):
    path = tmp_path / "s.sqlite"
    Store(path).close()
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")
    with Store(path, wait=0.1) as store, pytest.raises(InputError) as error:
        store.add(points[0], {}, done(points[0]))
    assert str(error.value) == f"{path}: another process holds it locked; wait for it to end, or use another store"
    other.rollback()
    with Store(path, wait=0.1) as store:
        assert store.add(points[0], {}, done(points[0]))


def test_a_full_disk_is_an_error_that_leaves_what_was_stored(tmp_path, points):
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.add(points[0], {}, done(points[0]))
        pages = store.connection.execute("PRAGMA page_count").fetchone()[0]
        store.connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(InputError) as error:
            for n in range(100):
                store.add(points[1], {"x": "y" * 4096}, Outcome(points[1].key, None, "no " * 999 * n, 0.0))
    assert str(error.value) == (
        f"{path}: the disk is full; make room and give the same command again, all that was stored stays stored"
    )
    with Store(path) as store:
        assert store.status(points[0].key) == "done"
        assert store.connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize(
    ("fate", "sentence"),
    [
        (lambda path: path.unlink(), "the store was deleted or moved while"),
        (lambda path: path.rename(path.with_name("other")), "the store was deleted or moved while"),
        (lambda path: replace(path), "the store was replaced by another file while"),
        (lambda path: path.with_name("s.sqlite-wal").unlink(), "its write-ahead log (STORE-wal) was deleted or moved"),
    ],
)
def test_a_store_that_vanishes_is_an_error_at_once(tmp_path, points, fate, sentence):
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.add(points[0], {}, done(points[0]))
        fate(path)
        with pytest.raises(InputError) as error:
            store.add(points[1], {}, done(points[1]))
        assert str(error.value).startswith(f"{path}: {sentence}")


def replace(path: Path) -> None:
    """Put another store in its place."""
    Store(path.with_name("new")).close()
    path.with_name("new").replace(path)


def test_a_refusal_leaves_no_empty_store(tmp_path, points):
    path = tmp_path / "s.sqlite"
    with pytest.raises(InputError), Store(path) as store:
        store.enlist("design", [(0, points[0].key)])
        raise InputError("no worker can be started")
    assert list(tmp_path.glob("s.sqlite*")) == []
    with pytest.raises(InputError), Store(path):
        other = Store(path)  # another sweep has begun meanwhile
        raise InputError("no")
    assert other.add(points[1], {}, done(points[1]))
    other.close()
    for _ in range(2):  # what holds a point stays, and so does what was there before
        with pytest.raises(InputError), Store(path) as store:
            store.add(points[0], {}, done(points[0]))
            raise InputError("no")
    with Store(path) as store:
        assert store.status(points[0].key) == "done"
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(InputError), Store(empty):
        raise InputError("no")
    assert empty.exists()


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("figures", "{x", "its figures are '{x'"),
        ("figures", "[1]", "its figures are '[1]'"),
        ("figures", "{}", "its figures are '{}'"),
        ("figures", '{"cycles": "7"}', "its figures are {'cycles': '7'}"),
        ("figures", '{"cycles": NaN}', """its figures are '{"cycles": NaN}'"""),
        ("figures", '{"a": 1},{"a": 2}', """its figures are '{"a": 1},{"a": 2}'"""),
        ("figures", "[" * 99999, "its figures are '[[["),
        ("figures", b"\xff\xfe", "its figures are b'"),
        ("settings", "", "its settings are ''"),
        ("sparsity", "many", "its sparsity is 'many'"),
    ],
)
def test_a_damaged_row_names_its_point_and_is_simulated_again(tmp_path, points, column, value, why):
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        for point in points:
            store.add(point, {"engine.lines": 8}, done(point))
        store.connection.execute(f"UPDATE points SET {column} = ? WHERE key = ?", [value, points[1].key])
        with pytest.raises(InputError) as error:
            store.rows(arch=True)
        said = str(error.value)
        assert said.startswith(f"{path}: the store is damaged: point {points[1].key[:12]}... (vitcod tiny "), said
        assert why in said
        if column != "sparsity":
            assert [store.status(p.key) for p in points] == ["done", None, "done"]
            assert store.add(points[1], {"engine.lines": 8}, done(points[1], 9))
            found = {row.key: row.figures["cycles"] for row in store.rows()}
            assert [found[p.key] for p in points] == [7, 9, 7]


def test_two_damaged_rows_do_not_look_like_two_others(tmp_path, points):
    with Store(tmp_path / "s.sqlite") as store:
        for place, point in enumerate(points):
            store.add(point, {}, done(point))
            store.enlist("x", [(place, point.key)])
        for point, text in zip(points, ('{"a": "', '"}', '{"a": 1},0,{"a": 1}')):
            store.connection.execute("UPDATE points SET figures = ? WHERE key = ?", [text, point.key])
        with pytest.raises(InputError, match="the store is damaged"):
            store.rows()


def test_a_damaged_schema_is_a_sentence(tmp_path, points):
    """SQLite quotes it, and its sentence is no text then."""
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.add(points[0], {}, done(points[0]))
    path.write_bytes(path.read_bytes().replace(b"value TEXT NOT NULL", b"value TEXT NOT NU\xff\xfe", 1))
    with pytest.raises(InputError, match=r"s\.sqlite: the store is damaged \("):
        Store(path, create=False)


def test_figures_that_are_needed_are_there_or_missed_by_name(tmp_path, points):
    with Store(tmp_path / "s.sqlite") as store:
        store.add(points[0], {}, done(points[0]))
        assert store.figures(points[0].key, "cycles") == done(points[0]).figures
        with pytest.raises(InputError, match="'energy_pj' is not among its figures"):
            store.figures(points[0].key, "cycles", "energy_pj")


def test_what_is_no_store_is_refused(tmp_path):
    missing = tmp_path / "none.sqlite"
    with pytest.raises(InputError) as error:
        Store(missing, create=False)
    assert str(error.value) == (
        f"{missing}: there is no such store; `accelsim sweep FILE.yaml --store {missing}` makes one"
    )
    assert not missing.exists()
    text = tmp_path / "text"
    text.write_text("no database, but long enough to be taken for one\n" * 99)
    with pytest.raises(InputError, match="text: this is no store of sweeps; name another file"):
        Store(text)
    other = tmp_path / "other.sqlite"
    sqlite3.connect(other).executescript("CREATE TABLE mine (x); INSERT INTO mine VALUES (1);")
    with pytest.raises(InputError, match="this is a database, but no store of sweeps; name another file"):
        Store(other)
    with pytest.raises(InputError, match="it cannot be opened for writing .* its folder must exist and be writable"):
        Store(tmp_path / "no" / "folder" / "s.sqlite")
    Store(tmp_path / "s.sqlite").close()
    later = tmp_path / "later.sqlite"
    shutil.copy(tmp_path / "s.sqlite", later)
    connection = sqlite3.connect(later)
    connection.execute("UPDATE meta SET value = 'accelsim sweep 9'")
    connection.commit()
    with pytest.raises(InputError, match="its format is 'accelsim sweep 9', and this version reads 'accelsim sweep 1'"):
        Store(later)
    assert Path(later).exists()
