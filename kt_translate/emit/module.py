"""The text of an output file: classes, then the support code that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from kt_translate.emit import support
from kt_translate.lower.class_code import ClassCode
from kt_translate.pytorch.expr import Expr, as_expr


@dataclass(frozen=True)
class FactoryCode:
    """A function of the output that makes modules; without ``returns`` one that says that it cannot."""

    name: str
    parameters: list[str]
    returns: str | None
    annotation: str
    docstring: str
    body: list[str] = field(default_factory=list)  # what is made before


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


def render(
    source: str,
    classes: list[ClassCode],
    constants: list[str],
    training: str,
    factories: Mapping[str, str] | None = None,
    makers: Sequence[FactoryCode] = (),
) -> str:
    """The whole file.

    Args:
        source: the name of the file that is translated.
        classes: the modules.
        constants: assignments kept from the source's module.
        training: the text of the section on training.
        factories: what makes each model, by the model's name: the file converts weights for these.
        makers: the functions that make modules.
    """
    import black

    _regularized_by_parts(classes)
    template = environment().get_template("module.py.j2")
    facts = {
        "source": source,
        "classes": classes,
        "makers": makers,
        "constants": "\n".join(constants),
        "pictures": any(t.rank == 4 for c in classes for t in c.inputs),
    }
    models = template.render(imports="", **facts)
    command = f"convert_weights({as_expr(_made_by(factories))})" if factories else ""
    lacks, loader = support.needed(models + training + command, ("load_keras_weights",))
    tail = _section("What PyTorch lacks") + _joined(lacks) if lacks else ""
    tail += _section("Weights") + _joined(loader)
    imports = "\n".join(support.import_lines(models + training + tail))
    mode = black.Mode(line_length=100)
    text = black.format_str(template.render(imports=imports, **facts) + training, mode=mode)
    if command:
        main = black.format_str(f'if __name__ == "__main__":\n    {command}\n', mode=mode)
        tail += f"\n\n{main}"
    return text.rstrip() + "\n" + tail


def _regularized_by_parts(classes: list[ClassCode]) -> None:
    """A model has penalties if a class that it is made of has some; only of models does anyone ask for them."""
    texts = {code.name: support.words(" ".join(code.init)) for code in classes}
    while True:
        have = {code.name for code in classes if code.regularized}
        more = [c for c in classes if not c.regularized and texts[c.name] & have]
        if not more:
            break
        for code in more:
            code.regularized = True
    for code in classes:
        code.regularized &= code.container is not None


def _made_by(factories: Mapping[str, str]) -> dict[str, Expr]:
    return {name: Expr(factory) for name, factory in factories.items()}


def _joined(units: Sequence[support.Unit]) -> str:
    """Support code as it is, formatted already: its blank lines are those that black would leave."""
    text, apart = "", False
    for unit in units:
        own = unit.text.strip("\n")
        defines = own.startswith(("def ", "class ", "@"))
        if text:
            text += "\n\n" if defines or apart else "\n"
        text += own + "\n"
        apart = defines
    return text


def _section(title: str) -> str:
    return f"\n\n# --- {title} ".ljust(102, "-") + "\n\n\n"
