"""The keys of the configuration are documented where people look."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.config_keys import ENVIRONMENT, SCHEMA, pattern_of

MANUAL = (Path(__file__).parents[1] / "man" / "dbtool.toml.5").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", SCHEMA)
def test_every_key_is_in_the_manual(key: str) -> None:
    assert key.rpartition(".")[2] in MANUAL


@pytest.mark.parametrize("entry", [*SCHEMA.values()], ids=[*SCHEMA])
def test_every_key_says_what_it_is(entry: object) -> None:
    assert entry.help


def test_every_variable_says_what_it_is() -> None:
    assert all(ENVIRONMENT.values())


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        (("retention", "last"), "retention.last"),
        (("databases", "app", "path"), "databases.*.path"),
        (("databases", "path", "path"), "databases.*.path"),
        (("databases", "app", "copies", "nas", "repository"), "databases.*.copies.*.repository"),
        (("databases", "app", "pth"), "databases.*.pth"),
        (("databases", "app"), "databases.app"),
        (("validate", "users", "columns", "age", "min"), "validate.*.columns.*.min"),
        (("search", "files", "filters", "table"), "search.*.filters.*"),
        (("stats", "a.b", "sql"), "stats.*.sql"),
        (("nothing", "of", "that"), "nothing.of.that"),
    ],
)
def test_a_path_is_recognised_whatever_names_it_holds(path: tuple[str, ...], pattern: str) -> None:
    assert pattern_of(path) == pattern
