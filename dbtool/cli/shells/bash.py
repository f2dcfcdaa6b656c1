"""The completion script for bash, 3.2 and later, without the bash-completion package."""

from __future__ import annotations

from string import Template

from dbtool.cli.catalog import COMMANDS
from dbtool.cli.description import Description
from dbtool.cli.shells.tables import (
    NOTE,
    asking_options,
    choices,
    everywhere,
    file_options,
    positions,
    with_value,
)

__all__ = ["bash_script"]

_SCRIPT = Template("""\
# bash completion for dbtool
# $note

_dbtool_options() {
    case "$$1" in
$options
    esac
}

_dbtool_kinds() {
    case "$$1" in
$kinds
    esac
}

_dbtool_verbs() {
    case "$$1" in
$verbs
    esac
}

_dbtool_choices() {
    case "$$1" in
$choices
    esac
}

_dbtool_offer() {
    local line
    while IFS= read -r line; do COMPREPLY+=("$$line"); done < <(compgen -W "$$1" -- "$$current")
}

_dbtool_candidates() {
    local kind=$$1 line
    shift
    if [[ $$kind == databases || $$kind == files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$$line"); done < <(compgen -f -- "$$current")
    fi
    [[ $$kind == files || -z $$kind ]] && return
    while IFS= read -r line; do
        line=$${line%%$$'\\t'*}
        [[ $$line == "$$current"* ]] && COMPREPLY+=("$$line")
    done < <("$${COMP_WORDS[0]}" __complete "$$kind" "$$@" 2>/dev/null)
}

_dbtool() {
    local current=$${COMP_WORDS[COMP_CWORD]} previous=$${COMP_WORDS[COMP_CWORD - 1]}
    local path=dbtool count=0 skip=0 index word kinds
    COMPREPLY=()
    [[ $$current == "=" ]] && current=""
    [[ $$previous == "=" ]] && previous=$${COMP_WORDS[COMP_CWORD - 2]}
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=$${COMP_WORDS[index]}
        if ((skip)); then [[ $$word == "=" ]] || skip=0; continue; fi
        case "$$word" in
        $values) skip=1 ;;
        -*) ;;
        *)
            if [[ " $$(_dbtool_verbs "$$path") " == *" $$word "* ]]; then
                path+=" $$word"
            else
                count=$$((count + 1))
            fi
            ;;
        esac
    done
    case "$$previous" in
    $files)
        _dbtool_candidates files
        return
        ;;
$asking
    $values)
        _dbtool_offer "$$(_dbtool_choices "$$previous")"
        return
        ;;
    esac
    if [[ $$current == -* ]]; then
        _dbtool_offer "$$(_dbtool_options "$$path")"
    elif [[ -n $$(_dbtool_verbs "$$path") ]]; then
        _dbtool_offer "$$(_dbtool_verbs "$$path")"
    else
        read -r -a kinds <<<"$$(_dbtool_kinds "$$path")"
        _dbtool_candidates "$${kinds[count]}" \\
            "$${COMP_WORDS[@]:1:COMP_CWORD-1}" "$${COMP_WORDS[@]:COMP_CWORD+1}"
    fi
}

complete -F _dbtool dbtool
""")

_WORDS = '"${COMP_WORDS[@]:1:COMP_CWORD-1}" "${COMP_WORDS[@]:COMP_CWORD+1}"'


def bash_script(pages: list[Description]) -> str:
    """Return the script."""
    general = [word for text in everywhere() for word in text.words]
    options = {"dbtool": [*general, "--version"]}
    options |= {
        page.path: [*(w for text in page.options for w in text.words), *general] for page in pages
    }
    verbs = {"dbtool": list(COMMANDS)}
    verbs |= {page.path: [name for name, _ in page.commands] for page in pages if page.commands}
    return _SCRIPT.substitute(
        note=NOTE,
        options=_branches(options),
        kinds=_branches({page.path: positions(page) for page in pages if page.arguments}),
        verbs=_branches(verbs),
        choices="\n".join(
            f"    {'|'.join(words)}) echo '{' '.join(known)}' ;;"
            for words, known in choices(pages).items()
        ),
        values=" | ".join(with_value(pages)),
        files=" | ".join(file_options(pages)),
        asking="\n".join(
            f"    {' | '.join(words)})\n        _dbtool_candidates {kind} {_WORDS}\n"
            "        return\n        ;;"
            for kind, words in asking_options(pages).items()
        ),
    )


def _branches(table: dict[str, list[str]]) -> str:
    return "\n".join(f"    '{path}') echo '{' '.join(words)}' ;;" for path, words in table.items())
