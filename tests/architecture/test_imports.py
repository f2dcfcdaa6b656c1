"""What a fresh interpreter loads, and what it must not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]

_PROBE = """
import io, json, sys
from contextlib import redirect_stdout
from dbtool.__main__ import main
with redirect_stdout(io.StringIO()):
    code = main({words!r})
print(json.dumps([code, sorted(sys.modules)]))
"""


def loaded_by(*words: str, folder: Path = TOP) -> set[str]:
    """Return the modules that a command line leaves loaded in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE.format(words=list(words))],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stdout)
    assert code in (0, 3), done.stderr
    return set(modules)


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_version_loads_nothing_but_the_package() -> None:
    modules = loaded_by("--version")
    ours = {module for module in modules if module.startswith("dbtool")}
    assert ours == {"dbtool", "dbtool.__main__"}
    assert not roots(modules) & {"typer", "rich", "apsw", "pydantic"}


def test_help_loads_no_command_and_no_typer() -> None:
    modules = loaded_by("--help")
    assert not [module for module in modules if module.startswith("dbtool.cli.commands")]
    assert not roots(modules) & {"typer", "rich", "apsw", "pydantic", "cryptography", "zstandard"}


def test_help_of_one_command_loads_that_command_alone() -> None:
    modules = loaded_by("backup", "--help")
    commands = {module for module in modules if module.startswith("dbtool.cli.commands.")}
    assert commands == {"dbtool.cli.commands.backup"}
    assert not roots(modules) & {"rich", "apsw", "pydantic", "textual"}


def test_a_backup_loads_no_rich_and_no_pydantic(tmp_path: Path) -> None:
    import apsw

    connection = apsw.Connection(str(tmp_path / "a.db"))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    modules = loaded_by("backup", str(tmp_path / "a.db"), folder=tmp_path)
    assert not roots(modules) & {
        "rich",
        "pydantic",
        "platformdirs",
        "textual",
        "sqlite3",
    }


def test_completion_loads_no_typer() -> None:
    modules = loaded_by("__complete", "databases", "backup")
    assert not roots(modules) & {"typer", "rich", "pydantic", "apsw"}


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    probe = "import sys, dbtool; print(sorted(m for m in sys.modules if m.startswith('dbtool')))"
    done = subprocess.run(
        [sys.executable, "-c", probe], cwd=TOP, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['dbtool']"


@pytest.mark.parametrize("name", ["sqlite3", "sqlite_utils"])
def test_nothing_names_the_other_sqlite_library(name: str) -> None:
    for path in (TOP / "dbtool").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert f"import {name}" not in text, path
        assert f"from {name}" not in text, path
