"""The text of an output file: classes, then the support code that they need."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from kt_translate.emit import support
from kt_translate.emit.names import names_in
from kt_translate.lower.class_code import ClassCode
from kt_translate.pytorch.expr import Expr, as_expr
from kt_translate.pytorch.library import support_names
from kt_translate.source.docstrings import quoted


@dataclass(frozen=True)
class FactoryCode:
    """A function of the output that makes modules; without ``returns`` one that says that it cannot."""

    name: str
    parameters: list[str]
    returns: str | None
    annotation: str
    docstring: str
    body: list[str] = field(default_factory=list)  # what is made before


@dataclass(frozen=True)
class Kept:
    """What an output keeps of the source's module as it is: assignments of constants, classes that hold settings.

    Args:
        imports: the statements that import the names in it.
    """

    texts: list[str] = field(default_factory=list)
    imports: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Imports:
    """What an output takes from the others of its project.

    Args:
        module: the output's own dotted name.
        support: the module with what PyTorch lacks and the loader.
        names: what it takes: (module, name) and the name that it has here.
        relative: whether all are modules of one package.
    """

    module: str
    support: str
    names: Mapping[tuple[str, str], str]
    relative: bool

    def lines(self, text: str) -> list[str]:
        """The statements for what ``text`` uses of it."""
        used = names_in(ast.parse(text))
        found: dict[str, list[str]] = {}
        known = {(self.support, name): name for name in support_names()}
        for (home, name), here in {**known, **self.names}.items():
            if here in used or name == "load_keras_weights":
                said = name if name == here else f"{name} as {here}"
                found.setdefault(self._seen(home), []).append(said)
        return [
            f"from {home} import {', '.join(sorted(names, key=support.isort))}"
            for home, names in sorted(found.items())
        ]

    def _seen(self, home: str) -> str:
        """A module as it is named in an import."""
        if not self.relative:
            return home
        mine, theirs = self.module.split(".")[:-1], home.split(".")
        shared = 0
        while mine[shared : shared + 1] == theirs[shared : shared + 1] and shared < len(theirs) - 1:
            shared += 1
        return "." * (len(mine) - shared + 1) + ".".join(theirs[shared:])


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
    kept: Kept,
    training: str,
    factories: Mapping[str, str] | None = None,
    makers: Sequence[FactoryCode] = (),
    above: Imports | None = None,
    about: str = "",
) -> str:
    """The whole file.

    Args:
        source: the name of the file that is translated.
        classes: the modules.
        kept: what is kept from the source's module.
        training: the text of the section on training.
        factories: what makes each model, by the model's name: the file converts weights for these.
        makers: the functions that make modules.
        above: what comes from other outputs; without it the file has all that it needs.
        about: what the source says of itself.
    """
    import black

    regularized_by_parts(classes)
    template = environment().get_template("module.py.j2")
    facts = {
        "source": source,
        "about": quoted(about),
        "classes": classes,
        "makers": makers,
        "constants": "\n".join(kept.texts),
        "pictures": any(t.rank == 4 for c in classes for t in c.inputs),
    }
    models = template.render(imports="", **facts) + training
    command = f"convert_weights({as_expr(_made_by(factories))})" if factories else ""
    if above is None:
        tail, copied = _support([models, command])
        imports = support.import_lines(models, copied, kept.imports)
    else:
        tail = ""
        local = above.lines(models + command)
        offered = [c.name for c in classes] + [m.name for m in makers] + ["load_keras_weights"]
        offered += [c.factory for c in classes if c.factory and c.factory != c.name]
        imports = [
            *support.import_lines(models, (), kept.imports),
            "",
            *local,
            "",
            f"__all__ = {sorted(offered)!r}",
            "",
        ]
    text = template.render(imports="\n".join(imports), **facts) + training
    mode = black.Mode(line_length=100)
    text = black.format_str(text, mode=mode).rstrip() + "\n"
    if command:
        main = black.format_str(f'if __name__ == "__main__":\n    {command}\n', mode=mode)
        tail += f"\n\n{main}"
    return text + tail


def render_support(texts: Sequence[str]) -> str:
    """The module that the outputs ``texts`` share."""
    code, copied = _support(texts)
    imports = "\n".join(support.import_lines("", copied))
    head = '"""What PyTorch lacks of Keras, and the loader of Keras weights: shared by the files beside it."""'
    return f"{head}\n\nfrom __future__ import annotations\n\n{imports}{code}"


def _support(texts: Sequence[str]) -> tuple[str, list[support.Unit]]:
    """The sections of support code for these texts, and what stands in them."""
    lacks, loader = support.needed("\n".join(texts), ("load_keras_weights",))
    tail = _section("What PyTorch lacks") + _joined(lacks) if lacks else ""
    return tail + _section("Weights") + _joined(loader), [*lacks, *loader]


def regularized_by_parts(classes: list[ClassCode]) -> None:
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
