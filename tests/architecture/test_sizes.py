"""Sizes that keep files and functions readable in one sitting."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
MODULES = sorted((TOP / "dbtool").rglob("*.py"))

LONGEST_MODULE = 400
LONGEST_FUNCTION = 40


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_a_module_can_be_read_in_one_sitting(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_MODULE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_a_function_fits_the_screen(path: Path) -> None:
    too_long = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            lines = (node.end_lineno or 0) - body_begins(node) + 1
            if lines > LONGEST_FUNCTION:
                too_long[node.name] = lines
    assert not too_long


def body_begins(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the first line after signature and docstring; options of a command are no code."""
    first = node.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(node.body) > 1:
        return node.body[1].lineno
    return first.lineno
