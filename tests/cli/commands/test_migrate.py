"""The group of verbs."""

from __future__ import annotations

from tests.cli.conftest import Run

VERBS = (
    "new",
    "status",
    "plan",
    "rehearse",
    "up",
    "down",
    "redo",
    "verify",
    "lint",
    "dump",
    "diff",
    "baseline",
    "adopt",
    "squash",
    "repair",
)


def test_help_names_every_verb(run: Run) -> None:
    text = run("migrate", "--help").out
    for verb in VERBS:
        assert f"  {verb} " in text


def test_a_mistyped_verb_gets_the_nearest(run: Run) -> None:
    failed = run("migrate", "statsu", "app.db")
    assert failed.code == 2
    assert "status" in failed.err
