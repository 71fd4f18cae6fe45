"""The public names of `import camcast`; their docstrings are put in by mkdocstrings."""

from __future__ import annotations

import inspect

import camcast


def page() -> str:
    """The page."""
    lines = [
        "# Python API",
        "",
        (
            "All public names: they are stable within a version as [CONTRIBUTING](../contributing.md) says. How to "
            "use them: [Embedding](../embedding.md); for plugins: [Tutorial](../plugins/tutorial.md)."
        ),
    ]
    for name in camcast.__all__:
        home = getattr(camcast, name)
        if not inspect.isclass(home):
            continue
        if name != home.__name__:
            lines += ["", f"## {name}", "", f"Another name of `{home.__name__}`."]
        else:
            lines += ["", f"::: {home.__module__}.{name}"]
    return "\n".join(lines) + "\n"
