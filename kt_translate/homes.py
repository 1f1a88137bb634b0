"""Where classes live: with several sources each file has an output of its own, and imports what others define."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kt_translate.emit import module
from kt_translate.emit.definitions import FactoryCode
from kt_translate.emit.module import Imports
from kt_translate.emit.neighbours import imported_files
from kt_translate.emit.support import words
from kt_translate.evaluate import applications
from kt_translate.evaluate.values import Class, Instance
from kt_translate.factories import kept, texts_of
from kt_translate.graph.nodes import Plan
from kt_translate.graph.sym import Symbol
from kt_translate.graph.tensor import Tensor
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.names import Names
from kt_translate.pytorch.library import reserved_names

SUPPORT = "keras_compat"
"""The module of a folder of outputs that has what PyTorch lacks, and the loader."""

_TEXT = "container init arguments body returns annotation logits regularized constrained frozen modes parameters instead guards attributes"

Origin = tuple[str, str, int]  # kind, name and line of what becomes a class


@dataclass
class Use:
    """How another file of the project uses a layer or model class."""

    plan: Plan
    code: ClassCode
    instance: Instance
    tensors: list[Tensor]


@dataclass(eq=False)
class Home:
    """A file of the output, and what is in it so far."""

    source: str
    """The file that it is translated from, as docstrings call it."""
    names: Names
    module: str = ""
    """The dotted name by which other outputs import it."""
    classes: list[ClassCode] = field(default_factory=list)
    origins: dict[Origin, list[ClassCode]] = field(default_factory=dict)
    own_names: set[str] = field(default_factory=set)
    """Of classes that keep the names they have in the source."""
    defined: set[str] = field(default_factory=set)
    """Names of the classes that it has or imports."""
    imports: dict[tuple[str, str], str] = field(default_factory=dict)
    """What it takes from other modules: (module, name), and the name that it has here."""
    needs: list[Home] = field(default_factory=list)
    known: dict[str, tuple[Symbol, Home | None]] = field(default_factory=dict)
    """The constants that its classes may name, each with the other file that defines it."""
    own_classes: list[Class] = field(default_factory=list)
    """The source's classes that hold settings, which its text may name."""
    uses: dict[str, Use] = field(default_factory=dict)
    factories: list[FactoryCode] = field(default_factory=list)
    made: Mapping[str, str] = field(default_factory=dict)
    """What makes each model, by the model's name."""
    training: Sequence[str] = ()
    about: str = ""
    """What the source says of itself."""

    def reaches(self, other: Home) -> bool:
        """Whether it imports the other, directly or through others."""
        return any(home is other or home.reaches(other) for home in self.needs)

    def calls(self, code: ClassCode, home: Home) -> ClassCode:
        """A class that lives in ``home`` as this file calls it."""
        if home is self:
            return code
        key = (home.module, code.name)
        if key not in self.imports:
            taken = code.name in self.defined
            self.imports[key] = self.names.fresh(code.name) if taken else code.name
            self.defined.add(self.imports[key])
            self.names.taken.add(self.imports[key])
        name = self.imports[key]
        return code if name == code.name else replace(code, name=name)

    def same(self, code: ClassCode, origin: Origin) -> ClassCode | None:
        """A class with the same text that is of the same place, whatever the source calls its instances."""
        kind, _, line = origin
        there = [
            c
            for (k, _, at), codes in self.origins.items()
            if (k, at) == (kind, line)
            for c in codes
        ]
        return next((c for c in there if _text(c) == _text(code)), None)

    def note(self, known: Iterable[Symbol], files: Mapping[str, Path], project: Project) -> None:
        """Take down the constants that its classes may name."""
        for symbol in known:
            path = files.get(symbol.name)
            self.known.setdefault(
                symbol.name, (symbol, project.homes.get(path) if path is not None else None)
            )

    def text(self) -> str:
        return "\n".join([texts_of(self.classes, self.factories), *self.training])


def _copied(value: Any) -> Any:
    """A copy of what a home collects; what stands in it is the same."""
    if isinstance(value, Names):
        return Names(value.taken)
    if isinstance(value, dict):
        return {k: _copied(v) for k, v in value.items()}
    return type(value)(value) if isinstance(value, (list, set)) else value


def _text(code: ClassCode) -> list[Any]:
    return [getattr(code, name) for name in _TEXT.split()]


@dataclass
class Project:
    """The sources that are translated together; empty where there is one, which takes all that it needs along.

    Args:
        outputs: the dotted name of every source's output.
        relative: whether outputs import each other as modules of one package.
    """

    outputs: dict[Path, str] = field(default_factory=dict)
    relative: bool = False
    homes: dict[Path, Home] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources = frozenset(self.outputs)

    def holds(self, path: Path) -> bool:
        """Whether a file has an output of its own: the sources have, and Keras's own that they use."""
        if self.outputs and path not in self.outputs and path.parent == applications.installed():
            self.outputs[path] = f"keras_{path.stem}"
        return path in self.outputs

    def home(self, path: Path | None, source: str, taken: Iterable[str]) -> Home:
        """The output of a source; ``taken``: the names that the source's own module has."""
        if path is None or path not in self.outputs:
            return Home(source, Names({*taken, *reserved_names()}))
        if path not in self.homes:
            self.homes[path] = Home(source, Names({*taken, *reserved_names()}), self.outputs[path])
        return self.homes[path]

    def state(self) -> dict[Path, tuple[Home, dict[str, Any]]]:
        """What is in every output so far."""
        return {p: (h, {k: _copied(v) for k, v in vars(h).items()}) for p, h in self.homes.items()}

    def restore(self, state: dict[Path, tuple[Home, dict[str, Any]]]) -> None:
        """Make every output what it was."""
        self.homes = {path: home for path, (home, _) in state.items()}
        for home, before in state.values():
            vars(home).update({k: _copied(v) for k, v in before.items()})

    def users_first(self) -> list[Path]:
        """The sources, each before those that it imports: it tells them what their layers are used for."""
        order: list[Path] = []
        seen: set[Path] = set()

        def visit(path: Path) -> None:
            if path in seen:
                return
            seen.add(path)
            for other in sorted(imported_files(path)):
                if other in self.outputs:
                    visit(other)
            order.append(path)

        for path in reversed(self.outputs):
            visit(path)
        return order[::-1]

    def rendered(self) -> tuple[dict[Path, str], str]:
        """The text of every output in which there is something, and of the module that they share."""
        filled = {p: h for p, h in self.homes.items() if h.classes or h.factories or h.training}
        module.trained_by_parts([c for h in filled.values() for c in h.classes])
        kept: dict[str, dict[str, Symbol]] = {h.module: {} for h in filled.values()}
        for home in filled.values():
            used = words(home.text())
            for name, (symbol, origin) in home.known.items():
                if name not in used:
                    continue
                if origin is None or origin is home or origin.reaches(home):
                    kept[home.module][name] = symbol
                else:
                    home.imports[origin.module, name] = name
                    kept.setdefault(origin.module, {})[name] = symbol
        texts = {p: self._render(h, kept[h.module]) for p, h in filled.items()}
        return texts, module.render_support(list(texts.values()))

    def _render(self, home: Home, known: Mapping[str, Symbol]) -> str:
        kept_as_is = kept(known.values(), home.own_classes, home.text())
        above = Imports(home.module, SUPPORT, home.imports, self.relative)
        return module.render(
            home.source,
            home.classes,
            kept_as_is,
            home.training,
            home.made,
            home.factories,
            above,
            home.about,
        )
