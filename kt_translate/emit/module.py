"""The text of an output file: classes, then the support code that they need."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

from kt_translate.emit import support
from kt_translate.emit.definitions import FactoryCode, definition_lines, quoted
from kt_translate.emit.layout import by_black, laid_out
from kt_translate.emit.names import Uses, uses_of
from kt_translate.lower.class_code import ClassCode
from kt_translate.pytorch.expr import Expr, as_expr
from kt_translate.pytorch.library import support_names
from kt_translate.source.docstrings import escaped


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

    def lines(self, used: Set[str]) -> list[str]:
        """The statements for what it has of the names that are used."""
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


# As the source writes it, and as black does.
_PLAIN_CONSTANT = re.compile(
    r'[A-Za-z_]\w* = (?:-?\d+(?:\.\d*)?(?:e-?\d+)?|"[^"\\]*"|[A-Za-z_][\w.]*)'
)


def render(
    source: str,
    classes: list[ClassCode],
    kept: Kept,
    training: Sequence[str],
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
        training: the lines of the section on training.
        factories: what makes each model, by the model's name: the file converts weights for these.
        makers: the functions that make modules.
        above: what comes from other outputs; without it the file has all that it needs.
        about: what the source says of itself.
    """
    trained_by_parts(classes)
    lines = [*definition_lines(source, classes, makers), *training]
    command = f"convert_weights({as_expr(_made_by(factories))})" if factories else ""
    uses = uses_of(ast.parse("\n".join([*kept.texts, *lines, command])))
    if above is None:
        tail, copied = _support(uses)
        imports = support.import_lines(uses.names, copied, kept.imports)
    else:
        tail = ""
        offered = [c.name for c in classes] + [m.name for m in makers] + ["load_keras_weights"]
        offered += [c.factory for c in classes if c.factory and c.factory != c.name]
        listed = f"__all__ = {sorted(offered)!r}"
        imports = support.import_lines(uses.names, also=kept.imports)
        imports += ["", *above.lines(uses.names), "", listed]
    text = "\n".join(
        [
            *quoted(_said_of(source, about, classes)),
            "\nfrom __future__ import annotations\n",
            *laid_out(imports),
            *_kept(kept.texts),
            *laid_out(lines),
        ]
    )
    if command:
        main = laid_out(['if __name__ == "__main__":', f"    {command}"])
        tail += "\n\n" + "\n".join(main) + "\n"
    return f"{text}\n{tail}"


def _said_of(source: str, about: str, classes: Sequence[ClassCode]) -> str:
    """The docstring of the file."""
    said = f"PyTorch translation of {source}."
    said += f"\n\n{escaped(about)}" if about else ""
    if any(t.rank == 4 for c in classes for t in c.inputs):
        said += "\n\nImages are channels-first: ``images.permute(0, 3, 1, 2)`` of what the Keras model takes."
    return said


def _kept(texts: Sequence[str]) -> list[str]:
    """What is kept of the source, below the imports: constants are written as there, and so black's affair."""
    plain = all(_PLAIN_CONSTANT.fullmatch(text) for text in texts)
    lines = [*texts] if plain else by_black("\n".join(texts)).splitlines()
    apart = 2 if lines and lines[0].startswith(("def ", "class ", "@")) else 1
    return [*([""] * apart), *lines] if lines else []


def render_support(texts: Sequence[str]) -> str:
    """The module that the outputs ``texts`` share."""
    code, copied = _support(uses_of(*map(ast.parse, texts)))
    imports = "\n".join(support.import_lines(copied=copied))
    head = '"""What PyTorch lacks of Keras, and the loader of Keras weights: shared by the files beside it."""'
    return f"{head}\n\nfrom __future__ import annotations\n\n{imports}{code}"


def _support(outputs: Uses) -> tuple[str, list[support.Unit]]:
    """The sections of support code for what outputs use, and what stands in them."""
    lacks, loader = support.needed(outputs, ("load_keras_weights",))
    tail = _section("What PyTorch lacks") + _joined(lacks) if lacks else ""
    return tail + _section("Weights") + _joined(loader), [*lacks, *loader]


def trained_by_parts(classes: list[ClassCode]) -> None:
    """A model has penalties or limits if a class that it is made of has some; only of models does anyone ask for them."""
    texts = {code.name: support.words(" ".join(code.init)) for code in classes}
    for has in ("regularized", "constrained"):
        have: set[str] = set()
        while more := [c for c in classes if c.name not in have and _has(c, has, texts, have)]:
            have |= {code.name for code in more}
        for code in classes:
            setattr(code, has, code.name in have and code.container is not None)


def _has(code: ClassCode, has: str, texts: Mapping[str, Set[str]], have: Set[str]) -> bool:
    return getattr(code, has) or not texts[code.name].isdisjoint(have)


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
