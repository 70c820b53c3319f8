"""Fixtures for configuration files."""

import pytest


@pytest.fixture
def write(tmp_path):
    def written(text, name="x.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written
