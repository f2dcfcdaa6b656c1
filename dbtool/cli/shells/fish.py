"""The completion script for fish."""

from __future__ import annotations

from string import Template

from dbtool.cli.catalog import COMMANDS
from dbtool.cli.description import Description, OptionText
from dbtool.cli.shells.tables import (
    NOTE,
    everywhere,
    names_file,
    positions,
    quoted,
    takes_value,
    value_kind,
    with_value,
)

__all__ = ["fish_script"]

_SCRIPT = Template("""\
# fish completion for dbtool
# $note

function __dbtool_words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $$skip = 1
            set skip 0
        else if contains -- $$word $values
            set skip 1
        else if not string match -q -- '-*' $$word
            echo $$word
        end
    end
end

function __dbtool_is
    set -l words (__dbtool_words)
    set -l wanted (count $$argv)
    test (count $$words) -ge $$wanted; and test "$$words[1..$$wanted]" = "$$argv"
end

function __dbtool_at
    test (count (__dbtool_words)) -eq $$argv[1]
end

function __dbtool_ask
    type -q dbtool; or return
    command dbtool __complete $$argv[1] (commandline -opc)[2..-1] 2>/dev/null
end

complete -c dbtool -f
$lines
""")


def fish_script(pages: list[Description]) -> str:
    """Return the script."""
    root = "complete -c dbtool -n '__dbtool_at 0'"
    lines = [f"{root} -a {verb} -d {quoted(entry.summary)}" for verb, entry in COMMANDS.items()]
    lines.append(f"{root} -l version -d 'Show the version.'")
    lines += [f"complete -c dbtool {_option(text)}" for text in everywhere()]
    for page in pages:
        lines += _command(page)
    return _SCRIPT.substitute(note=NOTE, lines="\n".join(lines), values=" ".join(with_value(pages)))


def _command(page: Description) -> list[str]:
    words = page.path.split()[1:]
    here = f"__dbtool_is {' '.join(words)}"
    next_word = f"complete -c dbtool -n '{here}; and __dbtool_at {{}}'"
    lines = [
        f"{next_word.format(len(words))} -a {name} -d {quoted(text)}"
        for name, text in page.commands
    ]
    lines += [f"complete -c dbtool -n '{here}' {_option(text)}" for text in page.options]
    for number, kind in enumerate(positions(page), len(words)):
        lines.append(f"{next_word.format(number)} {_kind(kind)}")
    return lines


def _kind(kind: str) -> str:
    if kind == "files":
        return "-F"
    order = "-k " if kind == "snapshots" else ""
    files = "-F " if kind == "databases" else ""
    return f"{order}{files}-a '(__dbtool_ask {kind})'"


def _option(text: OptionText) -> str:
    spelled = " ".join(
        f"-l {word[2:]}" if word.startswith("--") else f"-s {word[1:]}" for word in text.words
    )
    value = ""
    if text.choices:
        value = f" -x -a {quoted(' '.join(text.choices))}"
    elif names_file(text):
        value = " -r -F"
    elif kind := value_kind(text):
        value = f" -x {_kind(kind)}"
    elif takes_value(text):
        value = " -x"
    return f"{spelled}{value} -d {quoted(text.help)}"
