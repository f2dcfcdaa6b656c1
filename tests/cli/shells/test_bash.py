"""Completion in bash."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.cli.conftest import SOURCE

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def completed(*words: str) -> set[str]:
    """Return what bash offers for the last word."""
    line = " ".join(["dbtool", *words])
    listed = " ".join(f"'{word}'" for word in ("dbtool", *words))
    script = f"""
        source {SOURCE}/completions/dbtool.bash
        COMP_WORDS=({listed}); COMP_CWORD={len(words)}
        COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
        _dbtool
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return set(done.stdout.split())


def test_verbs_and_verbs_of_verbs() -> None:
    assert completed("ba") == {"backup"}
    assert {"backup", "restore", "help"} <= completed("")
    assert completed("key", "e") == {"export"}


def test_options_of_the_verb_and_of_every_verb() -> None:
    assert {"--over", "--json", "-n"} <= completed("restore", "-")
    assert completed("backup", "--force") == {"--force-scan"}
    assert "--over" not in completed("backup", "-")


def test_choices_of_an_option() -> None:
    assert completed("backup", "--color", "a") == {"auto", "always"}
    assert completed("backup", "--color", "=", "n") == {"never"}


def test_snapshots_then_databases(shop: str) -> None:
    assert completed("restore", "") == {"latest", shop}
    assert completed("restore", shop[:3]) == {shop}
    assert {"shop", "app.db"} <= completed("restore", "latest", "")
    assert completed("backup", "--tag", "x", "sh") == {"shop"}


def test_files_for_file_options(shop: str) -> None:
    assert completed("restore", "--to", "app") == {"app.db", "app.db.backups"}


def test_topics() -> None:
    assert completed("help", "exit") == {"exit-codes"} or shutil.which("dbtool") is None
