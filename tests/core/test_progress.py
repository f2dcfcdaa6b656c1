"""Progress that nobody looks at."""

from __future__ import annotations

from dbtool.core.progress import Progress, Silent


def test_silent_keeps_warnings_and_ignores_the_rest() -> None:
    silent = Silent()
    progress: Progress = silent
    progress.start("reading pages", 10, "pages")
    progress.advance(5)
    progress.warn("look out")
    progress.finish()
    assert silent.warnings == ["look out"]
