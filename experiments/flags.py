"""The flags of a command: what is wrong with them is one line, as any mistake of a user's."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import sys
from typing import Any, TypeVar, get_type_hints

import tyro

from common.errors import UserError, nearest, shown
from common.text import control_in

T = TypeVar("T")

RULES = {"INT": "a whole number", "K": "a whole number", "FLOAT": "a number"}


def shown_as(metavar: str, hint: str = "") -> Any:
    """How a flag is shown in the help: the word for its value, and what holds if it is left out."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint=hint)


def parse(options: type[T], prog: str) -> T:
    """What was asked on the command line.

    Args:
        options: A dataclass, a field for each flag; a line break in what is said of one would show.
        prog: The command as it is written, for the help.

    Raises:
        UserError: No flag has the name, or a flag's value is not what it takes, or a word is empty
            or cannot be printed.
    """
    said = io.StringIO()
    arguments = sys.argv[1:]
    _check_words(options, arguments)
    try:
        with contextlib.redirect_stderr(said):
            found, unknown = tyro.cli(
                options,
                prog=prog,
                args=arguments,
                return_unknown_args=True,
                config=(tyro.conf.FlagCreatePairsOff,),
            )
    except SystemExit as end:
        if not end.code:
            raise
        raise UserError(_wrong_value(options, arguments, said.getvalue())) from None
    if unknown:
        raise UserError(_unknown(options, unknown, prog))
    return found


def _check_words(options: type[Any], arguments: list[str]) -> None:
    """Refuse an empty word, which `Path` takes for the folder where one is.

    Also one that could rewrite a terminal.
    """
    flags = [flag for flag, metavar in flags_of(options).items() if metavar]
    for before, word in itertools.pairwise(["", *arguments]):
        flag, _, value = (
            word.partition("=") if word.startswith("--") and "=" in word else (before, "", word)
        )
        flag = flag.replace("_", "-")
        place = flag if flag in flags else "what is asked"
        if not value:
            raise UserError(
                f"{place} must not be empty; received an empty word; leave it out, or write a value"
            )
        if control := control_in(word):
            raise UserError(
                f"{place} must be text without control characters, in UTF-8; "
                f"received U+{ord(control):04X} in {shown(word)}; leave that out"
            )


def _unknown(options: type[Any], unknown: list[str], prog: str) -> str:
    flag = next((word.partition("=")[0] for word in unknown if word.startswith("-")), None)
    if flag is None:
        return (
            f"a value must follow its flag; received {shown(unknown[0])} besides; {prog} --help "
            "shows the flags"
        )
    return f"no flag is called {shown(flag)}{nearest(flag, flags_of(options))}"


def _wrong_value(options: type[Any], arguments: list[str], said: str) -> str:
    """One line for what tyro says in a frame of many."""
    named = re.search(r"(?:parsing|argument) '?(--[\w-]+)", said)
    metavar = flags_of(options).get(named[1], "") if named else ""
    if not (named and metavar):
        words = " ".join(said.translate(dict.fromkeys(map(ord, "│╭╮╰╯─"), " ")).split())
        return words.partition(" For full helptext")[0]
    spelt = [argument.replace("_", "-") for argument in arguments]
    at = next(
        (i for i, argument in enumerate(spelt) if argument.partition("=")[0] == named[1]),
        len(spelt),
    )
    if at == len(spelt):
        return f"{named[1]} must be {RULES.get(metavar, metavar)}; --help shows the flags"
    value = arguments[at].partition("=")[2] or next(iter(arguments[at + 1 : at + 2]), "")
    if not value or value.startswith("--"):
        return f"{named[1]} must be followed by {RULES.get(metavar, metavar)}; received nothing"
    near = nearest(value, metavar.split("|")) if "|" in metavar else ""
    return f"{named[1]} must be {RULES.get(metavar, metavar)}; received {shown(value)}{near}"


def flags_of(options: type[Any]) -> dict[str, str]:
    """The flags of a command, and the word that stands for each one's value in the help."""
    found = {}
    for name, hint in get_type_hints(options, include_extras=True).items():
        metadata = getattr(hint, "__metadata__", ())
        if tyro.conf.Positional in metadata:
            continue
        settings = [each for each in metadata if hasattr(each, "metavar")]
        name = next((each.name for each in settings if each.name), name)
        found[f"--{name.replace('_', '-')}"] = next(
            (each.metavar for each in settings if each.metavar), "INT" if hint is int else ""
        )
    return found
