"""Manual pages."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dbtool.cli.generate import manual_files

TOP = Path(__file__).resolve().parents[2]
FILES = manual_files()
HAND_WRITTEN = sorted(path.relative_to(TOP) for path in (TOP / "man").glob("*.5"))


@pytest.mark.skipif(
    shutil.which("man") is None or shutil.which("groff") is None, reason="needs man-db and groff"
)
@pytest.mark.parametrize("path", [*FILES, *HAND_WRITTEN], ids=str)
def test_a_page_renders_without_a_warning(path: Path, tmp_path: Path) -> None:
    page = tmp_path / path.name
    page.write_text(FILES.get(path) or (TOP / path).read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        ["man", "--warnings", "-E", "UTF-8", "-l", str(page)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_page_has_the_sections_that_readers_look_for(path: Path) -> None:
    text = FILES[path]
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"):
        assert f"\n.SH {section}\n" in text


@pytest.mark.parametrize("path", FILES, ids=str)
def test_no_line_of_text_is_taken_for_a_macro(path: Path) -> None:
    known = ('.\\"', ".TH", ".SH", ".TP", ".PP", ".br", ".nf", ".fi")
    for line in FILES[path].splitlines():
        if line.startswith("."):
            assert line.startswith(known), line
        assert not line.startswith("'"), line
