"""The topics of `dbtool help`: plain text, also a part of the man pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dbtool.cli.error_codes import ERROR_CODES
from dbtool.cli.failure import EXIT_CODES
from dbtool.config_keys import ENVIRONMENT, SCHEMA

__all__ = ["TOPICS", "Topic", "spelled", "text"]


class Topic(NamedTuple):
    """One topic."""

    summary: str
    body: Callable[[], str]


_WIDEST = 34
"""Columns of a key; a longer one gets a line of its own."""


def text(name: str) -> str:
    """Return the text of a topic."""
    return TOPICS[name].body().strip() + "\n"


def _rows(pairs: list[tuple[str, str]]) -> str:
    width = min(max(len(left) for left, _ in pairs), _WIDEST)
    lines = []
    for left, right in pairs:
        if len(left) > width:
            lines.append(f"  {left}")
        lines.append(f"  {left if len(left) <= width else '':<{width}}  {right}")
    return "\n".join(lines)


def _exit_codes() -> str:
    rows = _rows([(str(code).rjust(3), meaning) for code, meaning in EXIT_CODES.items()])
    return f"One table for every command:\n\n{rows}"


def _errors() -> str:
    parts = [
        "Every error message ends with one of these codes in brackets; --json has it as `code`."
    ]
    for exit_code, meaning in EXIT_CODES.items():
        pairs = [
            (code, entry.meaning)
            for code, entry in ERROR_CODES.items()
            if entry.exit_code == exit_code
        ]
        if pairs:
            parts.append(f"Exit code {exit_code}, {meaning}:\n{_rows(pairs)}")
    return "\n\n".join(parts)


def _configuration() -> str:
    keys, copies, rules = _keys()
    return f"""
Options win over DBTOOL_* variables, those over the nearest dbtool.toml in the
current folder or above, that over the user's own config.toml, that over the
defaults. `dbtool config path` names the files, `dbtool config show --origin`
every value with its source. Relative paths count from the folder of the file.

  version = 1
  [databases.app]
  path = "data/app.db"
  repository = "backups/"
  max_backup_age = "1h"
  password_file = "~/.config/dbtool/app.key"
  [repository]
  compression = 3

Keys:
{keys}

A key under [repository] is meant for every repository, one under
[databases.NAME] for that of one database. A repository for which a key is
configured, but which says that it is not encrypted, is refused: somebody may
have replaced its config to read the next backup. Where only some repositories
are encrypted, name the key under each of their databases.

Other repositories that `dbtool copy` and `dbtool run` bring the snapshots to:
{copies}

Rules for the rows of the database, which `dbtool verify --rules` checks; more
in man dbtool.toml:
{rules}

[alerts] is read and checked, but this version does not act on it.

