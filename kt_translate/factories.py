"""The text of factories: functions of the output that take what the source's take, and give modules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from kt_translate.emit.definitions import FactoryCode
from kt_translate.emit.module import Kept
from kt_translate.emit.support import words
from kt_translate.evaluate import definitions, views
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.values import Class, Instance, ModelValue, plain
from kt_translate.found import Found
from kt_translate.graph import sym
from kt_translate.graph.nodes import CallNode, Param
from kt_translate.graph.objects import KerasObject, applied, is_setting
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, symbols_in
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.graph.terms import expand
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.liveness import live
from kt_translate.lower.names import Names, attribute_name
from kt_translate.pytorch.library import reserved_names


def sayable(value: Any) -> bool:
    """Whether a value can be written where the module's own names are known."""
    if isinstance(value, Sym) or views.is_record(value):
        return all(s.kind == "global" for s in symbols_in(value))
    if isinstance(value, (list, tuple)):
        return all(map(sayable, value))
    return plain(value) or is_setting(value)


def signature(params: list[Param], sizes: list[Param], open_sizes: list[Param]) -> list[str]:
    """The parameters of a factory; what has no default after one that has is given by name."""
    texts: list[str] = []
    by_name: list[str] = []
    gathers: list[str] = []
    for param in params:
        if param.gathers:
            gathers.append(f"**{param.symbol.name}: Any")
            continue
        hint = f": {param.annotation}" if param.annotation else ""
        text = f"{param.symbol.name}{hint}"
        if param.default is not None:
            text += f" = {param.default}" if hint else f"={param.default}"
        after_default = param.default is None and any("=" in t for t in texts)
        (by_name if param.keyword_only or after_default else texts).append(text)
    for size in sizes:
        told = f" = {size.symbol.value!r}" if size.symbol.value is not UNKNOWN else ""
        by_name.append(f"{size.symbol.name}: int{told}")
    by_name += [f"{p.symbol.name}: int | None = None" for p in open_sizes]
    return [*texts, *(["*", *by_name] if by_name else []), *gathers]


def instance(name: str, said: dict[str, str], open_sizes: list[str]) -> str:
    """A module of that class; ``said``: its arguments, of which data tells some."""
    settings = "".join(f", {n}={value}" for n, value in said.items() if n not in open_sizes)
    sizes = ", ".join(f'"{n}": {said[n]}' for n in open_sizes if n in said)
    return (
        f"sized_by_weights({name}, {{{sizes}}}{settings})" if sizes else f"{name}({settings[2:]})"
    )


def sized_class(name: str, cls: str, sizes: list[str], docstring: str) -> FactoryCode:
    """A function that takes what a class takes, and may be left without sizes that weights tell."""
    taken = ["*args: Any", *(f"{n}: int | None = None" for n in sizes), "**kwargs: Any"]
    said = ", ".join(f'"{n}": {n}' for n in sizes)
    call = f"sized_by_weights(partial({cls}, *args), {{{said}}}, **kwargs)"
    return FactoryCode(name, taken, call, cls, docstring)


def where(test: Any, code: ClassCode) -> list[str]:
    """The statements that give a module of another class where a condition on the arguments holds."""
    made = instance(code.name, {n: n for n in code.used_parameters}, [])
    return [f"if {sym.code(test)}:", f"    return {made}"]


def arguments_said(made: ClassCode, table: dict[str, Any], params: list[Param]) -> dict[str, str]:
    """The arguments of a class, by name, as the output says them, without those that are its defaults."""
    defaults = {p.symbol.name: p.default for p in params}
    said = {n: str(sym.code(table[n])) for n in made.used_parameters}
    return {n: text for n, text in said.items() if not _same_text(text, defaults[n])}


def _same_text(text: str, default: str | None) -> bool:
    quoted = [re.sub(r"^'([^'\"\\]*)'$", r'"\1"', t) for t in (text, default or "")]
    return quoted[0] == quoted[1]


def instances(models: list[ModelValue], codes: list[ClassCode]) -> tuple[list[str], dict[int, str]]:
    """The modules, as the factory writes them; those that others are made of are these others' parts.

    Layers that several have are those of the first.
    """
    made = {}
    for model, code in zip(models, codes, strict=True):
        open_sizes = [p.symbol.name for p in plan_of(model).open_sizes]
        made[id(model)] = instance(code.name, {n: n for n in code.used_parameters}, open_sizes)
    body: list[str] = []
    places: dict[int, str] = {}
    for outer, code in zip(models, codes, strict=True):
        name = attribute_name(outer.variable or plan_of(outer).name, "model")
        parts = {
            id(model): place
            for model, part in zip(models, codes, strict=True)
            if model is not outer
            and id(model) not in places
            and (place := _part_of(outer, code, model, part)) is not None
        }
        if parts:
            body.append(f"{name} = {made[id(outer)]}")
            places |= {i: f"{name}.{place}" for i, place in parts.items()}
            places[id(outer)] = name
    for i, (model, code) in enumerate(zip(models, codes, strict=True)):
        for before, other in zip(models[:i], codes[:i], strict=True):
            tied = {k: a for k, a in code.held.items() if k in other.held}
            if code is other or plan_of(model).open_sizes or plan_of(before).open_sizes:
                continue
            for one in (before, model) if tied else ():
                if id(one) not in places:
                    names = Names(set(places.values()))
                    hint = attribute_name(one.variable or plan_of(one).name, "model")
                    places[id(one)] = names.fresh(hint)
                    body.append(f"{places[id(one)]} = {made[id(one)]}")
            body += [
                f"{places[id(model)]}.{attribute} = {places[id(before)]}.{other.held[key]}"
                for key, attribute in tied.items()
            ]
    return body, {**made, **places}


