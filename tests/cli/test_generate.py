"""The generator of man pages and completions."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli import generate


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(generate, "_TOP", tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", ["man", "completions"])
def test_written_files_pass_the_check_and_changed_ones_fail_it(
    top: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main([kind, "--check"]) == 1
    assert generate.main([kind]) == 0
    written = capsys.readouterr().out.split()
    assert generate.main([kind, "--check"]) == 0
    (top / written[0]).write_text("changed")
    assert generate.main([kind, "--check"]) == 1
    assert f"{written[0]} is not what the command tree says" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["pdf"], ["man", "completions"], ["man", "--chek"]])
def test_other_words_are_a_usage_error(top: Path, words: list[str]) -> None:
    assert generate.main(words) == 2
    assert list(top.glob("*/*.1")) == []


def test_verbs_of_a_verb_are_described_after_it() -> None:
    paths = [page.path for page in generate.descriptions()]
    assert paths.index("dbtool key add") > paths.index("dbtool key")
    assert len(paths) == len(set(paths))
