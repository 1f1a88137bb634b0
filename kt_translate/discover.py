"""Finds the models of an evaluated source: what its functions and classes build, and what its variables hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from kt_translate.builders import Given, Run, Shapes, best_run, declared, is_complete, run
from kt_translate.diagnostics import Diagnostic
from kt_translate.evaluate.calls import call_function
from kt_translate.evaluate.general import file_of
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.models import build_deferred, plan_of
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import (
    Class,
    Function,
    Instance,
    ModelValue,
    Unknown,
    models_in,
)
from kt_translate.graph.nodes import CallNode, LayerNode, Param
from kt_translate.graph.sym import UNKNOWN, Sym, same, substitute
from kt_translate.graph.tensor import tensors_in
from kt_translate.makers import called_by, makers_of, makes_model, methods_of, returned_by

@dataclass
class Found:
    """A model of the source, or several that one function gives, under the name that the report has for it."""

    name: str
    kind: str  # "variable", "function", "method"
    line: int
    value: Any  # a ModelValue, or tuples, lists and dicts of them
    params: list[Param] = field(default_factory=list)  # of the factory
    sizes: list[Param] = field(default_factory=list)  # those that Keras finds at build time
    given: Given = field(default_factory=Given)
    keras: str | None = None  # the source's expression for it
    arguments: str = ""  # of the factory in that
    said: list[Diagnostic] = field(default_factory=list)
    stands: tuple[str | None, int] | None = None  # file and line, where they are not the source's
    made: list[tuple[Found, int, dict[str, Any]]] = field(default_factory=list)
    """By which calls of functions a variable's model was made, the one to prefer first."""

    @property
    def models(self) -> list[ModelValue]:
        return models_in(self.value)


@dataclass
class Gap:
    """A builder of models that none came out of."""

    name: str
    kind: str
    line: int
    said: list[Diagnostic] = field(default_factory=list)


def discover(ev: Interpreter, shapes: Shapes) -> Iterator[Found | Gap]:
    """What the module's functions and classes build, then what its variables hold."""
    finder = Finder(ev, shapes)
    variables = list(ev.bindings)
    for value in list(ev.module.names.values()):
        if isinstance(value, Function) and isinstance(value.node, cst.FunctionDef):
            yield from finder.function(value)
        elif isinstance(value, Class) and value.keras_base() is None:
            yield from finder.plain_class(value)
    yield from finder.variables(variables)


def left_over(ev: Interpreter, written: set[int], seen: set[int]) -> Iterator[Found]:
    """The models that were made on the way and are in none of the others; ``written``: their plans' ids."""
    for model in list(ev.models):
        if id(model.plan) in written or model.line in seen or not is_complete(model):
            continue
        name = model.variable or (model.name if isinstance(model.name, str) else None) or "model"
        yield Found(name, "variable", model.line, model)


