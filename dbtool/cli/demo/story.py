"""The demonstration: a database's life, told with real commands, every claim checked.

Each command is printed before it runs, as a child process in the story's own folder and without the
user's configuration. A claim that does not hold ends the story with an error.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.demo.shop import MIGRATION, Shop, damage
from dbtool.cli.failure import DAMAGED
from dbtool.cli.visible import Painted, visible
from dbtool.config import environment
from dbtool.core.atomicfile import failures_named
from dbtool.errors import DbtoolError, Refused

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.cli.context import Session

__all__ = ["tell"]

_COMMAND_LIMIT_S = 120.0
_DAMAGED_PAGES = 3
_SNAPSHOTS = 2
_ITEM = "teapot"


def tell(session: Session, keep: Path | None) -> int:
    """Tell the story in a temporary folder, or in a new folder that stays."""
    import tempfile

    if keep is None:
        with tempfile.TemporaryDirectory(prefix="dbtool-demo-") as folder:
            return _tell(session, Path(folder), kept=False)
    with failures_named("create", keep):
        try:
            keep.mkdir(parents=True)
        except FileExistsError:
            raise Refused(
                "file-exists", f"{keep} is there already; the demo wants a new folder"
            ) from None
    return _tell(session, keep, kept=True)


def _tell(session: Session, folder: Path, *, kept: bool) -> int:
    began_s = time.monotonic()
    narrator = Narrator(session, folder)
    shop = Shop(folder / "shop.db")
    narrator.line(f"A shop's database, from its first row to a rescue, in {folder}")
    for chapter in (
        _begin,
        _first_backup,
        _second_backup,
        _insight,
        _disaster,
        _repair,
        _rescue,
        _travel,
    ):
        chapter(narrator, shop)
    took_s = time.monotonic() - began_s
    narrator.end(took_s, f"it stays in {folder}" if kept else "the folder is gone again")
    data = {
        "checks": narrator.checks,
        "duration": round(took_s, 3),
        "folder": folder if kept else None,
    }
    if session.format != "table":
        session.output.report("dbtool.demo/1", data, [])
    return 0


class Narrator:
    """Prints the story and checks it."""

    def __init__(self, session: Session, folder: Path) -> None:
        self.folder = folder
        self.checks: list[str] = []
        self._chapters = 0
        self._session = session
        self._color = session.color(1)
        self._show = session.format == "table" and not session.quiet

    def line(self, text: str = "") -> None:
        """Print a line of the story; as it is where it is `Painted`."""
        if self._show:
            self._session.output.line(text)
            sys.stdout.flush()

    def _mark(self, style: str, mark: str, text: str) -> None:
        self.line(Painted(f"   {self._paint(style, mark)} {visible(text)}"))

    def chapter(self, title: str, text: str) -> None:
        """Begin a chapter."""
        self._chapters += 1
        self.line()
        self.line(self._paint("1;36", f"{self._chapters}  {title}"))
        self.line(self._paint("2", f"   {text}"))

    def tell(self, text: str) -> None:
        """Print what happens outside of dbtool."""
        self._mark("33", "~", text)

    def run(self, *words: str, code: int = 0) -> str:
        """Print a command, run it, print what it says, and return that; it must end with `code`."""
        shown = " ".join(
            word if word.isascii() and " " not in word else repr(word) for word in words
        )
        self.line(Painted("   " + self._paint("1", f"$ dbtool {shown}")))
        done = subprocess.run(  # noqa: S603 - our own program, with arguments written here
            [sys.executable, "-m", "dbtool", *words],
            cwd=self.folder,
            env=_child_environment(self.folder),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_LIMIT_S,
            check=False,
        )
        for line in done.stdout.splitlines():
            self.line(f"    {line}".rstrip())
        if done.returncode != code:
            raise DbtoolError(
                "demo-failed",
                f"dbtool {shown} ended with exit code {done.returncode}",
                context=done.stdout.strip(),
            )
        return done.stdout

    def check(self, claim: str, *, holds: bool) -> None:
        """Print a claim that holds; end the story where it does not."""
        if not holds:
            raise DbtoolError(
                "demo-failed", f"this did not hold: {claim}", hint="dbtool demo -vv --keep FOLDER"
            )
        self.checks.append(claim)
        self._mark("32", "✓", claim)

    def end(self, took_s: float, place: str) -> None:
        """Print the last lines."""
        self.line()
        claims = f"All {len(self.checks)} checks held, in {took_s:.1f} s; {place}."
        self.line(self._paint("1;32", claims))
        self.line("Now your own: dbtool backup YOUR.db")

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots in the shop's repository, as the library sees them."""
        from dbtool.backup.repository import Repository

        return Repository.open(self.folder / "shop.db.backups").snapshots()

    def _paint(self, style: str, text: str) -> Painted:
        shown = visible(text)
        return Painted(f"\x1b[{style}m{shown}\x1b[0m" if self._color else shown)