def named_on_the_way(models: list[ModelValue], used: set[str]) -> dict[str, str]:
    """What their classes take of what another function names: the assignments, by name."""
    symbols = (p.symbol for model in models for p in plan_of(model).params)
    return {
        s.name: f"{s.name} = {sym.code(expand(s.origin))}"
        for s in symbols
        if s.kind == "local" and s.name in used
    }


def _part_of(outer: ModelValue, code: ClassCode, model: ModelValue, part: ClassCode) -> str | None:
    """The attribute in which a model's class has another model."""
    plan = plan_of(outer)
    nodes = live(plan.region.nodes, tensors_in(plan.result), plan.inputs)
    if not any(isinstance(n, CallNode) and n.use is model.use for n in nodes):
        return None
    found = re.findall(rf"^self\.(\w+) = {part.name}\(", "\n".join(code.init), re.MULTILINE)
    return found[0] if len(found) == 1 else None


def structure(value: Any, table: dict[int, str]) -> str:
    """What the source returns, with the modules in place of the models."""
    if isinstance(value, ModelValue):
        return table[id(value)]
    if isinstance(value, (list, tuple)):
        parts = [structure(v, table) for v in value]
        if isinstance(value, list):
            return f"[{', '.join(parts)}]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {structure(v, table)}" for k, v in value.items()) + "}"
    return repr(value) if plain(value) else "None"


def texts_of(codes: Iterable[ClassCode], factories: Iterable[FactoryCode]) -> str:
    """All code of classes and factories in one."""
    texts = [
        t
        for c in codes
        for t in [*c.instead, *c.init, *c.body, c.returns, c.logits or "", *c.parameters]
    ]
    texts += [guard for c in codes for guard, _ in c.guards]
    texts += [t for f in factories for t in [*f.parameters, f.returns or "", *f.body]]
    return "\n".join(texts)


def kept(constants: Iterable[Symbol], known: Iterable[Class], text: str) -> Kept:
    """What ``text`` names of the source's module: constants as the source assigns them, and classes."""
    defined = [
        found
        for cls in classes_in(known, text)
        if (found := definitions.definition(cls)) is not None
    ]
    used = words("\n".join([text, *(d.text for d in defined)]))
    lines = [assignment(symbol) for symbol in constants if symbol.name in used]
    imports = {name: line for d in defined for name, line in d.imports.items()}
    in_one_line = [d.text for d in defined if "\n" not in d.text]
    classes = [f"\n\n{d.text}" for d in defined if "\n" in d.text]
    return Kept([*lines, *in_one_line, *classes], imports)


def classes_in(known: Iterable[Class], text: str) -> list[Class]:
    """The source's classes that ``text`` names, and those that they need, each below what it needs."""
    found = words(text)
    return definitions.all_needed([c for c in known if c.name in found])


def assignment(constant: Symbol) -> str:
    """A constant of the module, as the source writes it where that is Python alone."""
    if not isinstance(constant.value, KerasObject):
        return constant.origin or f"{constant.name} = {constant.value!r}"
    head = f"def {constant.name}(weight: Tensor) -> Tensor:"
    return f"{head}\n    return {applied(constant.value, 'weight')}\n"


def guess_text(value: Any) -> str:
    """What was guessed for a parameter, as the source could say it."""
    if isinstance(value, Tensor):
        return f"keras.Input({value.shape[1:]})"
    if isinstance(value, list):
        return f"[{', '.join(map(guess_text, value))}]"
    return str(views.text_of(value)) if isinstance(value, Instance) else repr(value)


def name_of(found: Found, names: Names) -> str:
    """A function's factory is called as the function, where nothing else in the output is."""
    if found.kind == "function" and found.name not in reserved_names():
        return found.name
    owner, _, last = re.sub(r"[\[\]'\"]+", "_", found.name).strip("_").rpartition(".")
    last = re.sub(r"\W+", "_", last).strip("_")
    verb = re.match(r"(build|make|create|get|define|construct|_)", last)
    name = last if verb else f"make_{last}"
    if name in names.taken and owner:
        name = f"make_{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', owner).lower()}_{last}"
    elif name in names.taken and not verb:
        name = f"{last}_model"
    return names.fresh(re.sub(r"\W+", "_", name))
