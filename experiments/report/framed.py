"""What all pages have in common.

One self-contained HTML file by Jinja, everything escaped, and what a browser allows it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

HERE = Path(__file__).parent

TURNING = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""The characters that change the direction in which others are read: a name with one could look
like another name."""

SEEN = {code: f"<U+{code:04X}>" for code in TURNING}
"""What the page has in their places."""

THEME = HERE / "script" / "theme.js"
"""The part of a page's script that all have."""

SCRIPT = [THEME, *(HERE / "script" / f"{part}.js" for part in ("page", "filter", "export"))]
"""Those that pages with data have, in their order."""

Filters = Mapping[str, Callable[..., Any]]


def rendered(
    template: Path,
    *,
    scripts: Sequence[str] = (),
    data: Any = None,
    style: str = "",
    filters: Filters | None = None,
    **content: Any,
) -> str:
    """A page.

    Args:
        template: Its file; what it extends and imports lies beside it or here.
        scripts: All that it may run.
        data: What they read, as JSON.
        style: What is its own.
        filters: Of its template.
        content: What its template takes.
    """
    files = FileSystemLoader([template.parent, HERE])
    environment = Environment(
        loader=files,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.filters |= filters or {}
    return environment.get_template(template.name).render(
        policy=_policy(*scripts),
        style=Markup((HERE / "page.css").read_text(encoding="utf-8") + style),
        scripts=list(map(Markup, scripts)),
        data=None if data is None else _json(data),
        **content,
    )


def script(*parts: Path) -> str:
    """One script of its parts, in their order."""
    return "".join(part.read_text(encoding="utf-8") for part in parts)


def _policy(*scripts: str) -> Markup:
    """What a browser allows the page: these scripts and no other, no eval, no request, no form."""
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    scripts_of = f"script-src {allowed}; " if allowed else ""
    rest = "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    return Markup(f"default-src 'none'; {scripts_of}{rest}")


def _seen(value: Any) -> Any:
    """A user's text with what turns its direction made visible; markup is ours."""
    return value.translate(SEEN) if type(value) is str else value


def _json(content: Any) -> Markup:
    """JSON that may stand in a script element.

    Whatever a user has written, it ends no element and begins none.
    """
    text = _seen(json.dumps(content, separators=(",", ":"), allow_nan=False, ensure_ascii=False))
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
