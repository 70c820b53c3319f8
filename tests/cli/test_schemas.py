"""`accelsim schema`: what is printed and written is a schema, and a machine is named by itself or a configuration."""

import json


def test_a_schema_is_printed_or_written(call, tmp_path):
    printed = call("schema", "machine", "vitcod")
    assert printed.exit_code == 0
    made = json.loads(printed.stdout)
    assert made["properties"]["machine"]["const"] == "vitcod"
    done = call("schema", "machine", "vitcod_dense", "-o", tmp_path / "v.json")
    assert done.stdout.endswith("v.json: JSON Schema of machine files\n")
    assert json.loads((tmp_path / "v.json").read_text()) == made
    axes = json.loads(call("schema", "sweep", "vitcod").stdout)["properties"]["axes"]["properties"]
    assert {"engine.lines", "heads", "clocks.core", "dram.model", "sparsity"} <= axes.keys()
    assert "array.rows" not in axes and "array.rows" in json.loads(call("schema", "sweep").stdout)[
        "properties"]["axes"]["properties"]  # fmt: skip


def test_a_mistake_is_a_sentence(call):
    done = call("schema", "swep")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "error: there is a schema of machine and of sweep files, not 'swep' (did you mean 'sweep'?)\n"
    assert "no machine configuration of this name" in call("schema", "machine", "vitcot").stderr
