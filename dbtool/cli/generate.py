"""Writes manual pages and completions: `python -m dbtool.cli.generate man|completions [--check]`.

With `--check` nothing is written, and the exit code is 1 where a file differs from what would be
written.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from typer._click.core import Command

from dbtool.cli.app import root
from dbtool.cli.description import Description, describe
from dbtool.cli.manpage import command_page, program_page
from dbtool.cli.shells.bash import bash_script
from dbtool.cli.shells.fish import fish_script
from dbtool.cli.shells.zsh import zsh_script

__all__ = ["completion_files", "descriptions", "main", "manual_files"]

_TOP = Path(__file__).resolve().parents[2]


def descriptions() -> list[Description]:
    """Return what every command says about itself, verbs of verbs after their verb."""
    tree = root()
    return list(_walk("dbtool", {name: tree.commands[name] for name in tree.commands}))


def _walk(path: str, commands: dict[str, Command]) -> Iterator[Description]:
    for name, command in commands.items():
        yield describe(command, f"{path} {name}")
        yield from _walk(f"{path} {name}", dict(getattr(command, "commands", {})))


def manual_files() -> dict[Path, str]:
    """Return path and text of every generated manual page."""
    pages = descriptions()
    files = {Path("man/dbtool.1"): program_page(pages)}
    for page in pages:
        words = page.path.split()
        if len(words) == 2:  # noqa: PLR2004 - `dbtool VERB`; verbs of a verb are sections of its page
            below = [inner for inner in pages if inner.path.startswith(f"{page.path} ")]
            files[Path("man") / f"{'-'.join(words)}.1"] = command_page(page, below)
    return files


def completion_files() -> dict[Path, str]:
    """Return path and text of every completion script."""
    pages = descriptions()
    folder = Path("completions")
    return {
        folder / "dbtool.bash": bash_script(pages),
        folder / "_dbtool": zsh_script(pages),
        folder / "dbtool.fish": fish_script(pages),
    }


def main(words: list[str]) -> int:
    """Write or check the files of one kind and return the exit code."""
    kinds = {"man": manual_files, "completions": completion_files}
    chosen = [word for word in words if word in kinds]
    if len(chosen) != 1 or set(words) - {*chosen, "--check"}:
        sys.stderr.write("usage: python -m dbtool.cli.generate man|completions [--check]\n")
        return 2
    different = [path for path, text in kinds[chosen[0]]().items() if _differs(_TOP / path, text)]
    if "--check" in words:
        sys.stderr.writelines(f"{path} is not what the command tree says\n" for path in different)
        return 1 if different else 0
    for path, text in kinds[chosen[0]]().items():
        (_TOP / path).parent.mkdir(exist_ok=True)
        (_TOP / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    return 0


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
