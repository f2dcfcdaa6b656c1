"""Rules about tables that are made anew: what hangs on the old one must come along."""

from __future__ import annotations

from dbtool.core.names import folded
from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.fates import Fate
from dbtool.migrate.lint.look import checks_of
from dbtool.migrate.lint.trial import Moment

__all__ = [
    "checks_lost",
    "copies_star",
    "drops_parent",
    "parts_lost",
    "renames_before_drop",
    "views_broken",
]


def _rebuild(table: str) -> str:
    return f"-- dbtool:rebuild {table} with the new CREATE TABLE keeps it"


def parts_lost(context: Context) -> None:
    """rebuild-loses-trigger and rebuild-loses-index."""
    for kind in ("trigger", "index"):
        for fate in context.fates:
            # One whose rows went to a table of another name is gone because it is meant to be.
            if fate.remade and fate.copied is not None and fate.successor == fate.name:
                _lost_of(context, fate, kind)


def _lost_of(context: Context, fate: Fate, kind: str) -> None:
    assert fate.successor is not None
    assert fate.copied is not None
    before = context.trial.before.parts(kind, fate.name)
    after = context.trial.after.parts(kind, fate.successor)
    said = {folded_name for folded_name, at in _dropped(context, kind) if at is not None}
    for name, item in before.items():
        if name in after or name in said:
            continue
        unfit = [u for u in fate.copied.unfit if u[:2] == (kind, item.name)]
        why = f": {unfit[0][2]}" if unfit else ""
        table = context.trial.before.tables[fate.name].name
        advice = (
            f"drop it before the rebuild, DROP {kind.upper()} {item.name}, and create it anew after"
            if unfit
            else f"{_rebuild(table)}; or create it again after the copy"
        )
        context.say(
            f"rebuild-loses-{kind}",
            fate.dropped or fate.copied,
            f"the {kind} {item.name} of {table} is gone after the rebuild{why}",
            advice,
        )


def _dropped(context: Context, kind: str) -> list[tuple[str, Moment | None]]:
    """Return what the migration drops by name, which is meant."""
    return [
        (name, moment)
        for moment in context.trial.moments
        if moment.verb == f"DROP {kind.upper()}"
        for each, name in moment.before.schema.items
        if each == kind and (each, name) not in moment.after.schema.items
    ]


def checks_lost(context: Context) -> None:
    """rebuild-loses-check: a CHECK of the old table that the new one does not have."""
    for fate in context.fates:
        if not fate.remade or fate.copied is None or fate.successor is None:
            continue
        old = context.trial.before.tables[fate.name]
        new = context.trial.after.tables.get(fate.successor)
        if new is None:
            continue
        kept = checks_of(new.item.sql or "")
        for meant, text in checks_of(old.item.sql or "").items():
            if meant not in kept:
                context.say(
                    "rebuild-loses-check",
                    fate.copied,
                    f"the new {old.name} lacks {text}",
                    "repeat it in the new CREATE TABLE, or say why it goes: "
                    "-- dbtool:ignore rebuild-loses-check REASON",
                )


def views_broken(context: Context) -> None:
    """rebuild-breaks-view: a view that could be read before and cannot be read afterwards."""
    trial = context.trial
    broken = trial.after.broken_views.keys() - trial.before.broken_views.keys()
    for name in sorted(broken):
        item = trial.after.schema.items["view", name]
        # The first statement from which on it stays broken.
        at: Moment | None = None
        for moment in reversed(trial.moments):
            if name not in moment.after.broken_views:
                break
            at = moment
        if at is None:
            continue
        new = ("view", name) not in at.before.schema.items
        context.say(
            "rebuild-breaks-view",
            at,
            f"the view {item.name} cannot be read: {trial.after.broken_views[name]}",
            "mend its SELECT"
            if new
            else f"drop it before, DROP VIEW {item.name}, and create it anew afterwards",
        )


def drops_parent(context: Context) -> None:
    """drop-parent-cascade: DROP TABLE deletes the rows first, and that fires foreign keys.

    In a transaction dbtool has turned them off; without one they are as the migration leaves them.
    """
    off = False
    for moment in context.trial.moments:
        off = _keys_off(moment, off=off)
        if moment.verb != "DROP TABLE" or moment.before is moment.after:
            continue
        if moment.transactional or off:
            continue
        for name, table in moment.before.tables.items():
            firing = [key for key in moment.before.children(table.name) if key.fires]
            if name in moment.after.tables or not firing or not context.may_have_rows(name):
                continue
            child = firing[0]
            context.say(
                "drop-parent-cascade",
                moment,
                f"dropping {table.name} changes the rows of {child.child} "
                f"(ON DELETE {child.on_delete})",
                f"-- dbtool:rebuild {table.name}, in a transaction, never fires foreign keys",
            )


def _keys_off(moment: Moment, *, off: bool) -> bool:
    for _, name, value, _ in moment.asked:
        if (name or "").lower() == "foreign_keys" and value is not None:
            off = value.lower() in ("0", "off", "false", "no")
    return off


def renames_before_drop(context: Context) -> None:
    """rename-before-drop: everything that names a table follows it when it is renamed."""
    for fate in context.fates:
        moment = fate.renamed
        if moment is None or fate.dropped is None or fate.name not in context.trial.after.tables:
            continue
        followers = _followers(moment, fate.name)
        if followers:
            table = context.trial.before.tables[fate.name].name
            context.say(
                "rename-before-drop",
                moment,
                f"{followers[0]} follows {table} to its new name, and that table is dropped later",
                f"-- dbtool:rebuild {table}; or create the new table under another name, copy, "
                "drop the old one, rename the new one",
            )


def _followers(moment: Moment, table: str) -> list[str]:
    still = {(key.child, key.columns) for key in moment.after.children(table)}
    found = [
        f"the foreign key of {key.child}"
        for key in moment.before.children(table)
        if (key.child, key.columns) not in still
    ]
    for (kind, name), item in moment.before.schema.items.items():
        after = moment.after.schema.items.get((kind, name))
        moved = after is not None and after.sql != item.sql
        # Its own triggers belong to it whatever its name is: that they go is another rule.
        own = folded(item.table) == table
        if kind in ("view", "trigger") and moved and not own:
            found.append(f"the {kind} {item.name}")
    return found


def copies_star(context: Context) -> None:
    """select-star-copy: INSERT INTO ... SELECT * goes by position."""
    for moment in context.trial.moments:
        if moment.verb in ("INSERT", "REPLACE") and _selects_star(moment):
            context.say(
                "select-star-copy",
                moment,
                "SELECT * copies by position: columns in another order get each other's values",
                "name the columns on both sides: INSERT INTO new(a, b) SELECT a, b FROM old",
            )


def _selects_star(moment: Moment) -> bool:
    depth = 0
    for before, token, after in zip(moment.words, moment.words[1:], moment.words[2:], strict=False):
        depth += (before.text == "(") - (before.text == ")")
        starts = before.text.upper() in ("SELECT", "ALL", "DISTINCT", ",", ".")
        ends = after.text.upper() in ("FROM", ",", ";")
        if depth == 0 and token.text == "*" and starts and ends:
            return True
    return False
