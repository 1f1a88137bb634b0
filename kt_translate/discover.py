"""Finds the models of an evaluated source: what its functions and classes build, and what its variables hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import libcst as cst

from kt_translate import variants
from kt_translate.attempts import Shapes, declared
from kt_translate.builders import Given, Run, best_run, is_complete, makes_object_of_known, run
from kt_translate.call_inputs import likely_input
from kt_translate.diagnostics import Place
from kt_translate.evaluate.assumed import settled
from kt_translate.evaluate.calls import call_function
from kt_translate.evaluate.constructors import MODELS, base_of
from kt_translate.evaluate.general import docstring_of, file_of, is_class_of_its_own
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.sequential import build_deferred
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import (
    Class,
    Function,
    Instance,
    ModelValue,
    Unknown,
    UnknownModel,
    models_in,
)
from kt_translate.found import (
    Found,
    Gap,
    Object,
    arguments_text,
    demands_of,
    elements,
    inputs_text,
    lacks_models,
    name_parts,
    nested,
    parameters_of,
    path_in,
    take,
)
from kt_translate.graph.nodes import Param
from kt_translate.graph.tensor import tensors_in
from kt_translate.implied import implies_model, leans_on, with_model
from kt_translate.instances import handed_on, made_by, use_classes_of_calls
from kt_translate.makers import (
    called_by,
    called_by_builders,
    is_called,
    makers_of,
    makes_model,
    methods_of,
    owes_model,
    receiver,
    returned_by,
    takes_functions,
)

AnyModel = ModelValue | UnknownModel
GIVEN_FUNCTIONS = "a function among its arguments decides what it builds"
LONG = 200  # of what a class would have to check: nobody would read it


def discover(ev: Interpreter, shapes: Shapes) -> Iterator[Found | Gap]:
    """What the module's functions and classes build, then what its variables hold."""
    finder = Finder(ev, shapes)
    models, variables = list(ev.models), list(ev.bindings)
    late = called_by_builders(ev)
    for value in [v for v in ev.module.names.values() if v not in late] + late:
        if isinstance(value, Function) and isinstance(value.node, cst.FunctionDef):
            yield from finder.function(value)
        elif isinstance(value, Class) and not is_called(value):
            yield from finder.plain_class(value)
    yield from finder.left()
    for function in [v for v in ev.module.names.values() if id(v) in finder.found]:
        own = finder.found[id(function)]
        own.made = handed_on(ev, finder.found, function, own)
    for model in [*models, *(m for found in finder.found.values() for m in found.run_models)]:
        use_classes_of_calls(ev, finder.found, model)
    yield from finder.variables(variables)


def _is_own_model(value: Any) -> bool:
    """Whether this is an object of a model class of the source."""
    return isinstance(value, Instance) and base_of(value.cls) in MODELS


class Fresh(dict[str, Any]):
    """The models that a method leaves in attributes of its object."""

    @classmethod
    def of(cls, instance: Instance, kept: dict[str, Any]) -> Fresh:
        held = instance.attributes.items()
        return cls({n: v for n, v in held if models_in(v) and kept.get(n) is not v})


