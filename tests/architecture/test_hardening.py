"""No file of somebody else is opened without hardening."""

from __future__ import annotations

import ast
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
OPENS = "dbtool/core/connection.py"
PRIVATE = {"", ":memory:"}
"""Databases of our own, which nobody else ever wrote."""


def test_connections_to_files_are_opened_in_one_place() -> None:
    for path in (TOP / "dbtool").rglob("*.py"):
        place = str(path.relative_to(TOP))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "apsw.Connection":
                name = node.args[0]
                ours = isinstance(name, ast.Constant) and name.value in PRIVATE
                assert ours or place == OPENS, f"{place}:{node.lineno}"
