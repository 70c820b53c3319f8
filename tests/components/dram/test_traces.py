"""Trace files: the three formats, and what is wrong with a file, by line."""

import gzip

import pytest

from accelsim.components.dram.traces import read_trace
from accelsim.core.errors import InputError


def as_lists(trace):
    return trace.arrival.tolist(), trace.address.tolist(), trace.is_write.tolist()


@pytest.mark.parametrize(
    "text",
    [
        "# a comment\ncycle,addr,op\n0,40,R\n\n7, 1fc0 ,W\n",
        "0x40 READ 0\n0x1FC0 WRITE 7\n",
        "0x40 P_MEM_RD 0\n# half way\n0x1fc0 P_MEM_WR 7\n",
    ],
)
def test_formats_with_cycles(tmp_path, text):
    path = tmp_path / "a.trace"
    path.write_text(text)
    assert as_lists(read_trace(path)) == ([0, 7], [0x40, 0x1FC0], [False, True])
    packed = tmp_path / "a.trace.gz"
    packed.write_bytes(gzip.compress(text.encode()))
    assert as_lists(read_trace(packed)) == as_lists(read_trace(path))


def test_load_store_traces_arrive_at_once_in_decimal_or_hexadecimal(tmp_path):
    path = tmp_path / "b.trace"
    path.write_text("LD 64\nST 0x1fc0\n")
    assert as_lists(read_trace(path)) == ([0, 0], [64, 0x1FC0], [False, True])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0,40,R\n5,zz,R\n", ":2: address is 'zz': it must be a hexadecimal number from 0 to 2**62 - 1."),
        ("0,40,R\n5,-40,R\n", ":2: address is '-40': it must be a hexadecimal number"),
        (
            "0,ffffffffffffffff,R\n",
            ":1: address is 'ffffffffffffffff': it must be a hexadecimal number from 0 to 2**62",
        ),
        ("0,40,R\nx,40,R\n", ":2: cycle is 'x': it must be a decimal number from 0"),
        ("0,40,Q\n", ":1: 'Q' is no kind of request: expected R or W, READ or WRITE, LD or ST."),
        ("5,40,R\n4,40,R\n", ":2: cycle 4 comes after cycle 5: cycles must not decrease."),
        ("5,40,R\n0x40 READ 6\n", ":2: '0x40 READ 6' is not in the format of the lines before it."),
        ("hello\n", ":1: 'hello' is no request: expected 'cycle,addr,op'"),
        ("LD 0x\n", ":1: address is '0x': it must be a hexadecimal number"),
        ("# nothing\n", ": the trace holds no request."),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path, text, sentence):
    path = tmp_path / "c.trace"
    path.write_text(text)
    with pytest.raises(InputError) as e:
        read_trace(path)
    assert str(e.value).startswith(f"{path}{sentence}")


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match="none.csv: the trace cannot be read: No such file or directory"):
        read_trace(tmp_path / "none.csv")
    bad = tmp_path / "bad.gz"
    bad.write_text("0,40,R\n")
    with pytest.raises(InputError, match="bad.gz: the trace cannot be read: Not a gzipped file"):
        read_trace(bad)
