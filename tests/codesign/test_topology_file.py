"""How SCALE-Sim's topology files are read: the many ways to write one, and every refusal."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accelsim.codesign.import_topology import import_topology
from accelsim.codesign.topology_file import LARGEST_FILE, LARGEST_SIZE, LONGEST_NAME, MOST_LAYERS
from accelsim.core.errors import InputError
from accelsim.workload import load, save
from tests.codesign.topologies import CONVOLUTIONS, GEMMS, gemm, made


@pytest.mark.parametrize(
    "text",
    [
        "Layer,M,N,K\nTest 1,256,128,512\n",
        "\ufeffLayer , M,\tN , K ,\r\n\r\n\tTest 1  , 256,128 ,512 ,\r\n",
        "layer name,m,n,k,,,\n,,,,,\n  \nTest 1, 0256, 128, 512,#first, and so on,",
        "whatever, rows, columns, depth\rTest 1,256,128,512, ,\r",
    ],
)
def test_files_are_written_in_many_ways(tmp_path, text):
    assert made(tmp_path, text).layers == (gemm("Test 1", 256, 512, 128),)


def test_names_are_kept(tmp_path):
    names = [
        "conv1_1",
        "e1",
        "deit_t.qkv",
        "a/b",
        "1",
        "null",
        "a: {b}",
        "- é",
        "1e3",
        "'",
        "#4",
        "深い",
        "~",
        "=",
        "<<",
    ]
    workload = made(tmp_path, GEMMS + "".join(f"{name},1,2,3,\n" for name in names))
    assert [layer.name for layer in load(save(workload, tmp_path / "net.yaml")).layers] == names


def refusals():
    size = r"but must be a whole number from 1 to 2147483647, in the digits 0 to 9"
    layer = "net.csv:2: layer 'a': "
    for text, meant in {
        "0": "", "-4": "", "2147483648": "", "9" * 400: "", "": "", "NaN": "", "inf": "", "4.5": "", "0x10": "",
        "1e3": "1000", "1_000": "1000", "64.0": "64", '"64"': "64", "+64": "64", "\u0661\u0662": "12", "\uff16": "6",
    }.items():  # fmt: skip
        shown = text if len(text) <= 60 else text[:60] + "..."
        suggestion = re.escape(f" (did you mean {meant}?)" if meant else "")
        found = re.escape(f"{layer}N is {shown!r} ") if text == shown else rf"{layer}N is '9+\.\.\..*' "
        yield GEMMS + f"a,1,{text},3,", found + size + suggestion + r"\.$"
    columns = r"\(layer name, M, N, K\)"
    yield "", r"net.csv: the file is empty, but a topology begins with a header such as 'Layer,M,N,K,'\.$"
    yield " \r\n,,,\n", "net.csv: the file is empty"
    yield GEMMS, r"net.csv: there is a header but no layer; add rows such as 'layer1,64,64,64,'\.$"
    yield CONVOLUTIONS, "add rows such as 'layer1,64,64,64,64,64,64,64,'"
    yield "a,1,2,3,\nb,1,2,3,", r"net.csv:1: the first line must be a header such as 'Layer,M,N,K,' but is a layer"
    yield "Layer,\na,1,2,3,", r"net.csv:1: the header has 1 column but a GEMM topology has layer name, M, N, K, and a"
    yield "a,b,c,d,e,f,g\n", "net.csv:1: the header has 7 columns but"
    yield (
        "Layer,M,K,N\na,1,2,3,",
        r"net.csv:1: column 3 is 'K' and N is column 4, but SCALE-Sim reads layer name, M, N, K",
    )
    yield (
        CONVOLUTIONS.replace("Channels, Num Filter", "Num Filters, channels"),
        "net.csv:1: column 6 is 'Num Filters' and channels is column 7, but",
    )
    yield (
        "name,M,N,K,dataflow\na,1,2,3,os",
        (
            r"net.csv:1: column 5 is 'dataflow', but beside layer name, M, N, K a GEMM topology may only have Sparsity "
            r"and Batch; remove the column\.$"
        ),
    )
    yield "name,M,N,K,Sparsity,sparsity\na,1,2,3,1:1,1:1", "net.csv:1: column 6 is 'sparsity', but beside"
    yield CONVOLUTIONS.strip() + " Target", "net.csv:1: column 9 is 'Target', but beside layer name, IFMAP height"
    yield GEMMS + "\na,1,2,", rf"net.csv:3: the row has 3 columns but the header 4 {columns}; K is missing\.$"
    yield GEMMS + "AlphaGoZero,", "net.csv:2: the row has 1 column but the header 4"
    yield (
        GEMMS + "a,1,2,3,4,#dw",
        (
            rf"net.csv:2: the row has 6 columns but the header 4 {columns}; remove '4' and what follows, or let it "
            r"begin with '#'\.$"
        ),
    )
    yield (
        GEMMS + "a,1,2,3,\n\nb,1,2,3,\na,4,5,6,",
        r"net.csv:5: the layer name 'a' is taken by line 2, but layer names must differ; rename one of the two\.$",
    )
    yield GEMMS + ",1,2,3,", r"net.csv:2: the layer has no name; give it one in the first column\."
    yield (
        GEMMS + '"a",1,2,3,',
        r"""net.csv:2: the layer name '"a"' has a quotation mark, but a topology quotes nothing""",
    )
    yield GEMMS + "a\x1b[1m,1,2,3,", r"the layer name 'a\\x1b\[1m' has the character U\+001B, which cannot be printed"
    yield GEMMS + "a\u2028b,1,2,3,", r"has the character U\+2028, which cannot be printed"
    yield (
        GEMMS + "x" * 1_000_000 + ",1,2,3,",
        r"net.csv:2: the layer name 'x+\.\.\..*' has 1000000 characters but may have 200; shorten it\.$",
    )
    yield GEMMS + "y" * 1_000_000, "net.csv:2: the row has 1 column but the header 4"
    yield GEMMS + "a,1,2,3" + ",z" * 500_000, "net.csv:2: the row has 500004 columns but the header 4"
    yield GEMMS + "a,9000000000,1,1", f"{layer}M is '9000000000' but"
    yield (
        GEMMS + f"a,{LARGEST_SIZE},{LARGEST_SIZE},3",
        (
            f"net.csv:2: layer 'a' has {3 * LARGEST_SIZE**2} multiply-accumulates but may have {2**63 - 1}; make it "
            "smaller"
        ),
    )
    for sparsity in ("", "2", "a:b", "0:4", "1:", "50%"):
        message = rf"{layer}sparsity is '{sparsity}' but must be two counts such as 1:1\.$"
        yield f"n,M,N,K,Batch,Sparsity\na,1,2,3,1,{sparsity}", message if sparsity else "sparsity is missing"
    yield (
        "n,M,N,K,Sparsity\na,1,2,3,2:4",
        rf"{layer}sparsity is '2:4' but only dense layers can be imported; write 1:1 to take the layer as dense\.$",
    )
    yield "n,M,N,K,Batch\na,1,2,3,0", f"{layer}batch is '0' but"
    yield (
        CONVOLUTIONS.strip() + "Batch\na,9,9,3,3,1,1,1,2",
        rf"{layer}batch is 2 but the layers of a workload are those of one image; write 1\.$",
    )
    yield CONVOLUTIONS + "a,9,9,3,3,1,1,0", f"{layer}strides is '0' but must be"
    yield (
        CONVOLUTIONS + "a,5,9,7,3,1,1,1",
        (
            rf"{layer}filter height is 7 but IFMAP height only 5; a filter must fit its input, whose sizes include the "
            r"padding\.$"
        ),
    )
    yield CONVOLUTIONS + "a,9,5,7,7,1,1,1", f"{layer}filter width is 7 but IFMAP width only 5"
    yield CONVOLUTIONS + "a,60000,60000,1,1,1,1,1", "layer 'a': tokens is 3600000000 but must be at most 2147483647"
    yield CONVOLUTIONS + "a,60000,60000,60000,60000,1,1,1", "layer 'a': in_features is 3600000000 but must be at most"
    not_text = "but a topology is text in UTF-8; save it as CSV in UTF-8"
    yield GEMMS.encode() + b"a\xff,1,2,3", rf"net.csv:2: the file has the byte 0xff, which is not UTF-8, {not_text}\.$"
    yield GEMMS.encode("utf-16"), "net.csv:1: the file has the byte 0xff, which is not UTF-8"
    yield b"\x7fELF\x02\n\0", f"net.csv:2: the file has a zero byte, {not_text}"
    yield b"\n" * (LARGEST_FILE + 1), r"net.csv: the file has more than 4 MiB, which no topology needs\.$"
    many = "".join(f"l{i},1,1,1\n" for i in range(MOST_LAYERS + 1))
    yield GEMMS + many, rf"net.csv:{MOST_LAYERS + 2}: the file has more than 10000 layers; split it\.$"


@pytest.mark.parametrize("text, message", list(refusals()), ids=lambda value: repr(value)[:40])
def test_a_file_that_is_wrong_is_refused_in_one_sentence(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        made(tmp_path, text)
    assert str(caught.value).startswith(str(tmp_path / "net.csv"))
    assert len(str(caught.value)) < len(str(tmp_path)) + 350 and str(caught.value).isprintable()


def test_the_most_layers_and_the_longest_name_are_taken(tmp_path):
    text = GEMMS + "".join(f"l{i},1,1,1\n" for i in range(MOST_LAYERS - 1)) + "n" * LONGEST_NAME + ",1,1,1"
    assert len(made(tmp_path, text).layers) == MOST_LAYERS


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none.csv: no such topology file\.$"):
        import_topology(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r": this is a folder; give the .csv file of a topology\.$"):
        import_topology(tmp_path)
    with pytest.raises(InputError, match=r"/dev/zero: this is no regular file; give"):
        import_topology("/dev/zero")
    with pytest.raises(InputError, match=r"the name of the file becomes the workload's and must be printable"):
        import_topology(tmp_path / "a\nb.csv")


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode), st.sampled_from((b"", GEMMS.encode(), b"x," * 8)))
@settings(max_examples=100, deadline=None)
def test_anything_else_is_a_workload_or_a_sentence(tmp_path_factory, rest, header):
    folder = tmp_path_factory.mktemp("anything")
    try:
        workload = made(folder, header + rest)
    except InputError as error:
        assert str(error).startswith(str(folder / "net.csv")) and str(error).endswith(".")
    else:
        assert load(save(workload, folder / "net.yaml")).layers == workload.layers
