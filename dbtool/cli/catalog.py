"""Which commands there are, as plain data: help and completion read this and import no command.

A command's file is `dbtool/cli/commands/<module>.py`; it holds a Typer application named `app`.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "GLOBAL_OPTIONS", "Entry", "GlobalOption", "root_help"]


class Entry(NamedTuple):
    """One command."""

    module: str
    summary: str
    group: str


class GlobalOption(NamedTuple):
    """One option that every command takes."""

    spelling: str
    help: str


COMMANDS: dict[str, Entry] = {
    "init": Entry("init", "create a database, or adopt one; create its repository", "Start"),
    "demo": Entry("demo", "run the whole story on a fresh database, checking every step", "Start"),
    "migrate": Entry("migrate", "change the schema by migrations that lose no rows", "Schema"),
    "backup": Entry("backup", "take one snapshot into the repository", "Backups"),
    "snapshots": Entry("snapshots", "list what can be restored", "Backups"),
    "restore": Entry(
        "restore", "bring a snapshot back, to a new file or over the database", "Backups"
    ),
    "copy": Entry("copy", "copy snapshots into a second repository, with its own key", "Backups"),
    "prune": Entry("prune", "remove snapshots by policy, free what none needs", "Backups"),
    "forget": Entry("forget", "remove single snapshots", "Backups"),
    "verify": Entry(
        "verify", "say whether the data is safe: the database, its backups", "Is my data safe"
    ),
    "repair": Entry("repair", "heal a damaged database, the plan first", "Is my data safe"),
    "follow": Entry("follow", "back up continuously, to any second", "Around the clock"),
    "run": Entry("run", "the nightly job: back up, thin out, prove, tell", "Around the clock"),
    "monitor": Entry(
        "monitor", "look from outside, sound an alarm in time; Prometheus", "Around the clock"
    ),
    "schedule": Entry(
        "schedule", "install, show or remove the timer of the job", "Around the clock"
    ),
    "search": Entry("search", "find rows by words and values, in every table", "Rows"),
    "optimize": Entry("optimize", "measure what would help, apply it, undo it", "Speed and space"),
    "benchmark": Entry(
        "benchmark", "run a workload on a copy, against its baseline", "Speed and space"
    ),
    "import": Entry(
        "import_data", "bring JSON, CSV and the like in, every value as it was", "Rows"
    ),
    "diff": Entry("diff", "say what changed: pages, schema, rows; as SQL", "Rows"),
    "query": Entry("query", "run SQL that reads, on the database or on a snapshot", "Rows"),
    "shell": Entry("shell", "open an SQL shell that reads, on either", "Rows"),
    "export": Entry("export", "write rows out exactly: JSON, CSV, SQL, a folder", "Rows"),
    "history": Entry("history", "show how one row changed over the snapshots", "Rows"),
    "stats": Entry("stats", "tell what is in there, how it grows, what to look after", "Insight"),
    "dashboard": Entry("dashboard", "show a database's health live, in the terminal", "Insight"),
    "key": Entry("key", "manage who can open an encrypted repository", "Keys and configuration"),
    "config": Entry(
        "config", "show, validate and trust the configuration", "Keys and configuration"
    ),
    "help": Entry("help", "explain a command or a topic", "Keys and configuration"),
}

GLOBAL_OPTIONS: dict[str, GlobalOption] = {
    "output_format": GlobalOption(
        "-o, --format FORMAT", "Output: table, json, ndjson, csv or tsv. [table]"
    ),
    "json_output": GlobalOption("--json", "The same as --format json."),
    "quiet": GlobalOption("-q, --quiet", "Say nothing where all went well."),
    "verbose": GlobalOption("-v, --verbose", "Say more; -vv with tracebacks."),
    "color": GlobalOption("--color WHEN", "Colour: auto, always or never. [auto]"),
    "progress": GlobalOption("--progress HOW", "Progress: auto, none or plain. [auto]"),
    "repo": GlobalOption("--repo PATH", "Repository, folder or URL. [DB.backups/ beside DB]"),
    "limit_upload": GlobalOption("--limit-upload RATE", "Write no more bytes a second to it."),
    "password_file": GlobalOption("--password-file FILE", "Read the password or key from FILE."),
    "password_command": GlobalOption(
        "--password-command COMMAND", "Read it from the output of COMMAND."
    ),
    "config": GlobalOption("--config FILE", "Configuration file. [nearest dbtool.toml upward]"),
    "help": GlobalOption("-h, --help", "Show the help of a command."),
}

_FIRST_STEPS = (
    ("dbtool demo", "see it all work in a temporary folder"),
    ("dbtool backup app.db", "take a snapshot into app.db.backups/"),
    ("dbtool snapshots app.db", "list the snapshots"),
    ("dbtool restore latest app.db", "bring the newest one back"),
)


def _rows(pairs: list[tuple[str, str]], width: int) -> list[str]:
    return [f"  {left:<{width}}  {right}" for left, right in pairs]


def root_help(bold: str = "", plain: str = "") -> str:
    """Return the text of `dbtool --help`.

    Args:
        bold: terminal sequence that begins a heading; empty: no colour.
        plain: the sequence that ends it.
    """
    lines = [
        "dbtool: backups, proof, repair and history of SQLite databases",
        "",
        f"{bold}Usage:{plain} dbtool COMMAND [OPTIONS] [ARGUMENTS] [DB]",
        "",
        "DB is a path, or a name from dbtool.toml, and always comes last.",
    ]
    groups: dict[str, list[tuple[str, str]]] = {}
    for verb, entry in COMMANDS.items():
        groups.setdefault(entry.group, []).append((verb, entry.summary))
    for group, pairs in groups.items():
        lines += ["", f"{bold}{group}:{plain}", *_rows(pairs, 10)]
    lines += ["", f"{bold}First steps:{plain}", *_rows(list(_FIRST_STEPS), 28)]
    options = [(option.spelling, option.help) for option in GLOBAL_OPTIONS.values()]
    lines += ["", f"{bold}Options of every command:{plain}", *_rows(options, 26)]
    lines += [
        "",
        "More: dbtool help COMMAND, dbtool help exit-codes, dbtool help configuration",
        "",
    ]
    return "\n".join(lines)
