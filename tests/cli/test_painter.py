"""Reports for people: names in commands, bars, folding."""

from __future__ import annotations

import pytest

from dbtool.cli.context import Session
from dbtool.cli.painter import Painter, named, share_bar
from dbtool.cli.render import Column


def test_a_command_names_the_database_so_that_it_can_be_pasted() -> None:
    assert named("dbtool backup DB", "my app.db") == "dbtool backup 'my app.db'"
    assert named("dbtool backup DB", "-x.db") == "dbtool backup ./-x.db"
    assert named("see DBTOOL_DB", "a.db") == "see DBTOOL_DB"
    assert named("dbtool backup DB", r"a\1.db") == r"dbtool backup 'a\1.db'"


@pytest.mark.parametrize(
    ("part", "whole", "bar"), [(0, 0, "0%"), (1, 1, "██████████ 100%"), (1, 2, "█████       50%")]
)
def test_a_share_is_a_bar(part: int, whole: int, bar: str) -> None:
    assert share_bar(part, whole).strip() == bar
    assert len(share_bar(part, whole)) == 15


def test_lists_are_cut_short_unless_more_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    columns = [Column("n", str)]
    Painter(Session([])).listed(list(range(40)), columns, "numbers")
    out = capsys.readouterr().out
    assert "and 25 more numbers (all with --verbose)" in out
    session = Session([])
    session.given["verbose"] = 1
    Painter(session).listed(list(range(40)), columns, "numbers")
    assert "39" in capsys.readouterr().out


def test_escapes_in_text_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    painter = Painter(Session([]))
    painter.heading("a\x1b[31m")
    painter.pairs([("label", "b\x1b[31m")])
    assert "\x1b" not in capsys.readouterr().out
