"""What a database has that its schema.sql does not say, and the other way round.

Compared is what definitions mean: layout, comments, the case of keywords and how names are quoted
do not count. The order of columns does.
"""

from __future__ import annotations

from dataclasses import replace

import apsw

from dbtool.core.names import folded
from dbtool.core.schema import Schema, read_schema
from dbtool.core.schemadiff import SchemaChange, schema_changes
from dbtool.migrate.canonical import meaning
from dbtool.migrate.dump import own_items
from dbtool.migrate.replica import load_schema_file

__all__ = ["drift", "schema_drift"]


def drift(schema_sql: str, connection: apsw.Connection) -> tuple[SchemaChange, ...]:
    """Return how the schema of a database differs from a schema.sql.

    Args:
        schema_sql: what should be there: the older side, `a`.
        connection: the database, `b`.

    Raises:
        UsageError: `schema-not-loaded`.
    """
    wanted = load_schema_file(schema_sql)
    try:
        return schema_drift(wanted.schema(), read_schema(connection, "main"))
    finally:
        wanted.close()


def schema_drift(a: Schema, b: Schema) -> tuple[SchemaChange, ...]:
    """Return the differences between two schemas, seen from `a`; settings do not count."""
    a, b = _own(a), _own(b)
    for key, item in list(b.items.items()):
        old = a.items.get(key)
        same_place = old is not None and folded(old.table) == folded(item.table)
        if old is None or not same_place or old.sql == item.sql:
            continue
        if meaning(old.sql or "") == meaning(item.sql or ""):
            b.items[key] = replace(item, sql=old.sql)
    return schema_changes(a, b)


def _own(schema: Schema) -> Schema:
    items = {(item.kind, folded(item.name)): item for item in own_items(schema)}
    return Schema(items, schema.tables)
