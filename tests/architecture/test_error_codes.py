"""Error codes: each one documented with the exit code of its class, and none too many."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dbtool import errors
from dbtool.cli.error_codes import ERROR_CODES
from dbtool.cli.failure import EXIT_CODES

TOP = Path(__file__).resolve().parents[2]
CLASSES = {name: getattr(errors, name).exit_code for name in errors.__all__}
KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")

COMPUTED = {"wrong-password", "wrong-key-file", "wrong-recovery-key"}
"""Put together from the kind of the key."""


def raised() -> Iterator[tuple[str, int, Path]]:
    """Yield (code, exit code, file) of every error whose code is written in the source."""
    for path in sorted((TOP / "dbtool").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and node.args:
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in CLASSES:
                    for literal in literals(node.args[0]):
                        yield literal, CLASSES[name], path


def literals(node: ast.expr) -> Iterator[str]:
    """Yield the strings that an expression may be."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from literals(node.body)
        yield from literals(node.orelse)


def test_every_code_that_is_raised_is_documented_with_its_exit_code() -> None:
    found = list(raised())
    assert len(found) > 50
    for code, exit_code, path in found:
        assert code in ERROR_CODES, f"{code} in {path} is missing from dbtool/cli/error_codes.py"
        assert ERROR_CODES[code].exit_code == exit_code, f"{code} in {path}"


def test_every_documented_code_is_in_the_source() -> None:
    strings: set[str] = set()
    for path in (TOP / "dbtool").rglob("*.py"):
        if path.name != "error_codes.py":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            strings |= {
                n.value
                for n in ast.walk(tree)
                if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
    assert set(ERROR_CODES) - strings == COMPUTED


def test_codes_are_kebab_case_and_exit_codes_are_in_the_table() -> None:
    for code, entry in ERROR_CODES.items():
        assert KEBAB.fullmatch(code), code
        assert entry.exit_code in EXIT_CODES, code
        assert not entry.meaning.endswith("."), code


def test_every_code_is_in_the_manual() -> None:
    manual = (TOP / "man/dbtool.1").read_text(encoding="utf-8").replace("\\-", "-")
    for code in ERROR_CODES:
        assert re.search(rf"^  {code} ", manual, re.MULTILINE), code


def test_exit_codes_of_error_classes_are_unique() -> None:
    assert len(set(CLASSES.values())) == len(CLASSES)
