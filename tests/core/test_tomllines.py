"""Lines of keys in a TOML text."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.core.tomllines import dotted, line_of

TEXT = """version = 1
# a = 2
[one]
a = 1
"b.c" = 2

[one.two."th.ree"]   # remark
x . y = 3
inline = { deep = 1 }
[[four]]
a = 5
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("version",), 1),
        (("one",), 3),
        (("one", "a"), 4),
        (("one", "b.c"), 5),
        (("one", "two", "th.ree"), 7),
        (("one", "two", "th.ree", "x", "y"), 8),
        (("one", "two", "th.ree", "inline", "deep"), 9),
        (("four", "a"), 11),
        (("one", "none"), 3),
        (("none",), 1),
    ],
)
def test_the_line_of_a_key_or_of_the_nearest_table(path: tuple[str, ...], line: int) -> None:
    assert line_of(TEXT, path) == line


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF)), min_size=1))
def test_a_dotted_path_is_toml_that_means_the_path(path: list[str]) -> None:
    if any("\x7f" in part for part in path):
        return
    found = tomllib.loads(f"{dotted(tuple(path))} = 0")
    for part in path:
        found = found[part]
    assert found == 0
    assert line_of(f"\n{dotted(tuple(path))} = 0", tuple(path)) == 2


def test_odd_layouts_still_have_an_answer() -> None:
    text = 'a = """\n[ "x\n[b]\ny = 1\n"""\nc = 1\n'
    tomllib.loads(text)
    assert line_of(text, ("c",)) >= 1
