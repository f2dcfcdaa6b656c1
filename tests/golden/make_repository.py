"""Makes the repositories of format version 1 that every later dbtool must be able to read.

    python tests/golden/make_repository.py

Run once, by hand, with the dbtool that first wrote the format; the result is committed and never
made again. It holds two repositories of the same history, `plain` and `encrypted` (opened by
`golden.key`, which protects nothing), and in `expected.json` the SHA-256 of the database file that
each snapshot must restore to.

    shop        pages of 512 bytes, WAL; a base, two deltas, and a VACUUM that moves pages whose
                content is stored already; last seen unchanged
    a name in several scripts
                UTF-16, rollback journal; a base and a delta
    empty       no bytes at all
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import apsw
from blake3 import blake3

from dbtool.backup.model import BackupOptions
from dbtool.backup.repository import Repository
from dbtool.crypto.secret import Secret

HERE = Path(__file__).parent
KEY_FILE = HERE / "golden.key"
UNICODE_NAME = "Größen 日本語 🗄"
PAGE_BYTES = 512
ROW_BYTES = 440
"""One row fills a leaf, so that a leaf keeps its content wherever VACUUM puts it."""
ROWS = 10


class Maker:
    """One repository and what its snapshots must restore to."""

    def __init__(self, repository: Repository, folder: Path) -> None:
        self.repository, self.folder = repository, folder
        self.expected: dict[str, dict[str, object]] = {}

    def backup(self, name: str, *, tags: tuple[str, ...] = (), note: str = "") -> int:
        """Take a snapshot of the closed database `name`; return how many pages had only moved."""
        time.sleep(0.1)  # so that the order of times is the order of snapshots, and files settle
        path = self.folder / f"{name}.db"
        result = self.repository.backup(path, BackupOptions(name=name, tags=tags, note=note))
        assert result.snapshot is not None
        self.expected[result.snapshot.id] = {
            "database": name,
            "sequence": result.snapshot.sequence,
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        return result.pages_moved

    def execute(self, name: str, *statements: str) -> None:
        """Run statements one by one and close, which empties the WAL into the file."""
        connection = apsw.Connection(str(self.folder / f"{name}.db"))
        for statement in statements:
            connection.execute(statement).fetchall()
        connection.close()

    def history(self) -> None:
        """Take every snapshot."""
        self.execute(
            "shop",
            f"PRAGMA page_size = {PAGE_BYTES}",
            "PRAGMA journal_mode = WAL",
            "CREATE TABLE junk(v)",
            "INSERT INTO junk VALUES (zeroblob(1500))",
            "CREATE TABLE product(id INTEGER PRIMARY KEY, description TEXT)",
            *(f"INSERT INTO product VALUES ({row}, '{text(row, 0)}')" for row in range(1, ROWS)),
        )
        self.make_findable("shop")
        self.backup("shop", tags=("nightly", "größe"), note='the first, with "quotes" and a \\')
        self.execute("shop", f"INSERT INTO product VALUES ({ROWS}, '{text(ROWS, 0)}')")
        self.backup("shop", tags=("nightly",))
        self.execute(UNICODE_NAME, "PRAGMA encoding = 'UTF-16le'", "CREATE TABLE wörter(wort)")
        self.backup(UNICODE_NAME, note="これは最初です")
        self.execute("shop", "UPDATE junk SET v = zeroblob(1400)")
        self.backup("shop")
        self.execute(UNICODE_NAME, "INSERT INTO wörter VALUES ('Straße'), ('数据库'), ('🦆')")
        self.backup(UNICODE_NAME)
        assert self.repository.verify(read_data=1.0).findings == ()
        self.execute("shop", "DROP TABLE junk", "VACUUM")
        assert self.backup("shop", note="after VACUUM") > ROWS // 2, "no page was known again"
        time.sleep(0.1)
        unchanged = BackupOptions(name="shop")
        assert self.repository.backup(self.folder / "shop.db", unchanged).unchanged
        (self.folder / "empty.db").touch()
        self.backup("empty")

    def make_findable(self, name: str) -> None:
        """Give rows such content that moved pages are found.

        One page hash in 256 is sampled, those whose first byte is zero, so a small database would
        have none.
        """
        path = self.folder / f"{name}.db"
        data = path.read_bytes()
        changes = []
        for row in range(1, ROWS):
            at = data.index(text(row, 0).encode())
            start = at // PAGE_BYTES * PAGE_BYTES
            page = data[start : start + PAGE_BYTES]
            number = self._sampled(page, at - start, row)
            changes.append(f"UPDATE product SET description='{text(row, number)}' WHERE id={row}")
        self.execute(name, *changes)

    def _sampled(self, page: bytes, at: int, row: int) -> int:
        key = self.repository.master.derive("page-hash")
        number = 0
        while True:
            image = page[:at] + text(row, number).encode() + page[at + ROW_BYTES :]
            if blake3(image, key=key).digest()[0] == 0:
                return number
            number += 1


def text(row: int, number: int) -> str:
    return f"product {row:02} {number:06} ".ljust(ROW_BYTES, ".")


def main() -> None:
    """Make both repositories beside this script; they must not be there."""
    os.uname = lambda: SimpleNamespace(nodename="golden.example")  # type: ignore[assignment]
    secret = Secret.parse(KEY_FILE.read_text(encoding="utf-8"))
    expected = {}
    for kind in ("plain", "encrypted"):
        repository = Repository.create(HERE / kind, secret=secret if kind == "encrypted" else None)
        with tempfile.TemporaryDirectory() as folder:
            maker = Maker(repository, Path(folder))
            maker.history()
        expected[kind] = maker.expected
    text_of_it = json.dumps(expected, indent=1, ensure_ascii=False)
    (HERE / "expected.json").write_text(f"{text_of_it}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