class Finder:
    """The state of finding: what is known of the functions already."""

    def __init__(self, ev: Interpreter, shapes: Shapes) -> None:
        self.ev = ev
        self.shapes = shapes
        self.seen: set[int] = set()
        self.found: dict[int, Found] = {}  # of each function's id
        self.members: set[str] = set()  # those of classes that are whole
        self.makers = makers_of(ev)

    # -- functions ------------------------------------------------------------------------------
    def function(self, function: Function) -> Iterator[Found | Gap]:
        """A function of the module."""
        if id(function) in self.seen or (function.source not in (None, self.ev.main) and not function.calls):
            return
        self.seen.add(id(function))
        results = [result for _, result, _ in function.calls]
        gives = any(models_in(r) for r in results)
        if not gives and (results or not self._builds(function)):
            return
        done = best_run(
            self.ev, function, lambda v: call_function(self.ev, function, [], v), self.shapes
        )
        if models_in(done.result):
            self.found[id(function)] = self._of_function(function, done)
            yield self.found[id(function)]
            return
        local = list(self._local(function)) if done.models else []
        yield from local
        if not local:
            yield Gap(function.name, "function", function.line, done.found)

    def _of_function(self, function: Function, done: Run) -> Found:
        line = self.ev.imported.get(id(function), function.line)
        found = Found(function.name, "function", line, done.result, done.given.params)
        if id(function) in self.ev.imported:
            found.stands = file_of(self.ev, function), function.line
        _take(found, [done])
        _name_parts(found, function)
        text = _arguments(done.given)
        if text is not None:
            inputs = _inputs(done.given)
            calls = ", ".join([*inputs, text] if text else inputs)
            found.keras, found.arguments = f"{function.name}({calls})", text
        if len(found.models) == 1:
            found.keras = found.keras and found.keras + _path(found.value)
            found.value = found.models[0]
        return found

    def _local(self, function: Function) -> Iterator[Found]:
        """The models that a function keeps to itself, for the arguments that it has by default."""
        names = [p.name.value for p, _ in declared(function)]
        values = {
            n: function.defaults.get(n, Unknown(f"the argument {n}", function.line)) for n in names
        }
        done = run(self.ev, Given(), lambda: call_function(self.ev, function, [], values))
        nested = _nested(done.models)
        for model in done.models:
            if is_complete(model) and id(model.use) not in nested:
                name = model.variable or "model"
                yield Found(name, "variable", model.line, model, said=done.found)

    # -- classes --------------------------------------------------------------------------------
    def plain_class(self, cls: Class) -> Iterator[Found | Gap]:
        """A class that keeps models in attributes, or has methods that build them."""
        if id(cls) in self.seen:
            return
        self.seen.add(id(cls))
        methods = [m for m in methods_of(cls) if self._builds(m)]
        if not methods:
            return
        made = self._instance(cls)
        instance = made.result
        kept = dict(instance.attributes)
        known: dict[int, Found] = {}
        for attribute, value in kept.items():
            for path, model in _elements(value):
                found = self._member(cls, f"{attribute}{path}", model, [made])
                known.setdefault(id(model), found)
                yield found
        for method in methods:
            if method.name == "__init__":
                continue
            yield from self._method(cls, method, made, kept)
            instance.attributes.clear()
            instance.attributes.update(kept)

    def _instance(self, cls: Class) -> Run:
        """The class instantiated on symbols."""
        init = cls.lookup("__init__")
        if not isinstance(init, Function):
            return run(self.ev, Given(), lambda: Instance(cls))

        def act(values: dict[str, Any]) -> Instance:
            instance = Instance(cls, {}, [], values, cls.line)
            try:
                call_function(self.ev, init, [instance], values)
            except Raised as raised:
                self.ev.note("KT106", f"the source raises here: {raised.text}")
            return instance

        return best_run(
            self.ev,
            init,
            act,
            self.shapes,
            own=lambda bound: _is_of(bound, cls),
            ready=lambda done: not done.failed and isinstance(done.result, Instance),
        )

    def _method(
        self, cls: Class, method: Function, made: Run, kept: dict[str, Any]
    ) -> Iterator[Found | Gap]:
        instance = made.result
        own = declared(method)
        again = next(
            (r for b, r, _ in method.calls if not own and instance in b.values() and models_in(r)),
            None,
        )
        if again is not None:
            yield self._member(cls, method.name, again, [made], called=True)
            return

        def act(values: dict[str, Any]) -> Any:
            instance.attributes.clear()
            instance.attributes.update(kept)
            return call_function(self.ev, method, _self(method, cls, instance), values)

        done = best_run(self.ev, method, act, self.shapes, own=lambda bound: _is_of(bound, cls))
        ctor = {p.symbol.name for p in made.given.params}
        for param in done.given.params:
            if param.symbol.name in ctor:
                param.symbol.name = param.symbol.spelled = f"{param.symbol.name}_"
        models = models_in(done.result)
        fresh = {
            n: v for n, v in instance.attributes.items() if models_in(v) and kept.get(n) is not v
        }
        if models and not any(models[0] is m for v in kept.values() for m in models_in(v)):
            yield self._member(cls, method.name, done.result, [made, done], called=True)
        for name, value in fresh.items():
            for path, model in _elements(value):
                yield self._member(cls, f"{name}{path}", model, [made, done], later=True)
        if not models and not fresh and any(makes_model(r) for r in returned_by(self.ev, method)):
            yield Gap(f"{cls.name}.{method.name}", "method", method.line, done.found)

    def _member(
        self,
        cls: Class,
        name: str,
        value: Any,
        runs: list[Run],
        called: bool = False,
        later: bool = False,
    ) -> Found:
        """A model that a class keeps, or that a method of it gives."""
        models = models_in(value)
        params = [p for done in runs for p in done.given.params]
        line = models[0].line
        found = Found(f"{cls.name}.{name}", "method", line, value, params)
        if all(map(is_complete, models)):
            self.members.add(found.name)
        _take(found, runs)
        texts = [_arguments(done.given) for done in runs]
        if None not in texts and not later:
            call = f"({texts[-1] if len(runs) > 1 else ''})" if called else ""
            found.keras = f"{cls.name}({texts[0]}).{name}{call}"
            found.arguments = ", ".join(t for t in texts if t)
        if len(models) == 1:
            found.keras = found.keras and found.keras + _path(value)
            found.value = models[0]
        return found

    # -- variables ------------------------------------------------------------------------------
    def variables(self, bindings: list[tuple[str, ModelValue, int]]) -> Iterator[Found]:
        """Every binding of a variable of the module to a model, and the models in lists and objects there."""
        last = {name: model for name, model, _ in bindings}
        several: dict[tuple[str, int], tuple[str, ModelValue, int]] = {}
        before: dict[str, ModelValue] = {}
        for name, model, line in bindings:
            if before.get(name) is not model:
                several[name, line] = (name, model, line)
            before[name] = model
        for name, model, line in several.values():
            keras = name if last[name] is model and self._holds(name, model) else None
            yield self._variable(name, model, line, keras)
        for name, value in self.ev.module.names.items():
            owner = value.cls.name if isinstance(value, Instance) else ""
            for path, model in [] if isinstance(value, ModelValue) else _elements(value):
                bound = any(model is m for _, m, _ in bindings)
                if not bound and f"{owner}{path}" not in self.members:
                    yield self._variable(f"{name}{path}", model, model.line, f"{name}{path}")

    def _holds(self, name: str, model: ModelValue) -> bool:
        return self.ev.module.names.get(name) is model

    def _variable(self, name: str, model: ModelValue, line: int, keras: str | None) -> Found:
        shape = self.shapes.get(name, self.shapes.get(""))
        if model.deferred and shape is not None:
            build_deferred(self.ev, model, shape)
        found = Found(name, "variable", line, model, keras=keras)
        for function in self._functions():
            maker = self.found.get(id(function))
            for bound, result, ends in function.calls if maker is not None else []:
                models = models_in(result)
                at = next((i for i, m in enumerate(models) if m is model), None)
                if maker is None or at is None or ends[at][1] != len(model.layers):
                    continue
                if ends[at][0] is not None and ends[at][0] is not model.outputs:
                    continue
                table = self._arguments_of(maker, bound, model, at)
                if table is not None:
                    found.made.append((maker, at, table))
        return found

    def _functions(self) -> list[Function]:
        return [v for v in self.ev.module.names.values() if isinstance(v, Function)]

    def _arguments_of(
        self, maker: Found, bound: dict[str, Any], model: ModelValue, at: int
    ) -> dict[str, Any] | None:
        """What the function's factory takes to give this very model; None where it would not."""
        general = maker.models[at]
        if not is_complete(general) or _frozen(general) != _frozen(model):
            return None
        inner, outer = tensors_in(general.inputs), tensors_in(model.inputs)
        if [(t.rank, t.dtype) for t in inner] != [(t.rank, t.dtype) for t in outer]:
            return None
        table: dict[Any, Any] = {}
        for param in maker.params:
            value = bound.get(param.symbol.name)
            said = isinstance(maker.given.values.get(param.symbol.name), Sym)
            if not said and value is not maker.given.values.get(param.symbol.name):
                return None
            table[param.symbol] = value if said else None
        for a, b in zip(inner, outer, strict=True):
            for mine, given in zip(a.shape, b.shape, strict=True):
                if isinstance(mine, Sym) and mine.head == "symbol":
                    table.setdefault(mine.args[0], given)
        demands = plan_of(general).demands
        if not all(_holds(substitute(said, table), value) for said, value in demands):
            return None
        return {symbol.name: value for symbol, value in table.items()}

    # -- what builds models ---------------------------------------------------------------------
    def _builds(self, function: Function) -> bool:
        """Whether the function's own code, or a function that it calls, makes a Keras model."""
        return bool(called_by(self.ev, function) & self.makers)


