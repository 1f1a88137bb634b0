"""The text of an output file: classes, then the support code that they need."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from kt_translate.emit import support
from kt_translate.lower.writer import ClassCode


def template_root() -> Path:
    """Inside the package when installed, beside it in a checkout."""
    installed = Path(str(files("kt_translate"))) / "templates"
    return installed if installed.is_dir() else installed.parents[1] / "templates"


@lru_cache(maxsize=1)
def environment() -> Any:
    """The templates, loaded when they are first needed."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(template_root()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(source: str, classes: list[ClassCode], constants: list[str], training: str) -> str:
    """The whole file. ``constants``: assignments kept from the source's module."""
    import black

    template = environment().get_template("module.py.j2")
    facts = {
        "source": source,
        "classes": classes,
        "constants": "\n".join(constants),
        "pictures": any(t.rank == 4 for c in classes for t in c.inputs),
    }
    models = template.render(imports="", **facts)
    lacks, loader = support.needed(models + training, ("load_keras_weights",))
    tail = training
    if lacks:
        tail += _section("What PyTorch lacks") + "\n\n".join(u.text for u in lacks)
    tail += _section("Weights") + "\n\n".join(u.text for u in loader)
    imports = "\n".join(support.import_lines(models + tail))
    text = template.render(imports=imports, **facts)
    return black.format_str(text + tail, mode=black.Mode(line_length=100))


def _section(title: str) -> str:
    return f"\n\n# --- {title} ".ljust(103, "-") + "\n\n\n"