class Finder:
    """The state of finding: what is known of the functions already."""

    def __init__(self, ev: Interpreter, shapes: Shapes) -> None:
        self.ev = ev
        self.shapes = shapes
        self.seen: set[int] = set()
        self.found: dict[int, Found] = {}  # of each function's id
        self.gaps: list[tuple[Function, Gap]] = []  # of methods
        self.members: set[str] = set()  # those of classes that are whole
        self.makers = makers_of(ev)
        self.of_module = set(map(id, ev.models))  # what was made before anything was run on symbols
        self.own = [f for f in ev.module.names.values() if isinstance(f, Function)]

    # -- functions ------------------------------------------------------------------------------
    def function(self, function: Function) -> Iterator[Found | Gap]:
        """A function of the module."""
        if id(function) in self.seen or (
            function.source not in (None, self.ev.main) and not function.calls
        ):
            return
        self.seen.add(id(function))
        results = [r for _, r, _ in function.calls if not isinstance(r, Unknown)]
        gives = any(models_in(r) or _is_own_model(r) for r in results)
        builds = self._builds(function)
        used = bool(results) or is_class_of_its_own(self.ev, function)
        if not gives and (used or not (builds or implies_model(self.ev, function, self.own))):
            return
        inlined = gives and function in called_by_builders(self.ev)
        if inlined and any(takes_functions(function, b) for b, _, _ in function.calls):
            self._note_inlined(function, GIVEN_FUNCTIONS)
            return

        def act(values: dict[str, Any]) -> Any:
            result = settled(self.ev, call_function(self.ev, function, [], values))
            return with_model(self.ev, result, function.line)

        done = best_run(self.ev, function, act, self.shapes)
        if inlined and (not done.whole or any(len(str(s)) > LONG for s, _ in done.demands)):
            self._note_inlined(function, done.why)
            return
        if inlined and any(leans_on(m, done.given) for m in done.models):
            self._note_inlined(function, "of the tensors that it is given, one is made of another")
            return
        if models_in(done.result):
            found = self.found[id(function)] = self._of_function(function, done)
            variants.add_others(self.ev, function, done, act, found, self._of_function)
            yield found
            return
        if _is_own_model(done.result):
            found = Object(function.name, "function", function.line, done.result, done.given.params)
            found.demands = demands_of([done])
            yield found
            return
        if (another := variants.for_another_flag(self.ev, function, done, act)) is not None:
            found = self.found[id(function)] = self._of_function(function, another)
            found.lacks_models = True
            yield found
            return
        silent = all(text.strip() in ("", "None") for text in returned_by(self.ev, function))
        local = list(self._local(function)) if silent and done.models else []
        yield from local
        if not local and owes_model(self.ev, function, self.makers, done.result):
            yield Gap(function.name, "function", function.line, done.found, done.why)

    def _builds(self, function: Function) -> bool:
        """Whether the function's own code, or a function that it calls, makes a Keras model."""
        return bool(called_by(self.ev, function) & self.makers)

    def _note_inlined(self, function: Function, why: str) -> None:
        """Say that a builder is to be found in the classes of those that call it."""
        reason = f" ({why})" if why else ""
        self.ev.log.add(
            "KT301",
            Place(function.line),
            f"{function.name} is written out in the classes of the functions that call it{reason}",
        )

    def _of_function(self, function: Function, done: Run) -> Found:
        line = self.ev.imported.get(id(function), function.line)
        found = Found(function.name, "function", line, done.result, done.given.params)
        if id(function) in self.ev.imported:
            found.stands = file_of(self.ev, function), function.line
        found.docstring = docstring_of(function)
        take(found, [done], self.of_module)
        name_parts(found, function)
        text = arguments_text(done.given)
        waits = found.sizes and not done.given.tensors  # for data that tells its input's size
        if text is not None and not waits:
            inputs = inputs_text(done.given)
            calls = ", ".join([*inputs, text] if text else inputs)
            found.keras, found.arguments = f"{function.name}({calls})", text
        if len(found.models) == 1:
            found.keras = found.keras and found.keras + path_in(found.value)
            found.value = found.models[0]
        return found

    def _local(self, function: Function) -> Iterator[Found]:
        """The models that a function keeps to itself, for the arguments that it has by default."""
        names = [p.name.value for p, _ in declared(function)]
        none_given = {n: Unknown(f"the argument {n}", function.line) for n in names}
        values = none_given | {n: v for n, v in function.defaults.items() if n in names}
        done = run(self.ev, Given(), lambda: call_function(self.ev, function, [], values))
        parts = nested(done.models)
        for model in done.models:
            if is_complete(model) and id(model.use) not in parts:
                yield Found(
                    model.variable or "model", "variable", model.line, model, said=done.found
                )

    # -- classes --------------------------------------------------------------------------------
    def plain_class(self, cls: Class) -> Iterator[Found | Gap]:
        """A class that keeps models in attributes, or has methods that build them."""
        if id(cls) in self.seen:
            return
        self.seen.add(id(cls))
        own = methods_of(cls)
        methods = [m for m in own if self._builds(m) or implies_model(self.ev, m, own)]
        if not methods:
            return
        made, add_others_of = self._instance(cls)
        instance = made.result = made.result or Instance(cls)
        kept = dict(instance.attributes)
        known: dict[int, Found] = {}
        for attribute, value in kept.items():
            for path, model in elements(value):
                member = partial(self._member, cls, f"{attribute}{path}")
                found = member(model, [made])
                add_others_of(attribute, found, member)
                known.setdefault(id(model), found)
                yield found
        gaps: list[tuple[Function, Gap]] = []
        made_by: dict[tuple[str, int], tuple[Function, Found]] = {}  # not by what calls that
        for method in (m for m in methods if m.name != "__init__"):
            for part in self._method(cls, method, made, kept):
                if isinstance(part, Gap):
                    gaps.append((method, part))
                    continue
                place = (part.name, part.line)
                if place not in made_by or made_by[place][0].line < method.line <= part.line:
                    made_by[place] = (method, part)
            instance.attributes.clear()
            instance.attributes.update(kept)
        yield from (found for _, found in made_by.values())
        if not (known or made_by or gaps) and made.failed:  # its constructor has run all of them
            owing = [m for m in methods if owes_model(self.ev, m, self.makers)]
            for method in owing[:1]:
                name = f"{cls.name}.{method.name}"
                yield Gap(name, "method", method.line, made.found, made.why)
        self.gaps += gaps

    def left(self) -> Iterator[Gap]:
        """The methods that give no model, but those that others hand what they make of it."""
        for method, gap in self.gaps:
            given = [bound for bound, result, _ in method.calls if models_in(result)]
            handed = any(takes_functions(method, bound) for bound in given)
            if handed or any(tensors_in([*bound.values()]) for bound in given):
                self._note_inlined(method, GIVEN_FUNCTIONS if handed else "")
            else:
                yield gap

    def _instance(self, cls: Class) -> tuple[Run, Callable[..., None]]:
        """The class instantiated on symbols, and what adds the models that it keeps for other arguments."""
        init = cls.lookup("__init__")
        if not isinstance(init, Function):
            return run(self.ev, Given(), lambda: Instance(cls)), lambda *_: None

        def act(values: dict[str, Any]) -> Instance:
            instance = Instance(cls, {}, [], values, cls.line)
            try:
                call_function(self.ev, init, [instance], values)
            except Raised as raised:
                if raised.check is not None and not self.ev.nothing_kept:
                    raise  # other arguments may pass the check
                self.ev.note("KT106", f"the source raises here: {raised.text}")
            variants.settle_models(self.ev, instance.attributes)
            return instance

        is_of = partial(_is_of, cls=cls)
        made = best_run(self.ev, init, act, self.shapes, is_of, ready=makes_object_of_known)
        return made, partial(variants.add_others_kept, self.ev, init, made, act)

    def _method(
        self, cls: Class, method: Function, made: Run, kept: dict[str, Any]
    ) -> Iterator[Found | Gap]:
        instance = made.result
        own = declared(method)
        ran = [r for bound, r, _ in method.calls if not own and _is_given(bound, instance)]
        for result in [r for r in ran if models_in(r)][:1]:
            yield self._member(cls, method.name, result, [made], call="()")
        if ran:  # by the constructor: what it leaves in attributes is there
            return

        def act(values: dict[str, Any]) -> Any:
            instance.attributes.clear()
            instance.attributes.update(kept)
            result = call_function(self.ev, method, receiver(method, cls, instance), values)
            fresh = Fresh.of(instance, kept) if result is None else None
            return fresh or with_model(self.ev, result, method.line)

        done = best_run(self.ev, method, act, self.shapes, own=lambda bound: _is_of(bound, cls))
        if any(leans_on(m, done.given) for m in done.models):
            self._note_inlined(method, "of the tensors that it is given, one is made of another")
            return
        said = arguments_text(done.given)
        of_object = not {"staticmethod", "classmethod"} & set(method.decorators)
        runs = [made, done] if of_object else [done]
        params = parameters_of(made, done) if of_object else done.given.params
        gives_nothing = isinstance(done.result, Fresh)
        models = [] if gives_nothing else models_in(done.result)
        fresh = done.result if gives_nothing else Fresh.of(instance, kept)
        if models and not any(models[0] is m for v in kept.values() for m in models_in(v)):
            call = None if said is None else f"({said})"
            yield self._member(cls, method.name, done.result, runs, params, call)
        for name, value in fresh.items():
            for path, model in elements(value):
                yield self._member(cls, f"{name}{path}", model, runs, params, None)
        lacks = lacks_models(done.result) or any(map(makes_model, returned_by(self.ev, method)))
        if models or fresh or not lacks:
            return
        another = variants.for_another_flag_of_object(self.ev, cls, method, made, done)
        if another is None:
            yield Gap(f"{cls.name}.{method.name}", "method", method.line, done.found, done.why)
            return
        found = self._member(cls, method.name, another.result, [another], call="()")
        yield replace(found, lacks_models=True)

    def _member(
        self,
        cls: Class,
        name: str,
        value: Any,
        runs: list[Run],
        params: list[Param] | None = None,
        call: str | None = "",
    ) -> Found:
        """A model that a class keeps, or that a method of it gives; ``call``: the call of that, if it is known."""
        models = models_in(value)
        params = runs[0].given.params if params is None else params
        line = models[0].line
        found = Found(f"{cls.name}.{name}", "method", line, value, params)
        if all(map(is_complete, models)):
            self.members.add(found.name)
        take(found, runs, self.of_module)
        made = arguments_text(runs[0].given)
        if made is not None and call is not None:
            found.keras = f"{cls.name}({made}).{name}{call}"
            texts = [arguments_text(done.given, params) for done in runs]
            found.arguments = ", ".join(t for t in texts if t)
        if len(models) == 1:
            found.keras = found.keras and found.keras + path_in(value)
            found.value = models[0]
        return found

    # -- variables ------------------------------------------------------------------------------
    def variables(self, bindings: list[tuple[str, AnyModel, int]]) -> Iterator[Found | Gap]:
        """Every binding of a variable of the module to a model, and the models in lists and objects there."""
        last = {name: model for name, model, _ in bindings}
        several: dict[tuple[str, int], tuple[str, AnyModel, int]] = {}
        before: dict[str, AnyModel] = {}
        for name, model, line in bindings:
            part = isinstance(model, ModelValue) and model.kind == "part"
            if before.get(name) is not model and not part:
                several[name, line] = (name, model, line)
            before[name] = model
        for name, model, line in several.values():
            if isinstance(model, UnknownModel):
                yield Gap(name, "variable", line, why=model.why)
                continue
            held = last[name] is model and self.ev.module.names.get(name) is model
            yield self._variable(name, model, line, name if held else None)
        for name, value in self.ev.module.names.items():
            owner = value.cls.name if isinstance(value, Instance) else ""
            for path, model in [] if isinstance(value, ModelValue) else elements(value):
                bound = any(model is m for _, m, _ in bindings)
                if not bound and f"{owner}{path}" not in self.members:
                    yield self._variable(f"{name}{path}", model, model.line, f"{name}{path}")

    def _variable(self, name: str, model: ModelValue, line: int, keras: str | None) -> Found:
        shape = self.shapes.get(name, self.shapes.get(""))
        found = Found(name, "variable", line, model, keras=keras)
        if model.deferred and shape is None and (shape := likely_input(model.deferred)):
            found.given.guessed["input"] = shape
        if model.deferred and shape is not None:
            self.ev.line = line  # of what is said of it
            build_deferred(self.ev, model, shape)
        found.made = made_by(self.ev, self.found, model)
        return found


def _is_of(bound: dict[str, Any], cls: Class) -> bool:
    return any(isinstance(v, Instance) and v.cls is cls for v in bound.values())


def _is_given(bound: dict[str, Any], instance: Instance) -> bool:
    """Whether an object, as it was then, is among the arguments."""
    return any(isinstance(v, Instance) and v.kwargs is instance.kwargs for v in bound.values())
