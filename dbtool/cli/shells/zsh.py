"""The completion script for zsh, to be found as `_dbtool` in the function path."""

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
)

__all__ = ["zsh_script"]

_SCRIPT = Template("""\
#compdef dbtool
# zsh completion for dbtool
# $note

_dbtool_ask() {
  local -a lines candidates
  local line
  lines=("$${(@f)$$(command dbtool __complete $$1 "$${dbtool_words[@]}" 2>/dev/null)}")
  for line in $$lines; do
    candidates+=("$${$${line%%$$'\\t'*}//:/\\\\:}:$${line#*$$'\\t'}")
  done
  _describe -V $$1 candidates
}

_dbtool_databases() { _alternative 'databases:database: _dbtool_ask databases' 'files:file:_files' }
_dbtool_snapshots() { _dbtool_ask snapshots }
_dbtool_keys() { _dbtool_ask keys }
_dbtool_topics() { _dbtool_ask topics }

_dbtool_run() {
  case $$1 in
$branches
  esac
}

_dbtool() {
  local curcontext="$$curcontext" state line
  local -a dbtool_words verbs
  dbtool_words=("$${(@)words[2,CURRENT-1]}" "$${(@)words[CURRENT+1,-1]}")
  _arguments -C \\
    $general \\
    '--version[Show the version.]' \\
    '1: :->verb' \\
    '*::argument:->rest'
  case $$state in
    verb)
      verbs=(
$root
      )
      _describe command verbs
      ;;
    rest)
      case $$words[1] in
$groups
        *) _dbtool_run $$words[1] ;;
      esac
      ;;
  esac
}

_dbtool_group() {
  local verb=$$1 state line
  _arguments -C '1: :->verb' '*::argument:->rest'
  case $$state in
    verb) _describe command verbs ;;
    rest) _dbtool_run "$$verb $$words[1]" ;;
  esac
}

if [ "$$funcstack[1]" = "_dbtool" ]; then
  _dbtool "$$@"
else
  compdef _dbtool dbtool
fi
""")


def zsh_script(pages: list[Description]) -> str:
    """Return the script."""
    groups = [page for page in pages if page.commands]
    return _SCRIPT.substitute(
        note=NOTE,
        branches="\n".join(_branch(page) for page in pages if not page.commands),
        general=" \\\n    ".join(_option(text) for text in everywhere()),
        root="\n".join(
            f"        {quoted(f'{verb}:{entry.summary}')}" for verb, entry in COMMANDS.items()
        ),
        groups="\n".join(_group(page) for page in groups),
    )


def _branch(page: Description) -> str:
    specs = [_option(text) for text in (*page.options, *everywhere())]
    actions = ["_files" if kind == "files" else f"_dbtool_{kind}" for kind in positions(page)]
    specs += [
        f"'{n}:{action.removeprefix('_dbtool_')}:{action}'" for n, action in enumerate(actions, 1)
    ]
    lines = " \\\n        ".join(specs)
    label = quoted(page.path.removeprefix("dbtool "))
    return f"    {label})\n      _arguments -s -S \\\n        {lines}\n      ;;"


def _group(page: Description) -> str:
    verb = page.path.split()[1]
    lines = "\n".join(f"            {quoted(f'{name}:{text}')}" for name, text in page.commands)
    body = f"          verbs=(\n{lines}\n          )\n          _dbtool_group {verb}"
    return f"        {verb})\n{body}\n          ;;"


def _option(text: OptionText) -> str:
    about = text.help.replace("[", "(").replace("]", ")").replace(":", "\\:").replace("'", "")
    if text.metavar.startswith("["):
        return f"'{text.words[0]}=-[{about}]::share:'"
    if not takes_value(text):
        return " ".join(f"'{_excludes(text, word)}{word}[{about}]'" for word in text.words)
    kind = value_kind(text)
    action = f"_dbtool_{kind}" if kind else "_files" if names_file(text) else " "
    if text.choices:
        action = f"({' '.join(text.choices)})"
    value = f":{text.metavar.lower().replace('|', ' ')}:{action}"
    return " ".join(
        f"'{_excludes(text, word)}{word}{'=' if word.startswith('--') else '+'}[{about}]{value}'"
        for word in text.words
    )


def _excludes(text: OptionText, word: str) -> str:
    return f"({' '.join(text.words)})" if len(text.words) > 1 and word else ""
