"""Nothing from elsewhere acts on a terminal."""

from __future__ import annotations

import io
import json
import sys

import pytest

from dbtool.cli.visible import json_text, never_fail
from tests.core.test_printable import ACTING


@pytest.mark.parametrize("character", ACTING, ids=ascii)
def test_json_is_harmless_and_gives_back_what_went_in(character: str) -> None:
    text = json_text({character: [f"ü{character}\n"]})
    assert text.isprintable()
    assert json.loads(text) == {character: [f"ü{character}\n"]}


def test_the_streams_escape_what_their_encoding_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(written, "ascii", errors="strict"))
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    never_fail()
    sys.stderr.write("ü\udcff")
    sys.stderr.flush()
    assert written.getvalue() == b"\\xfc\\udcff"
