"""`fieldpost completion SHELL`: what makes a shell complete commands, options, ids and urls."""

from argparse import ArgumentParser, Namespace

from device.cli.invocation import Invocation
from device.cli.output import document

EXAMPLES = (
    ("fieldpost completion bash", "save it in /etc/bash_completion.d/fieldpost"),
    ("fieldpost completion zsh", "save it as _fieldpost in a folder of $fpath"),
    ("fieldpost completion fish", "save it in ~/.config/fish/completions/fieldpost.fish"),
)

# The scripts only ask: what there is to offer is found by the program itself, which therefore
# cannot differ from it.
_SCRIPTS = {
    "bash": """\
# bash completion of fieldpost; made by: fieldpost completion bash
_fieldpost() {
    local value
    COMPREPLY=()
    while IFS= read -r value; do
        if [ "$value" = ":files" ]; then
            compopt -o default
        else
            COMPREPLY+=("$value")
        fi
    done < <("${COMP_WORDS[0]}" __complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _fieldpost fieldpost
""",
    "zsh": """\
#compdef fieldpost
# zsh completion of fieldpost; made by: fieldpost completion zsh
_fieldpost() {
    local line
    local -a offers abouts
    for line in "${(@f)$("${(Q)words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"
    do
        if [[ $line == ":files" ]]; then
            _files
        elif [[ -n $line ]]; then
            offers+=("${line%%$'\\t'*}")
            abouts+=("${line/$'\\t'/  -- }")
        fi
    done
    (( $#offers )) && compadd -l -d abouts -a offers
}
if [[ $funcstack[1] == _fieldpost ]]; then
    _fieldpost "$@"
else
    compdef _fieldpost fieldpost
fi
""",
    "fish": """\
# fish completion of fieldpost; made by: fieldpost completion fish
function __fieldpost_offers
    set -l words (commandline -opc) (commandline -ct)
    for line in (command $words[1] __complete fish $words[2..] 2>/dev/null)
        if test "$line" = ":files"
            __fish_complete_path (commandline -ct)
        else
            printf '%s\\n' $line
        end
    end
end
complete -c fieldpost -f -a '(__fieldpost_offers)'
""",
}


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("shell", choices=list(_SCRIPTS), help="for which shell")


def main(args: Namespace, call: Invocation) -> int:
    """Print the script."""
    script = _SCRIPTS[args.shell]
    if call.json:
        document({"shell": args.shell, "script": script})
    else:
        print(script, end="")
    return 0