def _holds(said: Any, value: Any) -> bool:
    return same(said, value) or (isinstance(said, Sym) and same(said.value, value))


def _take(found: Found, runs: list[Run]) -> None:
    """Give the models of a run the parameters of what they were built by."""
    found.given = runs[-1].given
    found.sizes = [p for done in runs for p in done.given.sizes]
    found.said = [d for done in runs for d in done.found]
    demands = [
        (said, value)
        for done in runs
        for said, value in done.demands
        if isinstance(said, Sym) and value is not UNKNOWN
    ]
    params = [*found.sizes, *found.params]
    for model in [*found.models, *(m for done in runs for m in done.models)]:
        if is_complete(model):
            plan = plan_of(model)
            plan.params = plan.params or params
    for model in found.models:
        if is_complete(model):
            plan_of(model).demands = demands


def _name_parts(found: Found, function: Function) -> None:
    """Models that come together are called by their keys, or as the source calls what it gets."""
    if len(found.models) < 2:
        return
    keys = list(found.value) if isinstance(found.value, dict) else []
    for i, model in enumerate(found.models):
        if model.variable or isinstance(model.name, str):
            continue
        if i < len(keys) and len(keys) == len(found.models) and isinstance(keys[i], str):
            model.variable = keys[i]
            continue
        calls = [models_in(result) for _, result, _ in function.calls]
        model.variable = next((c[i].variable for c in calls if i < len(c) and c[i].variable), None)


