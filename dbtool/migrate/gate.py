"""What migrations would do, judged before they do it: rules, a trial on a replica, space."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

import apsw

from dbtool.errors import Refused, UsageError
from dbtool.migrate.execute import beginning
from dbtool.migrate.forecast import require_space
from dbtool.migrate.lint.findings import RULES, LintFinding
from dbtool.migrate.lint.run import count_rows, lint
from dbtool.migrate.model import Migration
from dbtool.migrate.options import GUARDS
from dbtool.migrate.versions import HISTORY_TABLE

__all__ = ["require_allowed", "require_known"]

_SQLITE: Final = "SQLite says: "


def require_allowed(
    connection: apsw.Connection, migrations: Sequence[Migration], allow: frozenset[str]
) -> None:
    """Refuse migrations that lose data, cannot work or need too much space, before they begin.

    Raises:
        Refused: `migration-dangerous`, `migration-not-judged`.
        UsageError: `migration-syntax`; `schema-not-loaded`, the schema cannot be judged.
        StorageFailed: `no-space`.
    """
    if not migrations:
        return
    if "not-judged" not in allow:
        findings = lint(migrations, connection, rows=count_rows(connection))
        known = [finding for finding in findings if not _after_python(finding, migrations)]
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
