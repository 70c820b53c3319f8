import re

import pytest

from accelsim.codesign.models import MODELS, model
from accelsim.core.errors import InputError
from accelsim.workload import load
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "workload-format.md").read_text()


def test_the_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    exec(compile(code, "docs/workload-format.md", "exec"), {})


def test_the_manifest_shown_is_one(tmp_path):
    (manifest,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    path = tmp_path / "shown.yaml"
    path.write_text(manifest)
    with pytest.raises(InputError, match=r"shown.yaml:12: file is 'deit_tiny_s90.npz', but there is none"):
        load(path)
    path.write_text(re.sub(r"arrays:\n(  .*\n)+", "", manifest).replace(", mask: true", ""))
    assert load(path).attention_layers == model("deit_tiny").attention_layers[:1]


def test_the_table_of_models_gives_their_macs():
    rows = dict(re.findall(r"^\| ((?:deit|levit)_\w+) \| ([\d.]+) \|", TEXT, re.MULTILINE))
    assert rows == {name: f"{sum(layer.macs for layer in model(name).layers) / 1e9:.3f}" for name in MODELS}
