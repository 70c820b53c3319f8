"""Traces and standards as they come: other formats, damaged, endless, with numbers that are none."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelsim.components.dram.replay import replay_file
from accelsim.components.dram.standard import FOLDER, load_standard
from accelsim.components.dram.traces import read_trace
from accelsim.core.errors import InputError

DDR4 = (FOLDER / "ddr4_2400_reference.yaml").read_text()
ROW = "constraints: [{{after: RD, before: WR, level: rank, clocks: {}}}]\npower:"


def test_the_first_ramulators_format_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.trace"
    path.write_text("\ufeff0x1a2b3c40 R\n4096 W\n", encoding="utf-8")
    arrival, address, is_write = (column.tolist() for column in read_trace(path))
    assert (arrival, address, is_write) == ([0, 0], [0x1A2B3C40, 4096], [False, True])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"0,64,R\n1,128,W\n", ":1: no address of the trace says that it is hexadecimal"),
        (b"cycle,addr,op\n0,0,R\n1,128,W\n", ":3: no address of the trace says"),
        (b"1_0,0x40,R\n", ":1: cycle is '1_0'"),
        ("٣,0x40,R\n".encode(), ":1: cycle is"),
        (b"0,0x4_0,R\n", ":1: address is '0x4_0'"),
        (b"9999999999999,0x40,R\n", ":1: cycle is '9999999999999': it must be a decimal number from 0 to 2**40"),
        (b"0" * 5000, ":1: the line has more than 1000 characters"),
        (b"0,0x40,R\xff\n", ": the trace cannot be read: it is not UTF-8"),
    ],
)
def test_a_trace_that_is_none_is_refused(tmp_path, data, sentence):
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(InputError) as error:
        read_trace(path)
    assert str(error.value).startswith(f"{path}{sentence}") and len(str(error.value)) < 400


def test_addresses_of_which_one_shows_the_base_are_hexadecimal(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("0,40,R\n1,1fc0,W\n")
    assert read_trace(path).address.tolist() == [0x40, 0x1FC0]


def test_a_damaged_and_an_endless_archive(tmp_path):
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress(b"".join(b"%d,0x%x,R\n" % (n, 64 * n) for n in range(4000)))
    for damaged in (whole[:-9], whole[:500] + bytes(50) + whole[550:], whole[:3], b"\x1f\x8b"):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="the trace cannot be read"):
            read_trace(path)
    path.write_bytes(gzip.compress((b"#" * 99 + b"\n") * 1_400_000))  # 140 MB of lines as long as they come
    with pytest.raises(InputError, match="more text than its size can mean"):
        read_trace(path)


@given(st.binary(max_size=80), st.sampled_from(["a.csv", "a.csv.gz"]))
def test_any_bytes_are_a_trace_or_one_sentence(tmp_path_factory, data, name):
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    try:
        read_trace(path)
    except InputError as error:
        assert str(error).startswith(str(path)) and "\n" not in str(error)


@pytest.mark.parametrize(
    "value", ["inf ns", "nan ns", "-3 ns", "-3", "0", "1e400 ns", "9223372036854775808", "1_7", "²", "[1]"]
)
def test_times_are_finite_positive_numbers(tmp_path, value):
    path = tmp_path / "s.yaml"
    path.write_text(DDR4.replace("tRCD: 17", f"tRCD: {value}"), encoding="utf-8")
    with pytest.raises(InputError, match=r"s\.yaml:\d+: timing\.tRCD (is|must)"):
        load_standard(path)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("rows: 65536", "rows: 1099511627776", r"organization\.rows is '1099511627776'"),
        ("ranks: 1", "ranks: 1073741824", r"organization\.ranks is"),
        ("power:", ROW.format("1+" * 300 + "1"), "clocks is"),
        ("power:", ROW.format("9_9"), "clocks is '9_9'"),
        ("power:", ROW.format("3, window: 99999"), "window is"),
        ("VDD: 1.2", "VDD: .inf", r"power\.VDD is '\.inf'"),
        ("tRCD: 17", "tRCD: {", "not valid YAML"),
        ("tRCD: 17", "tRCD: &a 17", "anchors and aliases"),
    ],
)
def test_sizes_and_rules_are_bounded(tmp_path, old, new, sentence):
    path = tmp_path / "s.yaml"
    assert old in DDR4
    path.write_text(DDR4.replace(old, new))
    with pytest.raises(InputError, match=rf"s\.yaml:\d+: .*{sentence}") as error:
        load_standard(path)
    assert "\n" not in str(error.value)


def test_a_standard_is_looked_at_before_a_long_trace_is_read(tmp_path):
    (tmp_path / "s.yaml").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"s\.yaml:1: the standard cannot be read"):
        replay_file(tmp_path / "none.csv", standard=str(tmp_path / "s.yaml"))
