"""`accelsim plot` of a result folder."""

import pytest


def test_a_result_is_drawn_again_by_suffix(call, result, tmp_path):
    done = call("plot", result, "-o", tmp_path / "a.pdf", "--size", "3.5x2.5", "--component", "denser")
    assert (done.exit_code, done.stdout) == (0, f"{tmp_path / 'a.pdf'}: written\n")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    assert call("plot", result, "stalls", "-o", tmp_path / "s.svg", "--phase", "attention").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "a.jpg"], "error: a.jpg: the suffix is '.jpg', but a picture is written as one of .png, .pdf, .svg"),
        (["--metric", "cycles"], "error: --metric is for a store, and "),
        (["roofline", "--component", "dma"], "error: components cannot be chosen for the picture 'roofline'"),
        (["--window", "block7"], "error: the time window 'block7' is neither FROM:TO in core cycles nor a layer"),
        (["--size", "big"], "error: the size 'big' must be WIDTHxHEIGHT in inches"),
    ],
)
def test_what_cannot_be_drawn_is_said(call, result, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    done = call("plot", result, *arguments)
    assert done.exit_code == 2 and done.stderr.startswith(said)
    assert not list(tmp_path.iterdir())


def test_other_sources_are_said(call, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "there is no such file, so that nothing can be drawn" in call("plot", tmp_path / "empty").stderr
    assert "say which picture of the store to draw" in call("plot", tmp_path / "s.db").stderr


def test_completion_scripts_are_offered(call):
    assert "--install-completion" in call("--help").stdout


def test_two_runs_are_laid_over_one_another_as_a_column_of_a_paper(call, result, work, tmp_path):
    assert call("run", "vitcod", work, "-o", tmp_path / "b", "--no-plots", "--set", "heads=serial").exit_code == 0
    done = call("plot", result, tmp_path / "b", "--paper", "column", "-o", tmp_path / "o.svg")
    text = (tmp_path / "o.svg").read_text()
    assert done.exit_code == 0, done.stderr
    assert 'width="252pt"' in text and "<!-- denser A -->" in text and "core cycles, B" not in text
    assert call("plot", result, tmp_path / "b", "--window", "attention", "-o", tmp_path / "p.svg").exit_code == 0
    text = (tmp_path / "p.svg").read_text()
    assert "since the start of attention" in text and "A: " in text
    assert call("plot", result, "stalls", "--phase", "all", "-o", tmp_path / "q.svg").exit_code == 0
    assert "of the run -->" in (tmp_path / "q.svg").read_text()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["stalls"], "error: two runs are drawn as a timeline, not as stalls"),
        (["timeline", "again"], "error: 'again' is one word too many"),
        (["--paper", "colum"], "error: --paper is 'colum' (did you mean 'column'?)"),
        (["--paper", "page", "--size", "3x3"], "error: --paper says how wide a picture is, and --size too"),
        (["--component", "densor"], "error: there is no component 'densor' in these runs (did you mean 'denser'?)"),
    ],
)
def test_what_two_runs_cannot_show_is_said(call, result, tmp_path, monkeypatch, more, said):
    monkeypatch.chdir(tmp_path)
    done = call("plot", result, result, *more)
    assert done.exit_code == 2 and done.stderr.startswith(said), done.stderr
