"""Patterns of masks: their grammar, what they keep, and how they are stored."""

import numpy as np
import pytest
from typer.testing import CliRunner

from accelsim import cli
from accelsim.codesign.synthetic import window_masks
from accelsim.core.errors import InputError
from accelsim.workload import Attention, AttentionMask, Workload, load, save
from accelsim.workload.pattern import WindowPattern
from accelsim.workload.windowed import windowed

TEXTS = (
    "window:31", "window:4,dilation=3", "window:9,globals=2", "window:7x5,grid=3x4", "window:3x3,dilation=2,globals=1",
)  # fmt: skip


def by_hand(pattern: WindowPattern, tokens: int) -> np.ndarray:
    """Score by score."""
    kept = np.zeros((tokens, tokens), bool)
    outside = tokens - pattern.grid[0] * pattern.grid[1] if pattern.grid else 0
    for i in range(tokens):
        if len(pattern.window) == 1:
            for t in range(pattern.window[0]):
                j = i + (t - pattern.window[0] // 2) * pattern.dilation
                if 0 <= j < tokens:
                    kept[i, j] = True
        elif i >= outside:
            high, wide = pattern.grid
            y, x = divmod(i - outside, wide)
            for a in range(pattern.window[0]):
                for b in range(pattern.window[1]):
                    v = y + (a - pattern.window[0] // 2) * pattern.dilation
                    h = x + (b - pattern.window[1] // 2) * pattern.dilation
                    if 0 <= v < high and 0 <= h < wide:
                        kept[i, outside + v * wide + h] = True
    for i in range(tokens):
        for j in range(tokens):
            kept[i, j] |= i < pattern.globals or j < pattern.globals
    return kept


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_a_pattern_and_back(text):
    made = WindowPattern.parse(text)
    assert str(made) == text and WindowPattern.parse(str(made)) == made
    assert WindowPattern.of(made.entry()) == made


@pytest.mark.parametrize(
    ("pattern", "tokens"),
    [
        (WindowPattern((5,)), 12), (WindowPattern((4,), 3, 2), 20), (WindowPattern((1,)), 1), (WindowPattern((99,)), 7),
        (WindowPattern((3, 5), 1, 0, (4, 6)), 24), (WindowPattern((3, 3), 2, 2, (4, 5)), 22),
        (WindowPattern((2, 2), 1, 9, (2, 3)), 7),
    ],
)  # fmt: skip
def test_what_a_pattern_keeps(pattern, tokens):
    assert (pattern.keep(tokens) == by_hand(pattern, tokens)).all()


def test_the_grid_is_the_square_of_the_last_tokens():
    for tokens, grid in ((16, (4, 4)), (17, (4, 4))):
        whole = WindowPattern((3, 3), 1, tokens - 16)
        assert (whole.keep(tokens) == WindowPattern((3, 3), 1, tokens - 16, grid).keep(tokens)).all()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("window:7y7", "'7y7' is no number, or two as in 7x7: a pattern is window:W or window:VxH"),
        ("window:", "'' is no number"),
        ("window:0", "window is 0 but must be a whole number from 1 to 65536"),
        ("window:3,dilation=0", "dilation is 0 but must be"),
        ("window:3,gloabls=1", "has 'gloabls=1' (did you mean 'globals'?)"),
        ("window:3,globals=1,globals=2", "says globals twice"),
        ("window:3,grid=4x4", "grid is (4, 4) but must be two numbers, beside a window of two"),
        ("window:3x3,grid=4", "grid is (4,) but must be two numbers"),
        ("band:3", "does not begin with 'window:'"),
    ],
)
def test_a_text_that_is_no_pattern(text, problem):
    with pytest.raises(InputError) as error:
        WindowPattern.parse(text)
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("text", "tokens", "problem"),
    [
        ("window:3x3", 12, "12 tokens are no square of patches, with a class token or without; say grid=VxH"),
        ("window:3x3", 17, "leaves 1 of 17 tokens that are not on it, and 0 are global"),
        ("window:3x3,grid=5x5", 17, "a grid of 5 x 5 patches leaves -8 of 17 tokens"),
    ],
)
def test_tokens_that_are_not_of_the_grid(text, tokens, problem):
    with pytest.raises(InputError) as error:
        WindowPattern.parse(text).keep(tokens)
    assert problem in str(error.value)


