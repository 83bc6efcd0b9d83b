"""Vega, to stand in a script element of the page; vl-convert bundles it, in a process of its own.

It takes two seconds, in which vl-convert lets no other thread of its process work: none would hear
Ctrl-C. And its engine ends the process that it is in where there is little memory, which would be
the end of the report.
"""

from __future__ import annotations

import os
import sys
from functools import cache

from markupsafe import Markup

from experiments import children

BUNDLE = (
    "import sys, vl_convert; sys.stdout.buffer.write(vl_convert.javascript_bundle(None).encode())"
)


@cache
def library() -> Markup:
    """Vega-Embed with all that it needs.

    Raises:
        OSError: It cannot be made here.
    """
    made = children.ask([sys.executable, "-P", "-c", BUNDLE], env=os.environ)
    if made.returncode:
        raise OSError(0, f"vl-convert cannot bundle Vega: {children.last_word(made)}")
    return Markup(made.stdout.replace("</script", "<\\/script"))
