"""The dashboard in a real browser."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

pytest.importorskip("textual_serve")
pytest.importorskip("aiohttp")
from tests.cli.dashboard.test_web import free_port, served
from tests.compat import chromium

_FEWEST_BYTES = 20_000
"""An empty page has a quarter of that."""

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason="chromium is not installed")


def test_a_browser_shows_the_dashboard(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    with served(tmp_path, path, free_port()) as url:
        # The page marks its body once the program behind it has drawn.
        shown = "document.body.classList.contains('-first-byte')"
        png = chromium.picture(url, tmp_path, wait_for=shown, fewest_bytes=_FEWEST_BYTES)
    assert png.startswith(b"\x89PNG")
    assert len(png) >= _FEWEST_BYTES