A password_command in a project's dbtool.toml runs only after `dbtool config
trust`.
"""


def _keys() -> tuple[str, str, str]:
    """Return the keys of the file, of copies, of rules."""
    named = [(spelled(key), entry.help) for key, entry in SCHEMA.items()]
    apart = ("databases.NAME.copies.", "validate.")
    main = _rows([pair for pair in named if not pair[0].startswith(apart)])
    copies, rules = (_rows([pair for pair in named if pair[0].startswith(part)]) for part in apart)
    return main, copies, rules


def spelled(key: str) -> str:
    """Return a key of the schema with words in the places of its stars."""
    if key.startswith("validate."):
        return key.replace("columns.*", "columns.COLUMN").replace("*", "TABLE")
    return key.replace("copies.*", "copies.COPY").replace("*", "NAME")


def _environment() -> str:
    return _rows(list(ENVIRONMENT.items()))


def _formats() -> str:
    return """
-o table    for people: a table on a terminal; in a pipe plain aligned columns,
            whole and without colour
-o json     one document:
            {"schema": "dbtool.snapshots/1", "data": ..., "warnings": [...]}
-o ndjson   lists: one object a line; jobs: records with a `type` of start,
            status (at most one a second), warning, summary or error
-o csv      with a header line
-o tsv      with a header line; tab, line feed and backslash are written as
            \\t, \\n and \\\\

Characters that would act on a terminal are written as \\x1b or \\u202e, and a
byte of a file name that is not UTF-8 as \\xff; JSON has its own escapes.

Sizes are bytes, durations seconds, times RFC 3339 in UTC, ids whole. The
number after the schema's name rises when its meaning changes. With json and
ndjson an error is one object on standard error: code, exit_code, message,
cause and hint.

Results go to standard output, everything else to standard error. Colour:
--color, then DBTOOL_COLOR, NO_COLOR, FORCE_COLOR, then whether it is a
terminal.
"""


def _search_language() -> str:
    return """
Words side by side must all occur in a row, in any columns, whatever their case
and accents. Chinese, Japanese and Korean text is found by any part of it.

  annual report        both words
  "annual report"      one after the other
  repor*               the beginning of a word
  -draft, NOT draft    must not occur
  invoice OR receipt   either; binds weaker than words side by side
  (a OR b) c           a group
  title:report         in that column; also title:"a b", title:repor*, title:(a OR b)
  table:orders         rows of that table
  total>100            also = != < <= >=; `orders.total>100` for one table
  total:10..20         a range, both ends included; total:10.. and total:..20
  paid_at=NULL         has no value; paid_at!=NULL has one

Text is equal whatever the case of ASCII letters. Dates are written 2026-01-31,
2026-01, 2026, 2026-01-31T14:00, today, yesterday, or as an age: 90min, 12h,
7d, 2w, 3mo, 1y. They are compared with ISO text and with the seconds,
milliseconds or Julian days of number columns, in UTC. A date stands for all of
its time: created<=2026-01 includes the 31st.

Names and values with blanks or signs are put in double quotes: "First
Name":ann, url:"https://example.org". A query that begins with - comes behind
the word --, as options of other programs do: dbtool search -- "-draft report".

With --mode substring the words are looked for anywhere in a value, with --mode
regex the whole query is one regular expression.
"""


def _secrets() -> str:
    return """
A password, a key file and a recovery key are all given in the same ways, the
first of these that is there:

  --password-file FILE, --password-command COMMAND
  DBTOOL_PASSWORD_FILE, DBTOOL_PASSWORD_COMMAND, DBTOOL_PASSWORD
  password_file or password_command in the configuration, under
  [databases.NAME] for one database, under [repository] for all
  a prompt, on a terminal

There is no option that takes the password itself: every user of the machine
could read it. One line feed at the end of a file is not part of the password.
A key file (dbtool key generate) needs no slow derivation, so it is what cron
should use; a file that others can read is warned of.

Losing every password and key of an encrypted repository means losing the data
in it.
"""


def _times() -> str:
    return """
restore takes the beginning of a snapshot's id, `latest`, or @TIME for the last
snapshot before a time:

  @2026-11-20T14:00:00Z     RFC 3339
  "@2026-11-20 14:00"       local time
  "@yesterday 14:00"
  "@2h ago"
"""


def _alerts() -> str:
    from dbtool.monitor.alerts import ALERTS

    rows = _rows(
        [(code, f"{meaning} ({severity})") for code, (severity, meaning) in ALERTS.items()]
    )
    return f"""
`dbtool monitor` judges each look by the limits of [alerts] in dbtool.toml. An
alert is pending until its time is over, then it fires (exit code 4). It ends
below 80 % of its limit; sizes that change from look to look have to stay there
for a minute. What cannot be known is n/a with the reason, and fires nothing.
alerts.ignore names those that are not wanted.

{rows}
"""


def _trace() -> str:
    return """
The statements of other processes cannot be seen from outside. An application
may write down what they cost:

  import dbtool.trace
  tracer = dbtool.trace.start("app.trace")

  tracer.attach(apsw.Connection("app.db"))
  sqlite3.connect("app.db", factory=tracer.factory(sqlite3.Connection))
  tracer.attach(sqlalchemy.create_engine("sqlite:///app.db"))

Counted are, for each statement without its values: calls, latency, sorts,
automatic indexes, full scans, busy and other errors; with APSW also steps of
the virtual machine and rows visited by full scans, with sqlite3 also rows
returned. Costs of sqlite3 are those of the plan, asked for once a period for
each text; a connection whose first statement writes knows no plan of that call.

The log is lines of JSON, written every minute, rotated at 16 MiB, 8 files of
it. Several processes may write one. What stands in double quotes is taken for
a name, not for a value. examples=True keeps the slowest call of
each statement with its values: they may be secret, so it is never done unasked.
interval_s, max_bytes and files are the other options.

A statement costs 2 to 5 us more, and nothing that goes wrong in tracing is ever
raised in the application: it is told once to the logger dbtool.trace.

  dbtool stats --section workload --trace app.trace app.db
"""


TOPICS: dict[str, Topic] = {
    "alerts": Topic("what `monitor` sounds an alarm for", _alerts),
    "configuration": Topic("dbtool.toml and what it may hold", _configuration),
    "environment": Topic("variables that dbtool looks at", _environment),
    "errors": Topic("every error code", _errors),
    "exit-codes": Topic("what the exit code says", _exit_codes),
    "formats": Topic("output for people and for programs", _formats),
    "search-language": Topic("what a search may say", _search_language),
    "secrets": Topic("where passwords and keys come from", _secrets),
    "times": Topic("how to name a snapshot by time", _times),
    "trace": Topic("lets an application write down its statements", _trace),
}
