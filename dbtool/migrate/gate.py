"""What migrations would do, judged before they do it: rules, a trial on a replica, space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from difflib import get_close_matches
from typing import Final

import apsw

from dbtool.core.schema import read_schema
from dbtool.errors import Refused, UsageError
from dbtool.migrate.execute import beginning
from dbtool.migrate.forecast import require_space
from dbtool.migrate.lint.findings import RULES, LintFinding
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.run import count_rows, lint
from dbtool.migrate.lint.trial import walk
from dbtool.migrate.model import Migration
from dbtool.migrate.options import GUARDS
from dbtool.migrate.replica import Replica
from dbtool.migrate.versions import HISTORY_TABLE

__all__ = ["require_allowed", "require_known"]

_SQLITE: Final = "SQLite says: "


def require_allowed(
    connection: apsw.Connection,
    migrations: Sequence[Migration],
    allow: frozenset[str],
    *,
    undone: Sequence[Migration] = (),
) -> None:
    """Refuse migrations that lose data, cannot work or need too much space, before they begin.

    Args:
        connection: of the database.
        migrations: to be applied.
        allow: rules that need not hold.
        undone: those that are undone before, in this order.

    Raises:
        Refused: `migration-dangerous`, `migration-not-judged`.
        UsageError: `migration-syntax`; `schema-not-loaded`, the schema cannot be judged.
        StorageFailed: `no-space`.
    """
    if not migrations:
        return
    if "not-judged" not in allow:
        with _without(connection, undone) as (schema, sure):
            findings = lint(migrations, schema, rows=_rows_left(connection, schema))
        known = [each for each in findings if sure and not _after_python(each, migrations)]
        for finding in known:
            if finding.rule == "statement-fails" and finding.message.startswith(_SQLITE):
                _require_works(finding)
        stopping = [each for each in findings if each.stops and each.rule not in allow]
        if stopping:
            raise _dangerous(stopping)
        require_space(connection, migrations)


def require_known(allow: frozenset[str]) -> None:
    """Refuse the name of a rule that does not exist.

    Raises:
        UsageError: `rule-unknown`.
    """
    known = [*GUARDS, *RULES]
    for rule in sorted(allow):
        if rule not in known:
            close = get_close_matches(rule, known, 1)
            raise UsageError(
                "rule-unknown",
                f"there is no rule {rule} to allow",
                hint=f"did you mean {close[0]}?" if close else "dbtool migrate lint --rules",
            )


@contextmanager
def _without(
    connection: apsw.Connection, undone: Sequence[Migration]
) -> Iterator[tuple[apsw.Connection, bool]]:
    """Yield what has the schema after migrations were undone, and whether that is sure."""
    if not undone:
        yield connection, True
        return
    with closing(Replica.of(connection)) as replica:
        sure = True
        for migration in undone:
            assert migration.down is not None
            trial = walk(migration, migration.down, replica, Look(replica))
            sure = sure and not trial.failed and not migration.is_python
        yield replica.connection, sure


def _rows_left(connection: apsw.Connection, schema: apsw.Connection) -> dict[str, int]:
    """Return the rows of the tables that a schema has."""
    tables = read_schema(schema, "main").tables
    return {name: rows for name, rows in count_rows(connection).items() if name in tables}


def _after_python(finding: LintFinding, migrations: Sequence[Migration]) -> bool:
    """Say whether a finding stands on a schema that a Python migration may have changed."""
    for migration in migrations:
        if migration.version == finding.version:
            return False
        if migration.is_python:
            return True
    return False


def _require_works(finding: LintFinding) -> None:
    message = finding.message.removeprefix(_SQLITE)
    place = f"{finding.path.name}, line {finding.line}"
    if message == "interrupted":
        raise Refused(
            "migration-not-judged",
            f"{place}: the statement takes long even without any rows",
            context=f"{beginning(finding.statement)}\nso what comes after it was not judged",
            hint="--allow not-judged      goes on without judging migrations",
        )
    # These are said better where they happen.
    if HISTORY_TABLE in message or message.endswith("to rebuild"):
        return
    raise UsageError(
        "migration-syntax",
        f"{place}: {message}",
        context=beginning(finding.statement),
        hint="tried on an empty replica of the schema; the database was not touched",
    )


def _dangerous(stopping: Sequence[LintFinding]) -> Refused:
    first = stopping[0]
    lines = [f"{each.path.name}, line {each.line}: {each.message}" for each in stopping[1:]]
    rules = " ".join(f"--allow {rule}" for rule in dict.fromkeys(each.rule for each in stopping))
    line = f"\n-- dbtool:ignore {first.rule} WHY      in the file, for good"
    in_file = "" if "dbtool:ignore" in first.advice else line
    return Refused(
        "migration-dangerous",
        f"{first.path.name}, line {first.line}: {first.message} ({first.rule})",
        context="\n".join(lines),
        hint=f"{first.advice}\n{rules}      this once{in_file}",
    )
