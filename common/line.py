"""Lines of Python that are data: read, run, and the value of the last one."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any


def value(line: str, names: Mapping[str, Any]) -> Any:
    """What the last line says, an expression, after those before it have been run.

    Args:
        line: One line or several.
        names: What they may name; it is not changed.

    Raises:
        ValueError: The last line is no expression.
    """
    *before, last = ast.parse(line.strip()).body
    if not isinstance(last, ast.Expr):
        raise ValueError(f"the last line must be an expression; received {ast.unparse(last)!r}")
    known = dict(names)
    exec(compile(ast.Module(before, []), "<line>", "exec"), known)
    return eval(compile(ast.Expression(last.value), "<line>", "eval"), known)
