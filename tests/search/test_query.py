"""The query language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import UsageError
from dbtool.search.query import (
    All,
    Any,
    Compare,
    InTable,
    Node,
    Not,
    Range,
    Word,
    invalid,
    parse_query,
    words,
)


def shape(node: Node) -> object:
    """Return a tree without its places."""
    if isinstance(node, Word):
        text = node.text + ("*" if node.prefix else "")
        return f"{node.column}:{text}" if node.column else text
    if isinstance(node, Compare):
        return f"{node.column}{node.operator}{node.value}"
    if isinstance(node, Range):
        return f"{node.column}:{node.low}..{node.high}"
    if isinstance(node, InTable):
        return f"table={node.name}"
    if isinstance(node, Not):
        return ("not", shape(node.part))
    assert isinstance(node, (All, Any))
    return ("all" if isinstance(node, All) else "any", *map(shape, node.parts))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("rock", "rock"),
        ("rock roll", ("all", "rock", "roll")),
        ('"rock and roll"', "rock and roll"),
        ('"ro"*', "ro*"),
        ("ro*", "ro*"),
        ("rock -roll", ("all", "rock", ("not", "roll"))),
        ("NOT roll", ("not", "roll")),
        ("a OR b c", ("any", "a", ("all", "b", "c"))),
        ("(a OR b) c", ("all", ("any", "a", "b"), "c")),
        ("a AND b", ("all", "a", "b")),
        ("title:rock", "title:rock"),
        ('title:"rock and"', "title:rock and"),
        ("title:(a OR b*)", ("any", "title:a", "title:b*")),
        ('"First Name":ann', "First Name:ann"),
        ("a>1 b<=2 c!=x d=NULL", ("all", "a>1", "b<=2", "c!=x", "d=NULL")),
        ("size:>10", "size>10"),
        ("size:10..20", "size:10..20"),
        ("born:..2000", "born:..2000"),
        ("table:orders x", ("all", "table=orders", "x")),
        ("12:30", "12:30"),
        ("well-known", "well-known"),
        ('say ""', None),
        ("-", "-"),
    ],
)
def test_text_becomes_a_tree(text: str, tree: object) -> None:
    if tree is None:
        with pytest.raises(UsageError):
            parse_query(text)
    else:
        assert shape(parse_query(text)) == tree


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "the query is empty", 0),
        ("   ", "the query is empty", 0),
        ("a (b", "this ( is never closed", 2),
        ("a b)", "there is no ( for this )", 3),
        ('a "b', 'this " is never closed', 2),
        ("a OR", "something to search for is missing here", 4),
        ("OR a", "something to search for is missing here", 0),
        ("()", "something to search for is missing here", 1),
        ("total>", "a value is missing behind >", 6),
        ("size:..", "a range needs at least one end", 5),
        ("ü table:", "the name of a table is missing behind :", 8),
    ],
)
def test_errors_point_at_the_place(text: str, message: str, place: int) -> None:
    with pytest.raises(UsageError) as caught:
        parse_query(text)
    assert caught.value.code == "query-invalid"
    assert caught.value.message == message
    if text.strip():
        assert caught.value.context.splitlines()[1].index("^") == place


def test_too_much_is_refused_before_it_costs_anything() -> None:
    for text in ("(" * 5000 + "a" + ")" * 5000, "a " * 300, "-" * 3 + "x" * 20_000):
        with pytest.raises(UsageError):
            parse_query(text)
    assert parse_query("- " * 100)


def test_words_are_those_that_a_row_may_hold() -> None:
    tree = parse_query("a -b (c OR d:e) f>1")
    assert [word.text for word in words(tree)] == ["a", "c", "e"]


def test_the_place_is_shown_below_the_text() -> None:
    error = invalid("one\ttwo", 4, "what", "why")
    assert error.context.splitlines() == ["one two", "    ^"]
    assert error.hint == "why"


@given(st.text(alphabet=' "()*:-<>=!.abOR\t\x00é東', max_size=40) | st.text(max_size=30))
def test_any_text_is_a_query_or_an_error_of_ours(text: str) -> None:
    try:
        parse_query(text)
    except UsageError as error:
        assert error.code == "query-invalid"