def _child_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which no configuration of the user counts."""
    source = str(Path(__file__).resolve().parents[3])
    kept = {name: value for name, value in environment().items() if not name.startswith("DBTOOL_")}
    paths = [source, *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {
        "XDG_CONFIG_HOME": str(folder / ".config"),
        "PYTHONPATH": ":".join(paths),
        "NO_COLOR": "1",
    }


def _begin(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter(
        "A new database",
        "with a write-ahead log, so that readers and writers do not wait",
    )
    narrator.run("init", "shop.db")
    narrator.check(
        "shop.db is there, in WAL mode, and dbtool.toml names it", holds=_is_begun(narrator, shop)
    )
    folder = narrator.folder / "migrations"
    folder.mkdir()
    (folder / "0001_shop.sql").write_text(MIGRATION, encoding="utf-8")
    narrator.tell("migrations/0001_shop.sql says what tables a shop needs")
    narrator.run("migrate", "up", "shop.db")
    narrator.check("the tables are there, made in one transaction", holds=shop.has_tables())
    orders = shop.fill()
    narrator.tell(f"the shop opens and takes {orders:,} orders")


def _is_begun(narrator: Narrator, shop: Shop) -> bool:
    return shop.journal_mode() == "wal" and "shop.db" in (
        narrator.folder / "dbtool.toml"
    ).read_text(encoding="utf-8")


def _first_backup(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter(
        "The first backup",
        "into shop.db.backups/, which it creates; it could be anywhere, and encrypted",
    )
    with shop.open_for_business():
        narrator.tell("the shop keeps the database open meanwhile")
        narrator.run("backup", "shop.db")
    found = narrator.snapshots()
    whole = len(found) == 1 and found[0].pages_changed == found[0].page_count
    narrator.check("one snapshot, holding every page", holds=whole)


def _second_backup(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter("Business goes on", "and a backup costs only what changed")
    shop.remember("monday")
    changed = shop.change()
    narrator.tell(f"{changed:,} orders are paid")
    narrator.run("backup", "--tag", "paid", "shop.db")
    first, second = narrator.snapshots()
    share = second.bytes_added / first.bytes_added
    narrator.check(
        f"the second snapshot is complete and cost {share:.1%} of the first", holds=share < 1 / 4
    )
    narrator.run("backup", "shop.db")
    narrator.check(
        "nothing had changed, so no third one was taken",
        holds=len(narrator.snapshots()) == _SNAPSHOTS,
    )
    narrator.run("snapshots", "shop.db")
    shop.remember("evening")


def _insight(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter("What is in there", "found by words, and counted; nothing is changed")
    text = narrator.run("search", "--limit", "2", _ITEM, "shop.db")
    expected = f"{shop.ordered(_ITEM):,} rows match"
    narrator.check(f"every order of a {_ITEM} was found", holds=expected in text)
    text = narrator.run("stats", "--section", "tables", "shop.db")
    narrator.check("stats counts every row", holds="20,000" in text)


def _disaster(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter("The disk fails", "quietly, as they do")
    shop.keep()
    pages = damage(shop.path, _DAMAGED_PAGES)
    narrator.tell(f"pages {', '.join(map(str, pages))} of shop.db are overwritten with noise")
    problem = shop.problem()
    narrator.check(f"SQLite says: {problem}", holds=bool(problem))
    text = narrator.run("verify", "shop.db", code=DAMAGED)
    narrator.check(
        "verify proves that these pages rotted, and names what is in them",
        holds=all(str(page) in text for page in pages) and "rotted" in text,
    )


def _repair(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter("The repair", "keeps the damaged file, and takes the pages from the backup")
    text = narrator.run("repair", "--apply", "--yes", "shop.db")
    narrator.check(
        f"{_DAMAGED_PAGES} pages came back", holds=f"{_DAMAGED_PAGES} pages of snapshot" in text
    )
    narrator.check("shop.db is what it was, byte for byte", holds=shop.is_as_kept())
    narrator.check("SQLite finds nothing wrong", holds=not shop.problem())


def _rescue(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter(
        "The rescue",
        "writes only the pages that differ, and keeps what was there",
    )
    narrator.tell(f"a bad release sets the price of {shop.blunder():,} orders to 0")
    text = narrator.run("restore", _id_of(narrator, 1), "--over", "--yes", "shop.db")
    written = re.search(r"([\d,]+) of ([\d,]+) pages", text)
    fewer = written is not None and int(written[1].replace(",", "")) < int(
        written[2].replace(",", "")
    )
    narrator.check("only pages that differ were written", holds=fewer)
    narrator.check("every order is as it was when the shop closed", holds=shop.is_as("evening"))


def _travel(narrator: Narrator, shop: Shop) -> None:
    narrator.chapter("Back in time", "the first snapshot, to a file of its own")
    narrator.run("restore", _id_of(narrator, 0), "--to", "monday.db", "shop.db")
    narrator.check(
        "monday.db holds the orders of then",
        holds=Shop(narrator.folder / "monday.db").same_as(shop, "monday"),
    )
    narrator.chapter(
        "The proof", "reads everything that is stored, and compares every page with its hash"
    )
    text = narrator.run("verify", "--snapshots", "--read-data", "shop.db")
    narrator.check("every snapshot can be restored", holds="no damage found" in text)


def _id_of(narrator: Narrator, number: int) -> str:
    return narrator.snapshots()[number].id[:8]