def small(mask: AttentionMask) -> Workload:
    return Workload("small", "m", (Attention("a", "b", 2, 17, 17, 4, 4),), {"a": mask})


def test_a_file_has_the_pattern_and_no_array(tmp_path):
    pattern = WindowPattern((3, 3), 1, 1)
    work = small(AttentionMask.of_pattern(pattern, 2, 17))
    path = save(work, tmp_path / "small.yaml")
    text = path.read_text()
    assert "version: 4" in text and "pattern: {window: [3, 3], globals: 1}}" in text and "mask: true" not in text
    assert not (tmp_path / "small.npz").exists()
    again = load(path)
    assert again.hash == work.hash and again.masks["a"].pattern == pattern
    assert (again.masks["a"].keep == work.masks["a"].keep).all()
    assert again.masks["a"].global_tokens.tolist() == [1, 1]
    assert small(AttentionMask(work.masks["a"].keep, work.masks["a"].order, np.ones(2, int))).hash != work.hash


def test_a_file_may_have_both_and_they_must_agree(tmp_path):
    pattern = WindowPattern((5,))
    made = AttentionMask.of_pattern(pattern, 2, 17)
    work = small(AttentionMask(made.keep, made.order[:, ::-1], np.array([3, 4]), pattern))
    path = save(work, tmp_path / "both.yaml")
    assert load(path).hash == work.hash and "mask: true" in path.read_text()
    path.write_text(path.read_text().replace("pattern: {window: 5}", "pattern: {window: 3}"))
    with pytest.raises(InputError, match=r"keep is not its pattern window:3: they differ at row 0, column 2 of head 0"):
        load(path)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("version: 4", "version: 3", "patterns are of files of version 4, but this one is of version 3; say 4."),
        ("{window: 5}", "7", "pattern is 7 but must be a mapping such as {window: 31, globals: 1}."),
        ("{window: 5}", "{windw: 5}", "pattern has no entry 'windw' (did you mean 'window'?)."),
        ("{window: 5}", "{dilation: 5}", "pattern lacks 'window'."),
        ("{window: 5}", "{window: -1}", "pattern: window is -1 but must be a whole number from 1 to 65536."),
        ("{window: 5}", "{window: [1, 2, 3]}", "must be one number, or two of a grid"),
        ("{window: 5}", "{window: {a: 1}}", "must be a number or two."),
        ("{window: 5}", "{window: [a, b]}", "window is 'a' but must be a whole number"),
        ("q_tokens: 17", "q_tokens: 9", "but there are 9 queries and 17 keys."),
    ],
)
def test_a_bad_pattern_is_refused_with_its_line(tmp_path, old, new, problem):
    path = save(small(AttentionMask.of_pattern(WindowPattern((5,)), 2, 17)), tmp_path / "bad.yaml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(InputError) as error:
        load(path)
    assert problem in str(error.value) and f"{path}:" in str(error.value)


def test_a_network_with_other_masks():
    pattern = WindowPattern((9,), 1, 1)
    work = window_masks("levit_128", pattern)
    assert work.name == "levit_128_w9g1" and work.synthetic
    assert {work.layer(name).q_tokens for name in work.masks} == {196, 49, 16}
    assert work.provenance["masks"] == (
        "window:9,globals=1: the pattern, not a trained network; accuracy unknown; 2 layers of fewer queries than keys "
        "are dense"
    )
    only = Workload("w", "m", (Attention("a", "b", 1, 4, 9, 4, 4),))
    with pytest.raises(InputError, match="has no attention layer whose tokens see each other"):
        windowed(only, pattern)


def test_the_command_line_says_what_it_needs():
    done = CliRunner(env={"COLUMNS": "300"}).invoke(
        cli.app, ["synth", "deit_tiny", "--masks", "window:3", "--sparsity", "0.9"]
    )
    assert done.exit_code == 2 and "synth deit_tiny has --sparsity and --masks: give --sparsity 0.9" in done.output
