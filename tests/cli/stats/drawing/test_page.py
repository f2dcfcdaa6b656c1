"""The page for a browser: well-formed, complete, safe, nothing from elsewhere."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

from dbtool.cli.stats.drawing.page import report_page
from dbtool.monitor.stats.advice import Advice
from dbtool.monitor.stats.model import (
    FileStats,
    Forecast,
    GrowthPoint,
    GrowthStats,
    IndexesStats,
    IndexStats,
    StatsReport,
    TablesStats,
    TableStats,
    Unavailable,
    WriteStats,
    WrittenObject,
)

NOW = datetime(2026, 11, 26, tzinfo=UTC)
EVIL = '"><script>alert(1)</script>\x1b]0;x\x07'
VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Knows whether every element that is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page() -> str:
    table = TableStats(EVIL, "table", 5, 2, 8192, 100, 4000, 0, 50, 0, 1, 4096)
    index = IndexStats(EVIL, EVIL, EVIL, False, False, "c", 5, 1, 4096, 10, covered_by=EVIL)
    ahead = Forecast(None, None, None, None, None, 0.0, "too short")
    sections: dict[str, object] = {
        "tables": TablesStats((table,), 0, 0),
        "indexes": IndexesStats((index,), analyzed=False),
        "growth": GrowthStats((GrowthPoint(NOW, 5, "samples"),), ahead),
        "writes": WriteStats(3, 1, 3, 4096, (WrittenObject(EVIL, "table", EVIL, 3, 3),)),
        "backups": Unavailable(EVIL, f"dbtool backup DB\n{EVIL}"),
    }
    file = FileStats(Path("a<b>.db"), 8192, None, NOW, 10**9, 10**10)
    found = (Advice("x", True, EVIL, "dbtool backup DB"),)
    saved = ((EVIL, EVIL, (EVIL,), ((EVIL,),)),)
    return report_page(StatsReport(file, NOW, sections), found, "", db=f"{EVIL}.db", saved=saved)


def test_every_element_is_closed_and_none_is_a_script() -> None:
    parser = Balanced()
    parser.feed(page())
    assert parser.open == []
    assert "script" not in parser.seen
    assert "\x1b" not in page()


def test_nothing_comes_from_elsewhere() -> None:
    text = page()
    assert not re.search(r"(src|href)=|url\(|@import", text)
    assert "default-src 'none'" in text


def test_light_and_dark_are_both_there() -> None:
    assert "prefers-color-scheme:dark" in page()
    assert 'content="light dark"' in page()


def test_every_section_is_on_the_page() -> None:
    text = page()
    for heading in ("Tables", "Indexes", "Growth", "Writes", "Not available"):
        assert f"<h2>{heading}</h2>" in text
