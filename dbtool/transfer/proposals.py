"""What an import proposes in the end: foreign keys that the rows show and no definition says."""

from __future__ import annotations

from collections.abc import Iterable

import apsw

from dbtool.core.names import folded
from dbtool.core.progress import Progress
from dbtool.core.schema import Schema
from dbtool.transfer.export.links import declared_links, detected_links

__all__ = ["proposed_keys"]


def proposed_keys(
    connection: apsw.Connection, schema: Schema, made: Iterable[str], progress: Progress
) -> list[str]:
    """Return a sentence for each foreign key that a new table could have.

    Args:
        connection: of the database, all rows in it.
        schema: of it.
        made: names of the tables that the import made.
        progress: told of the columns that are looked at.
    """
    names = {folded(name) for name in made}
    if not names:
        return []
    declared = declared_links(connection, schema)
    return [
        f"{link.child}.{link.columns[0]} could be a foreign key: REFERENCES "
        f"{link.parent}({link.to[0]}) holds for every row"
        for link in detected_links(connection, schema, declared, progress)
        if folded(link.child) in names
    ]
