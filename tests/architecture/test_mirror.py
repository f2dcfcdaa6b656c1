"""Tests mirror the package: every module has its test file, every test file its module."""

from __future__ import annotations

from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
APART = {"architecture", "crash", "properties", "benchmarks", "golden", "compat", "fixtures"}
"""Folders of tests that are about more than one module."""


def modules() -> set[str]:
    """Return every module with code, as `folder/name`."""
    names = set()
    for path in (TOP / "dbtool").rglob("*.py"):
        relative = path.relative_to(TOP / "dbtool")
        if relative.name != "__init__.py":
            names.add(str(relative.with_suffix("")))
    return names


def about() -> set[str]:
    """Return what the test files are about, in the same way."""
    names = set()
    for path in (TOP / "tests").rglob("test_*.py"):
        relative = path.relative_to(TOP / "tests")
        if relative.parts[0] not in APART:
            name = relative.stem.removeprefix("test_")
            names.add(
                str(
                    relative.with_name(
                        "__main__" if name == "main" and len(relative.parts) == 1 else name
                    )
                )
            )
    return names


def test_every_module_has_its_test_file() -> None:
    assert modules() - about() == set()


def test_every_test_file_has_its_module() -> None:
    assert about() - modules() == set()
