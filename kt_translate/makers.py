"""Which functions, methods and classes of a source make Keras models, told by the names that they call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from kt_translate.attempts import declared
from kt_translate.evaluate import applications
from kt_translate.evaluate.constructors import MODELS
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.values import Class, External, Function, Instance

MAKERS = ("Model", "Sequential", "Functional", "clone_model", "model_from_json", "load_model")


def makers_of(ev: Interpreter) -> set[str]:
    """The names by which the source makes models: Keras's, and its own functions and methods that do."""
    makers = set(MAKERS)
    for name, value in _names(ev):
        last = value.path.split(".")[-1] if isinstance(value, External) else ""
        if (
            last in MAKERS
            or (last[:1].isupper() and value.path.startswith("keras.applications."))
            or (isinstance(value, Class) and value.keras_base() in MODELS)
        ):
            makers.add(name)
    if "applications" in ev.main.text and (folder := applications.folder(ev)) is not None:
        makers |= applications.names(folder).keys()
    functions = _functions(ev)
    called = {id(f): called_by(ev, f) for f in functions}
    while True:
        more = {f.name for f in functions if called[id(f)] & makers} - makers - {"__init__"}
        if not more:
            return makers
        makers |= more


def _names(ev: Interpreter) -> list[tuple[str, Any]]:
    """What the module has names for, and the other files that it imports."""
    scopes = [ev.module, *(m.scope for m in ev.files.values() if m.scope is not ev.module)]
    return [item for scope in scopes for item in scope.names.items()]


def _functions(ev: Interpreter) -> list[Function]:
    """The source's own functions and methods."""
    values = [value for _, value in _names(ev)]
    methods = [m for v in values if isinstance(v, Class) for m in v.names.values()]
    return [f for f in (*values, *methods) if isinstance(f, Function)]


def owes_model(ev: Interpreter, function: Function, makers: set[str], result: Any = None) -> bool:
    """Whether a model is missing where none comes out of a function: it makes or gives one.

    What it only uses are the models of other functions; the function that it gives is a part of those that call it.
    """
    others = [f for f in _functions(ev) if f is not function]
    if isinstance(result, Function) and any(function.name in called_by(ev, f) for f in others):
        return False
    called = called_by(ev, function) & makers
    gives = returned_by(ev, function)
    given = any(makes_model(text) or any(f"{name}(" in text for name in called) for text in gives)
    return given or bool(called - {f.name for f in (function, *others)})


def called_by(ev: Interpreter, function: Function) -> set[str]:
    """The last parts of the names that a function calls; Keras's ready models count as ``Model``."""
    text = (function.source or ev.source).code(function.node).partition("(")[2]
    found = set()
    for root, last in re.findall(r"(?<![\w.])(\w+)((?:\.\w+)*)\s*\(", text):
        name = last.rpartition(".")[2] or root
        ready = _is_ready(ev.module.names.get(root))
        found.add("Model" if ready and name[:1].isupper() else name)
    found |= set(re.findall(r"[)\]]\.(\w+)\s*\(", text))  # of what another call gives
    for table in re.findall(r"(?<![\w.])(\w+)(?:\[|\.get\()", text):
        held = ev.module.names.get(table)
        for value in _within(held) if isinstance(held, (list, tuple, dict)) else ():
            if isinstance(value, (Function, Class)):
                found.add(value.name)
            elif _is_ready(value):
                found.add("Model")
    return found


def called_by_builders(ev: Interpreter) -> list[Function]:
    """The functions that cannot be called without arguments, and that other functions of the module call."""
    functions = [
        v
        for v in ev.module.names.values()
        if isinstance(v, Function) and isinstance(v.node, cst.FunctionDef)
    ]
    called = {id(f): called_by(ev, f) for f in functions}
    return [
        f
        for f in functions
        if any(p.default is None for p, _ in declared(f))
        and any(f.name in called[id(g)] for g in functions if g is not f)
    ]


def _is_ready(value: Any) -> bool:
    """Whether it is of Keras's ready models."""
    return isinstance(value, External) and value.path.startswith("keras.applications.")


def _within(value: Any) -> Iterator[Any]:
    """What a table holds, that of its rows too."""
    if not isinstance(value, (list, tuple, dict)):
        yield value
        return
    for part in value.values() if isinstance(value, dict) else value:
        yield from _within(part)


def returned_by(ev: Interpreter, function: Function) -> list[str]:
    return re.findall(r"^\s*return\b(.*)", ev.source.code(function.node), re.MULTILINE)


def makes_model(text: str) -> bool:
    return any(f"{maker}(" in text for maker in MAKERS) or bool(re.search(r"\bmodel\b(?!\.)", text))


def methods_of(cls: Class) -> list[Function]:
    found: dict[str, Function] = {}
    for base in cls.mro():
        if isinstance(base, Class):
            for name, value in base.names.items():
                if isinstance(value, Function) and isinstance(value.node, cst.FunctionDef):
                    found.setdefault(name, value)
    return list(found.values())


def is_called(cls: Class) -> bool:
    """Whether objects of a class are layers or models; not where it only has methods that make models."""
    return cls.keras_base() is not None and isinstance(cls.lookup("call"), Function)


def receiver(method: Function, cls: Class, instance: Instance) -> list[Any]:
    if "staticmethod" in method.decorators:
        return []
    return [cls if "classmethod" in method.decorators else instance]


def takes_functions(function: Function, bound: dict[str, Any]) -> bool:
    """Whether a call hands on functions that tell what is built, where none is there by default."""
    own = {n for n, v in function.defaults.items() if isinstance(v, Function)}
    return any(isinstance(v, Function) for n, v in bound.items() if n not in own)
