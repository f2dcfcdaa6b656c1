"""Directives are comments of their own line; what stands in strings is none."""

from __future__ import annotations

from dbtool.migrate.directives import directives

TEXT = """SELECT '
-- dbtool:down
'; /* -- dbtool:up */
--dbtool:Ignore  a b c\x20
  -- dbtool:map x = 'y' ;
"""


def test_only_comments_to_the_end_of_a_line_count() -> None:
    found = [(each.name, each.argument, each.line) for each in directives(TEXT)]
    assert found == [("ignore", "a b c", 4), ("map", "x = 'y' ;", 5)]


def test_offsets_are_those_of_the_comment() -> None:
    for each in directives(TEXT):
        assert TEXT[each.start : each.end].startswith("--")
        assert "\n" not in TEXT[each.start : each.end]
