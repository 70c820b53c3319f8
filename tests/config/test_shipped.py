"""Finding what comes with the package."""

import pytest

import accelsim
from accelsim.config import shipped
from accelsim.core import InputError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An accelsim laid out as in a source tree, with two workloads and no machine."""
    (tmp_path / "accelsim").mkdir()
    (tmp_path / "workloads").mkdir()
    (tmp_path / "arch_configs").mkdir()
    for name in ("deit_tiny_s90", "deit_tiny_s95"):
        (tmp_path / "workloads" / f"{name}.yaml").write_text("")
        (tmp_path / "workloads" / f"{name}.npz").write_text("")
    monkeypatch.setattr(accelsim, "__file__", str(tmp_path / "accelsim" / "__init__.py"))
    monkeypatch.chdir(tmp_path / "accelsim")
    return tmp_path


def test_names_are_found_beside_the_package(package):
    assert list(shipped.listing("workloads")) == ["deit_tiny_s90", "deit_tiny_s95"]
    for name in ("deit_tiny_s95", "deit_tiny_s95.yaml"):
        assert shipped.find("workloads", name) == package / "workloads" / "deit_tiny_s95.yaml"


def test_names_are_found_inside_an_installed_package(package):
    inside = package / "accelsim" / "data" / "workloads"
    inside.mkdir(parents=True)
    (inside / "mine.yaml").write_text("")
    assert shipped.listing("workloads") == {"mine": inside / "mine.yaml"}


def test_an_existing_file_wins_and_a_folder_does_not(package):
    (package / "accelsim" / "deit_tiny_s90").write_text("")
    (package / "accelsim" / "deit_tiny_s95").mkdir()
    assert str(shipped.find("workloads", "deit_tiny_s90")) == "deit_tiny_s90"
    assert shipped.find("workloads", "deit_tiny_s95").parent.name == "workloads"
    assert shipped.find("workloads", package / "workloads" / "deit_tiny_s90.npz").suffix == ".npz"


@pytest.mark.parametrize(
    ("kind", "name", "sentence"),
    [
        ("workloads", "deit_tiny_s59", "'deit_tiny_s59': there is no such file and no workload of this name; "
         "shipped are deit_tiny_s90, deit_tiny_s95 (did you mean 'deit_tiny_s95'?)"),
        ("workloads", "at/deit_tiny_s90", "'at/deit_tiny_s90': there is no such file and no workload of this name;"
         " shipped are deit_tiny_s90, deit_tiny_s95 (did you mean 'deit_tiny_s90'?)"),
        ("workloads", "", "'': there is no such file and no workload of this name; "
         "shipped are deit_tiny_s90, deit_tiny_s95"),
        ("workloads", "x" * 5000, f"'{'x' * 41}...{'x' * 14}': there is no such file and no workload of this name; "
         "shipped are deit_tiny_s90, deit_tiny_s95"),
        ("arch_configs", "vitcod",
         "'vitcod': there is no such file and no machine configuration of this name; and none is shipped"),
    ],
)  # fmt: skip
def test_what_is_not_there(package, kind, name, sentence):
    with pytest.raises(InputError) as error:
        shipped.find(kind, name)
    assert str(error.value) == sentence
