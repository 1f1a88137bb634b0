"""The classes that have been written, each in the file that it lives in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kt_translate.defects import defect
from kt_translate.emit.support import words
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Class, Function, Instance, Module
from kt_translate.found import Found
from kt_translate.graph.lists import TensorList
from kt_translate.graph.nodes import CallNode, Plan
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.homes import Home, Project, Use
from kt_translate.layers.layer import RuleError
from kt_translate.lower.class_code import ClassCode, shown_shape
from kt_translate.lower.liveness import live
from kt_translate.lower.names import VERBS, class_name
from kt_translate.lower.unbound import unbound
from kt_translate.lower.writer import Writer
from kt_translate.pytorch.library import reserved_names
from kt_translate.source.docstrings import escaped, fitting

_PLAIN_NAMES = {"model", "m", "net", "network", "seq"}


def _is_plain(name: str) -> bool:
    """Whether a name tells nothing of a model: ``build``, ``getModel``."""
    verbless = re.sub(rf"^_*({'|'.join(VERBS)})", "", name).strip("_").lower()
    return not verbless or verbless in _PLAIN_NAMES


class Classes:
    """Writes classes when they are first asked for.

    Args:
        home: the output of the source itself.
        project: the other outputs.
        files: the files that the source reads.
    """

    def __init__(self, home: Home, project: Project, files: Mapping[Path, Module]) -> None:
        self.home = home
        self.project = project
        self.files = files
        self.written: list[ClassCode] = []
        self.codes: dict[int, ClassCode] = {}  # of each plan, by its id
        self.named: dict[int, Plan] = {}
        self.titles: dict[int, str] = {}  # of each model, by its id
        self.of_others: set[int] = set()  # plans of what functions give for other arguments
        self.seen: set[int] = set()  # lines on which the models that were written are made
        self.touched: list[Home] = [home]
        self._made_in: dict[tuple[int, int], ClassCode] = {}  # of each plan in each file
        self._undocumented: list[tuple[Plan, ClassCode, Home]] = []

    def class_of(self, plan: Plan, user: Home | None = None) -> ClassCode:
        """The class of a plan, as ``user`` calls it. Raises RuleError where it cannot be written."""
        user = user or self.home
        home = self.home_of(plan.file) or user
        if home is not user and home.reaches(user):
            home = user  # modules do not import each other in circles
        if home is not user and home not in user.needs:
            user.needs.append(home)
        key = (id(plan), id(home))
        if key not in self._made_in:
            self._made_in[key] = self._write(plan, home)
        code = user.calls(self._made_in[key], home)
        if user is self.home:
            self.codes[id(plan)] = code
        self.codes.setdefault(id(plan), code)
        return code

    def name_plans(self, found: Found) -> None:
        """The classes are called by what the source calls the models, by the first name that it has for each."""
        title = re.split(r"[.\[]", found.name.rstrip("]"))
        name = found.name if found.kind == "function" else "_".join(p for p in title[-2:] if p)
        if found.kind == "method" and "[" not in found.name:
            name = title[-1].strip("_")
            if len(title) > 1 and _is_plain(name):
                name = f"{title[-2]}_model"
            elif len(title) > 1 and name.partition("_")[0] in _PLAIN_NAMES:
                name = f"{title[-2]}_{name}"
        for i, model in enumerate(found.models):
            plan = plan_of(model)
            if id(plan) in self.codes or id(plan) in self.named:
                continue
            self.named[id(plan)] = plan
            if len(found.models) == 1:
                plan.name = model.called or name
                maker = model.made_by if found.kind != "function" else None
                plan.made_by = None if maker and _is_plain(maker) else maker
                plan.docstring = plan.docstring or found.docstring
                if self.home_of(plan.file) is None:
                    plan.file, plan.line = found.stands or (None, found.line)
            else:
                plan.name = model.variable or plan.name
                if plan.name in _PLAIN_NAMES:
                    plan.name = f"{name}_{i}"
            for node in live(plan.region.nodes, tensors_in(plan.result), plan.inputs):
                inner = node.plan if isinstance(node, CallNode) else None
                if inner is not None and inner.kind == "model" and inner.name in _PLAIN_NAMES:
                    inner.title, inner.name = inner.name, f"{plan.name}_layers"

    def others(self, found: Found, first: ClassCode) -> list[tuple[Any, Found, ClassCode]]:
        """What a function gives where a condition holds, and not the model of its ``first`` class."""
        made = []
        for test, other in found.others:
            plan = plan_of(other.models[0])
            self.name_plans(other)
            plan.title = found.name
            self.of_others.add(id(plan))
            try:
                code = self.class_of(plan)
            except (RuleError, Raised):
                continue  # as the first class says, it is not for these arguments
            if not code.gap and _ends(code) == _ends(first):
                made.append((test, other, code))
        return made

    def home_of(self, file: str | None) -> Home | None:
        """The output of another file that the source reads, if it has one."""
        read = next((m for m in self.files.values() if m.name == file), None)
        if read is None or not self.project.holds(read.path):
            return None
        taken = kept_names(read.scope.names) if read.path in self.project.sources else set()
        home = self.project.home(read.path, read.name, taken)
        if home not in self.touched:
            self.touched.append(home)
        return home

    def lend(self, uses: Iterable[tuple[Plan, Instance, list[Tensor]]]) -> None:
        """Tell other files how the source uses their layers."""
        for plan, instance, tensors in uses:
            home = self.home_of(plan.file)
            code = self._made_in.get((id(plan), id(home)))
            if home is not None and code is not None:
                home.uses.setdefault(instance.cls.name, Use(plan, code, instance, tensors))

    def borrow(self, cls: Class) -> Use | None:
        """How another file uses a layer of this one."""
        use = self.home.uses.get(cls.name)
        if use is not None:
            self._made_in[id(use.plan), id(self.home)] = use.code
        return use

    def _write(self, plan: Plan, home: Home) -> ClassCode:
        if not plan.inputs or not tensors_in(plan.result):
            raise RuleError("KT303", f"the input of {plan.name} is not known")
        name = class_name(plan.name)
        if plan.made_by and class_name(plan.made_by) not in home.defined:
            plan.title, name = plan.made_by, class_name(plan.made_by)
        own = (plan.keep_signature or plan.kind == "function") and plan.name == name
        if plan.kind == "layer" and name not in home.own_names:
            own = plan.name == name
            home.own_names.add(name)
        own = own and name not in reserved_names()
        origin = (plan.kind, name, plan.line)
        before = home.origins.setdefault(origin, [])
        if before:
            name = before[0].name
        elif not own or name in home.defined:
            name = home.names.fresh(name)
        home.defined.add(name)
        home.names.taken.add(name)
        try:
            code, writer = self._text(plan, name, home)
            sizes = {s.name for s in writer.told if s.kind != "global"} - home.names.taken
            if (unknown := unbound(code, sizes)) is not None:
                raise RuleError("KT302", f"{unknown} is not known where {plan.name} needs it")
        except RuleError as error:
            error.where = error.where or (plan.file, plan.line)
            raise
        except Exception as error:
            raise RuleError("KT005", defect(error)) from error
        if own and plan.kind == "model" and plan.open_sizes:  # a function of that name makes it
            home.defined.discard(name)
            name = code.name = home.names.fresh(name)
            home.defined.add(name)
        self.seen.add(plan.made or plan.line)
        twin = home.same(code, origin)
        if twin is not None:
            if not before:
                home.defined.discard(name)
                home.names.taken.discard(name)
            return twin
        if before:
            code.name = home.names.fresh(name)
            home.defined.add(code.name)
            if plan.holds_itself:
                code, _ = self._text(plan, code.name, home)
        before.append(code)
        home.classes.append(code)
        self.written.append(code)
        self._undocumented.append((plan, code, home))
        return code

    def _text(self, plan: Plan, name: str, home: Home) -> tuple[ClassCode, Writer]:
        """The text of a class. One that holds itself is written until all is known that it takes."""
        key, own = (id(plan), id(home)), ClassCode(name, "", None)
        own.exposed = {size: size for size in plan.exposed}
        while True:
            if plan.holds_itself:
                self._made_in[key] = own
            try:
                writer = Writer(plan, name, partial(self.class_of, user=home))
                code = writer.write()
            finally:
                self._made_in.pop(key, None)
            if not plan.holds_itself or (own.used_parameters, own.exposed) == (
                code.used_parameters,
                code.exposed,
            ):
                return code, writer
            own = code

    def document(self) -> None:
        """Say of every class what it stands for."""
        for plan, made, home in self._undocumented:
            file = (plan.file if home is self.home else None) or home.source
            shapes = f"{_shown(made.inputs)} -> {_shown(made.outputs)}"
            place = f"``{plan.title or plan.name}`` ({file}:{plan.line})"
            apart = ".\n\n" if len(place) + len(shapes) > 88 else ": "
            made.docstring = f"{place}{apart}{shapes}."
            names = words(" ".join([*made.parameters, made.arguments]))
            if said := fitting(plan.docstring, names):
                made.docstring += f"\n\n{escaped(said)}"
        self._undocumented.clear()


def kept_names(names: Mapping[str, object]) -> set[str]:
    """The names of a module that classes of its translation must not have."""
    return {n for n, value in names.items() if isinstance(value, (Function, Class, Sym))}


def _shown(found: list[Tensor]) -> str:
    shapes = (f"({', '.join(shown_shape(tensor))})" for tensor in found)
    lists = (isinstance(tensor, TensorList) for tensor in found)
    return ", ".join(f"list of {s}" if many else s for s, many in zip(shapes, lists, strict=True))


def _ends(code: ClassCode) -> list[tuple[Any, ...]]:
    """How a class takes and gives tensors."""
    return [(t.rank, t.layout, t.dtype) for t in [*code.inputs, *code.outputs]]
