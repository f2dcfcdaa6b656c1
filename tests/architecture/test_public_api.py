"""The public names: complete, importable, typed and documented."""

from __future__ import annotations

import ast
import inspect
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import dbtool

TOP = Path(__file__).resolve().parents[2]
NAMES = [name for name in dbtool.__all__ if name != "__version__"]


def test_all_is_sorted_and_names_each_thing_once() -> None:
    assert list(dbtool.__all__) == sorted(set(dbtool.__all__))


@pytest.mark.parametrize("name", NAMES)
def test_each_public_name_can_be_had_and_is_public_at_home(name: str) -> None:
    home = import_module(dbtool._HOME[name])
    assert getattr(dbtool, name) is getattr(home, name)
    assert name in home.__all__


@pytest.mark.parametrize("name", [name for name in NAMES if name != "SnapshotId"])
def test_each_public_name_has_a_docstring(name: str) -> None:
    assert inspect.getdoc(getattr(dbtool, name))


def test_the_names_for_type_checkers_are_the_public_ones() -> None:
    tree = ast.parse((TOP / "dbtool/__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.asname or alias.name
        for block in tree.body
        if isinstance(block, ast.If)
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    assert typed == set(NAMES)


def test_the_version_is_that_of_the_project_file() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert dbtool.__version__ == project["version"]


def test_dir_shows_names_before_they_are_imported() -> None:
    assert set(dbtool.__all__) <= set(dir(dbtool))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_thing"):
        _ = dbtool.no_such_thing


def test_public_methods_of_the_repository_are_annotated() -> None:
    for name, method in inspect.getmembers(dbtool.Repository, inspect.isfunction):
        if not name.startswith("_"):
            assert "return" in method.__annotations__, name