def _is_of(bound: dict[str, Any], cls: Class) -> bool:
    return any(isinstance(v, Instance) and v.cls is cls for v in bound.values())


def _self(method: Function, cls: Class, instance: Instance) -> list[Any]:
    if "staticmethod" in method.decorators:
        return []
    return [cls if "classmethod" in method.decorators else instance]


def _elements(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, ModelValue]]:
    """The models within a value, each with the text that gets at it."""
    if isinstance(value, ModelValue):
        yield path, value
    elif depth > 3:
        return
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from _elements(item, f"{path}[{i}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _elements(item, f"{path}[{key!r}]", depth + 1)
    elif isinstance(value, Instance) and value.cls.keras_base() is None and depth == 0:
        for key, item in value.attributes.items():
            yield from _elements(item, f"{path}.{key}", depth + 1)


def _path(value: Any) -> str:
    return next(path for path, _ in _elements(value))


def _nested(models: list[ModelValue]) -> set[int]:
    """The modules that are parts of other models."""
    nodes = [n for m in models if m.region is not None for n in m.region.nodes]
    return {id(n.use) for n in nodes if isinstance(n, CallNode)}


def _frozen(model: ModelValue) -> bool:
    nodes = model.region.nodes if model.region is not None else []
    return any(n.use.frozen for n in nodes if isinstance(n, (LayerNode, CallNode)))


def _arguments(given: Given) -> str | None:
    """The arguments that must be given, as the samples have them; None where one is not known."""
    texts = []
    for param in given.params:
        if param.default is None or param.symbol.name in given.guessed:
            value = param.symbol.value
            if value is UNKNOWN or param.symbol.name in given.guessed:
                return None
            texts.append(f"{param.symbol.name}={value!r}")
    return ", ".join(texts)


def _inputs(given: Given) -> list[str]:
    """The tensors among the arguments, as inputs of their sizes."""
    texts = []
    for name, value in given.tensors.items():
        made = []
        for tensor in tensors_in(value):
            shape = tuple(d.value if isinstance(d, Sym) else d for d in tensor.shape[1:])
            made.append(f"keras.Input({shape!r}, dtype={tensor.dtype!r})")
        texts.append(f"{name}={made[0] if len(made) == 1 else '[' + ', '.join(made) + ']'}")
    return texts
