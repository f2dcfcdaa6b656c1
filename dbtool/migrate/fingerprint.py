"""One hash for a whole schema: equal where SQLite would read the definitions as the same tokens.

What SQLite and virtual tables make by themselves does not count, nor do the tables that dbtool
keeps. Order of creation, comments and white space do not count either.
"""

from __future__ import annotations

import hashlib
from typing import Final

import apsw

from dbtool.core.schema import select, valid_text
from dbtool.migrate.tokens import code_of

__all__ = ["schema_fingerprint"]

_OBJECTS: Final = """
SELECT type, lower(name), lower(tbl_name), CAST(sql AS TEXT) FROM sqlite_schema
WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
  AND tbl_name NOT LIKE '\\_dbtool\\_%' ESCAPE '\\'
  AND tbl_name NOT IN (SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow')
ORDER BY type, lower(name)
"""


def schema_fingerprint(connection: apsw.Connection) -> str:
    """Return the hash of the schema of `main`, as hexadecimal digits.

    Raises:
        Damaged: `text-damaged`.
    """
    digest = hashlib.sha256()
    with valid_text():
        rows = select(connection, _OBJECTS)
    for kind, name, table, sql in rows:
        for part in (kind, name, table, code_of(sql)):
            digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()
