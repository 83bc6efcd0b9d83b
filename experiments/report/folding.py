"""Lines of Python code broken to fit a column."""

from __future__ import annotations

import re
import textwrap


class _CodeWrapper(textwrap.TextWrapper):
    """Breaks lines at spaces and after an opening bracket."""

    wordsep_simple_re = re.compile(r"([\t\n ]+|(?<=[(\[]))")


def fold(code: str, width: int) -> str:
    """Break the lines of Python code that are longer than a column, and indent what follows."""
    return "\n".join(part for line in code.splitlines() for part in _folded(line, width))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    code, mark, comment = line.partition("  # ")
    if mark and code.strip():  # a comment at the end of a line goes above it
        return [*_folded(f"{indent}# {comment}", width), *_folded(code, width)]
    further = {"#": "# ", '"': ""}.get(
        line.lstrip()[0], "        " if line.endswith(":") else "    "
    )
    return _CodeWrapper(width, subsequent_indent=indent + further, break_on_hyphens=False).wrap(
        line
    )
