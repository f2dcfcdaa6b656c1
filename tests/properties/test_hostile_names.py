"""Every command beside names that would act on a terminal: they are shown, and nothing acts."""

from __future__ import annotations

import re
from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Outcome, Run, run, run_on_terminal, surroundings

__all__ = ["run", "surroundings"]

ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
TITLE = "\x1b]0;owned\x07"
NAMES = {
    "title": TITLE,
    "clear": "\x1b[2J\x1b[H",
    "line": "a\rb\ndbtool: all is well",
    "bidi": "\u202egnp.exe",
    "c1": "\x9b31m",
    "markup": "[red]x[|red] [|]",
    "quotes": '\'; DROP TABLE "t"; --',
    "option": "--help",
    "brace": "{0}%s%(x)s",
}
FORMATS = ("table", "json", "ndjson", "csv", "tsv")


def make(name: str) -> Path:
    """Create a database whose file, tables, columns, index, view and values are hostile."""
    Path(name).mkdir()
    path = Path(name) / f"{name}.db"
    quoted = '"' + name.replace('"', '""') + '"'
    connection = apsw.Connection(str(path.absolute()))
    connection.execute(f"CREATE TABLE {quoted}({quoted} TEXT PRIMARY KEY, v)")
    connection.execute(f'CREATE INDEX "i{quoted[1:]} ON {quoted}(v)')
    connection.execute(f'CREATE VIEW "v{quoted[1:]} AS SELECT {quoted} FROM {quoted}')
    connection.execute(f"INSERT INTO {quoted} VALUES (?, ?)", (name, name))
    connection.close()
    return path


def toml(text: str) -> str:
    return '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'


def configure(name: str, path: Path) -> None:
    Path("dbtool.toml").write_text(
        f"[databases.{toml(name)}]\npath = {toml(str(path.absolute()))}\n"
        f"[validate.{toml(name)}.columns.{toml(name)}]\nvalues = [1]\n"
        f"[validate.{toml(name)}.columns.v]\npattern = {toml(re.escape('x' + name))}\n"
    )


def harmless(outcome: Outcome, what: str) -> None:
    for stream in (outcome.out, outcome.err):
        found = ACTING.search(stream)
        assert found is None, f"{what}: {found} in {stream!r}"
    assert "Traceback" not in outcome.err, what
    assert outcome.code != 70, (what, outcome.err)


def command_lines(name: str, path: Path) -> list[tuple[str, ...]]:
    """Return command lines that succeed, and some that fail, about one database."""
    db, quoted = str(path), '"' + name.replace('"', '""') + '"'
    end = ("--", db)
    return [
        ("backup", "--tag", "t", "--note", name, *end),
        ("backup", *end),
        ("snapshots", *end),
        ("snapshots", "-v", "--", f"{db}x"),
        ("restore", "--to", f"{name}.copy", "--", "latest", db),
        ("restore", "--to", f"{name}.copy", "--", "latest", db),
        ("restore", "--dry-run", "--over", "--", "latest", db),
        ("restore", "--", name, db),
        ("restore", "--to", f"{name}/none/x", "--", "latest", db),
        ("verify", "--snapshots", "--read-data", *end),
        ("verify", "--rules", *end),
        ("verify", "--rules", "--", f"{db}x"),
        ("query", "--", f"SELECT * FROM {quoted}", db),
        ("query", "--", f"SELECT {quoted} FROM nothing", db),
        ("query", "--", f"SELECT nothing FROM {quoted}", db),
        ("query", "--", name, db),
        ("config", "show", "--origin"),
        ("config", "validate"),
        ("config", "path"),
        ("key", "list", *end),
        ("init", *end),
        ("init", "--", f"{name}.new.db"),
        ("help", "--", name),
        (name,),
        ("backup", f"--{name}"),
        ("backup", "--repo", name, *end),
        ("snapshots", "--repo", f"{name}://x"),
        ("snapshots", "--config", name),
        ("snapshots", "--password-file", name, *end),
        ("backup", "-o", name, *end),
    ]


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_nothing_acts_in_any_format(run: Run, name: str) -> None:
    path = make(name)
    configure(name, path)
    for words in command_lines(name, path):
        for form in FORMATS:
            outcome = run(words[0], "-o", form, *words[1:])
            harmless(outcome, f"{words} as {form}")


@pytest.mark.parametrize("words", [("snapshots",), ("config", "show"), ("verify", "--rules")])
def test_tables_on_a_terminal_show_names_as_they_are(run: Run, words: tuple[str, ...]) -> None:
    name = "[red]x[|red]" + TITLE
    path = make(name)
    configure(name, path)
    run("backup", "--note", name, "--", str(path))
    outcome = run_on_terminal(*words, columns=200)
    assert TITLE not in outcome.out
    assert "\x1b]0;" not in outcome.out
    if words != ("snapshots",):
        assert "[red]x" in outcome.out


def test_rules_about_hostile_names_are_found_broken(run: Run) -> None:
    path = make(TITLE)
    configure(TITLE, path)
    outcome = run("verify", "--rules", "--json", str(path))
    assert outcome.code == 4
    assert [rule["total"] for rule in outcome.data["rules"]] == [1, 1]
    assert outcome.data["rules"][0]["table"] == TITLE
