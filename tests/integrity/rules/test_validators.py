"""Regular expressions and JSON Schemas."""

from __future__ import annotations

import json

import apsw
import pytest

from dbtool.integrity.rules.validators import compile_pattern, compile_schema


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("a|b", "b", True),
        ("a|b", "ab", False),
        ("a", "a\n", False),
        (".*", "a\nb", False),
        (r"[\s\S]*", "a\nb", True),
        ("(?i)ä", "Ä", True),
        (r"\d+", "12", True),
        (r"(a)\1", "aa", True),
        (r"(?=.*x).{2}", "ax", True),
        ("", "", True),
    ],
)
def test_a_pattern_matches_the_whole_text(pattern: str, text: str, matches: bool) -> None:
    assert (compile_pattern(pattern)(text) is None) == matches


@pytest.mark.parametrize("value", [1, 1.0, b"a"])
def test_only_text_matches(value: object) -> None:
    assert compile_pattern(".*")(value) == "it is not text"


@pytest.mark.parametrize("pattern", ["(", "a)|(b", "[", "*", "(?<x"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+", "(a|aa)+", "(a*)*", r"(a+)+\1b", "(?=a)(a+)+(?!x)"])
def test_no_pattern_hangs(pattern: str) -> None:
    # Python's `re` would work for longer than the age of the universe.
    assert compile_pattern(pattern)("a" * 200 + "!") is not None


SCHEMA = '{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}'


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('{"a": 1}', None),
        ('{"a": "x"}', '/a: "x" is not of type "integer"'),
        ("{}", '"a" is a required property'),
        ("{", "it is not JSON"),
        ("", "it is not JSON"),
        ('{"a": NaN}', "NaN is no JSON number"),
        ("[" * 100_000, "it is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "it is not JSON"),
        (5, "5 is not of type"),
        (b"\x00\xff\xff", "no JSONB"),
    ],
)
def test_a_schema_says_what_is_wrong(value: object, problem: str | None) -> None:
    found = compile_schema(SCHEMA)(value)
    assert found is None if problem is None else problem in (found or "")


def test_jsonb_is_json_too() -> None:
    connection = apsw.Connection(":memory:")
    ((good, bad),) = connection.execute("SELECT jsonb('{\"a\": 1}'), jsonb('{}')").fetchall()
    connection.close()
    assert compile_schema(SCHEMA)(good) is None
    assert compile_schema(SCHEMA)(bad) is not None


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "object is wanted"),
        ('{"type": 5}', "no JSON Schema"),
        ('{"$ref": "http://127.0.0.1:9/x"}', "no JSON Schema"),
        ('{"$ref": "file:///etc/passwd"}', "no JSON Schema"),
        ('{"pattern": "("}', "no JSON Schema"),
    ],
)
def test_what_is_no_schema_or_reaches_outside_is_refused(schema: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        compile_schema(schema)


def test_a_message_is_never_long() -> None:
    text = json.dumps({"a": "x" * 100_000})
    assert len(compile_schema(SCHEMA)(text) or "") < 400
