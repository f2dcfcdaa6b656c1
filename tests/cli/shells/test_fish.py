"""Completion in fish."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.cli.conftest import SOURCE

pytestmark = pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")


def completed(line: str) -> dict[str, str]:
    """Return what fish offers for a line, with descriptions."""
    script = f"source {SOURCE}/completions/dbtool.fish; complete -C '{line}'"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    pairs = [offer.partition("\t") for offer in done.stdout.splitlines()]
    return {value: description for value, _, description in pairs}


def test_verbs_with_their_summaries() -> None:
    assert completed("dbtool ba") == {"backup": "take one snapshot into the repository"}
    assert set(completed("dbtool key e")) == {"export"}


def test_options_of_the_verb_and_of_every_verb() -> None:
    assert {"--over", "--json"} <= set(completed("dbtool restore --"))
    assert "--over" not in completed("dbtool backup --")


def test_choices_of_an_option() -> None:
    assert set(completed("dbtool backup --color a")) == {"auto", "always"}


def test_snapshots_then_databases(shop: str) -> None:
    assert set(completed("dbtool restore ")) == {"latest", shop}
    assert "shop" in completed("dbtool restore latest ")
    assert set(completed("dbtool backup --tag x sh")) == {"shop"}
