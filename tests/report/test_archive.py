"""A stored run says all that the run itself did, and is refused with a sentence when it is not whole."""

import json
import zipfile

import numpy as np
import pytest

from accelsim.core.errors import InputError
from accelsim.core.result import JOB
from accelsim.report import archive, summarize, write
from accelsim.report.files import as_json
from accelsim.report.plots import KINDS, draw_one
from accelsim.report.plots.frame import Frame, size, window

from .records import record


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write(record(2, traced=True), tmp_path_factory.mktemp("run") / "made", pictures=False)


def test_everything_comes_back(folder):
    made, found = record(2, traced=True), archive.restore(folder)
    assert as_json(found, summarize(found)) == as_json(made, summarize(made))
    assert found.result.total == made.result.total and found.result.spans == made.result.spans
    assert (found.result.parts, found.result.links) == (made.result.parts, made.result.links)
    for part in range(len(made.result.parts)):
        for name in ("at", "status"):
            first, again = (r.result.events[r.result.events["component"] == part][name] for r in (made, found))
            assert (first == again).all()
    assert (np.diff(found.result.events["at"]) >= 0).all()
    assert archive.pack(found, summarize(found).prices.document) == (folder / "run.npz").read_bytes()


def test_a_stored_run_keeps_its_prices(folder, monkeypatch):
    before = summarize(archive.restore(folder)).total.energy
    monkeypatch.setattr("accelsim.report.metrics.load_table", lambda *_: pytest.fail("the table of today was read"))
    assert summarize(archive.restore(folder)).total.energy == before


def test_a_run_that_was_stored_without_its_jobs_is_read_all_the_same(folder, tmp_path):
    old = damaged(folder, tmp_path, lambda said, arrays: (said.pop("about"), arrays.pop("jobs")))
    found = archive.restore(old)
    assert len(found.result.jobs) == 0 and found.result.total == record(2).result.total
    assert as_json(found, summarize(found))["critical"] == []


def damaged(folder, tmp_path, change):
    with np.load(folder / "run.npz") as held:
        arrays = dict(held)
    said = json.loads(arrays["record"].tobytes())
    change(said, arrays)
    if "record" in arrays:
        arrays["record"] = np.frombuffer(json.dumps(said).encode(), np.uint8)
    np.savez(tmp_path / "run.npz", **arrays)
    return tmp_path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda said, arrays: said.update(format="accelsim run 9"), "in the format 'accelsim run 9', and this version"),
        (lambda said, arrays: said.pop("parts"), "it is damaged (KeyError"),
        (lambda said, arrays: arrays.pop("record"), "run.npz: "),
        (lambda said, arrays: arrays.update(event_counts=arrays["event_counts"] + 1), "do not add up"),
        (lambda said, arrays: arrays.update(event_status=arrays["event_status"] + 4), "there is no such status"),
        (lambda said, arrays: arrays.update(jobs=np.full((1, len(JOB.names)), 99)), "a job names what there is not"),
        (lambda said, arrays: arrays.update(status=arrays["status"][:, 1:]), "it is damaged (ValueError"),
    ],
)
def test_damage_is_said(folder, tmp_path, change, said):
    with pytest.raises(InputError) as error:
        archive.restore(damaged(folder, tmp_path, change))
    assert said in str(error.value)


def test_half_a_file_and_none(folder, tmp_path):
    with pytest.raises(InputError, match="there is no such file, so that nothing can be drawn of"):
        archive.restore(tmp_path)
    (tmp_path / "run.npz").write_bytes((folder / "run.npz").read_bytes()[:-200])
    with pytest.raises(InputError, match="the file is truncated or corrupt"):
        archive.restore(tmp_path)
    with zipfile.ZipFile(tmp_path / "run.npz", "w") as archived:
        archived.writestr("notes.txt", "hello")
    with pytest.raises(InputError, match="every member must be one"):
        archive.restore(tmp_path)


def test_pictures_of_a_stored_run_by_suffix(folder, tmp_path):
    found = archive.restore(folder)
    summary = summarize(found)
    starts = {"png": b"\x89PNG", "pdf": b"%PDF-1.4", "svg": b"<?xml"}
    for suffix, start in starts.items():
        frame = Frame(size=(3.5, 2.5), parts=("gemm", "denser"), window=window("blocks.1.qkv", found))
        twice = [draw_one("timeline", found, summary, tmp_path / f"{n}.{suffix}", frame).read_bytes() for n in "ab"]
        assert twice[0].startswith(start) and twice[0] == twice[1]
    for kind in KINDS:
        assert draw_one(kind, found, summary, tmp_path / f"{kind}.svg").stat().st_size > 5000


def test_windows_are_cycles_or_layers(folder):
    found = archive.restore(folder)
    first, last = window("blocks.1", found)
    assert last == found.result.cycles() and 0 < first < last
    assert window("1,000:2_000", found) == (1000, 2000) and window("5:", found) == (5, last)
    with pytest.raises(InputError, match=r"'blocks.1.qk' is neither .* nor a layer of this run \(did you mean"):
        window("blocks.1.qk", found)


@pytest.mark.parametrize(
    ("kind", "frame", "said"),
    [
        ("timelin", {}, "there is no picture 'timelin' of a run (did you mean 'timeline'?)"),
        ("energy", {"parts": ("gemm",)}, "components cannot be chosen for the picture 'energy', only for timeline and"),
        ("timeline", {"parts": ("gem",)}, "there is no component 'gem' in this run (did you mean 'gemm'?)"),
        ("stalls", {"phase": "mpl"}, "there is no phase 'mpl' in this run (did you mean 'mlp'?)"),
        ("timeline", {"window": (9, 9)}, "the time window 9:9 must begin before its end"),
        ("timeline", {"size": (0.5, 3)}, "the size 0.5x3 must be of 1 to 60 inches each way"),
        ("timeline", {"dpi": 5}, "dpi is 5 but must be 20 to 1200"),
    ],
)
def test_what_a_picture_cannot_show_is_refused(folder, tmp_path, kind, frame, said):
    found = archive.restore(folder)
    with pytest.raises(InputError) as error:
        draw_one(kind, found, summarize(found), tmp_path / "a.png", Frame(**frame))
    assert str(error.value).startswith(said) and not (tmp_path / "a.png").exists()


def test_other_suffixes_and_sizes_are_refused(folder, tmp_path):
    found = archive.restore(folder)
    for name, said in (("a.jpg", "the suffix is '.jpg'"), ("a", "there is no suffix")):
        with pytest.raises(InputError, match=f"{said}, but a picture is written as one of .png, .pdf, .svg"):
            draw_one("timeline", found, summarize(found), tmp_path / name)
    with pytest.raises(InputError, match="must be WIDTHxHEIGHT in inches, such as 3.5x2.5"):
        size("3.5")


def test_stalls_of_a_phase_and_of_a_window(folder):
    from accelsim.report.plots.stalls import shares

    found = archive.restore(folder)
    summary = summarize(found)
    phase = next(p for p in summary.phases if p.phase == "attention")
    shown, _ = shares(found, summary, Frame(phase="attention", parts=("sparser",)))
    assert shown == {"sparser": {w: 100 * phase.activity["sparser"].share(w) for w in phase.activity["sparser"].status}}
    inside, _ = shares(found, summary, Frame(window=window("blocks.0.attention", found), parts=("sparser",)))
    only = next(s for s in summary.layers if s.name == "blocks.0.attention").activity["sparser"]
    assert inside["sparser"]["busy"] == pytest.approx(100 * only.share("busy"), abs=0.1)
