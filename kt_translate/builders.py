"""Runs the functions and classes of a source on their parameters as symbols, to see which models they build.

A parameter's sample value is its default, what the source itself calls the function with, or, where nothing tells
it, a guess; the class that is written holds for all arguments all the same, or checks them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

import libcst as cst

from kt_translate.attempts import Shapes, attempts, declared
from kt_translate.call_inputs import likely_input
from kt_translate.diagnostics import Diagnostic
from kt_translate.evaluate import handed, parts, views
from kt_translate.evaluate.general import annotation
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.passed_on import with_passed_on
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import (
    External,
    Function,
    Instance,
    ModelValue,
    map_tensors,
    models_in,
    plain,
)
from kt_translate.graph.nodes import Param
from kt_translate.graph.objects import is_setting, lazily
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, code, known, symbols_in
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.graph.tuning import Tuned
from kt_translate.guesses import (
    as_input,
    code_about,
    gathered,
    guesser,
    input_of,
    let_pass,
)
from kt_translate.source.names import SUBMODULES

MAX_BETTER = 4  # tries with values that a check lets pass
# After so many steps of builders with likely arguments of which nothing comes, the others are tried with fewer.
PATIENCE = 30_000
FEW_TRIES = 3


@dataclass
class Given:
    """Arguments for a run on symbols: the values to call with, and the parameters that the factory has for them."""

    values: dict[str, Any] = field(default_factory=dict)
    params: list[Param] = field(default_factory=list)
    sizes: list[Param] = field(default_factory=list)  # of the tensors among the arguments
    tensors: dict[str, Any] = field(default_factory=dict)
    guessed: dict[str, Any] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)  # what is taken for what it is here
    modules: dict[str, ModelValue] = field(default_factory=dict)  # that it is handed
    baked: list[Symbol] = field(default_factory=list)  # parameters that keep their defaults


@dataclass
class Run:
    """What a run on symbols gave."""

    given: Given
    result: Any
    models: list[ModelValue]
    demands: list[tuple[Any, Any]]
    found: list[Diagnostic]  # what was said in it
    failed: bool
    why: str = ""  # nothing came out of it
    refused: Any = None  # the check of the source that did not let the samples pass

    @property
    def whole(self) -> bool:
        """Whether a model came out and nothing in it is missing."""
        made = models_in(self.result)
        return bool(made) and not self.failed and all(map(is_complete, made))

    @property
    def told(self) -> bool:
        """Whether something came out of arguments that all have a sample."""
        given = self.given.values.values()
        return not self.failed and not any(known(v) is UNKNOWN for v in given)

    @property
    def guesses_branches(self) -> bool:
        """Whether one branch was taken of a condition of which nothing is known: a likely sample tells better."""
        taken = any(
            isinstance(s, Sym) and s.value is UNKNOWN and t is True for s, t in self.demands
        )
        return taken or any(d.code == "KT101" for d in self.found)


def is_complete(model: ModelValue) -> bool:
    """Whether the model is known from its inputs to its outputs."""
    known_ends = tensors_in(model.inputs) and tensors_in(model.outputs)
    return bool(known_ends) and "gap" not in model.attributes


def run(ev: Interpreter, given: Given, act: Callable[[], Any]) -> Run:
    """Do something of the source on symbols; the module's variables are as before afterwards."""
    before = (len(ev.demands), len(ev.models), ev.log.errors, len(ev.assumed))
    said = list(ev.log.diagnostics)
    names, bindings, line = dict(ev.module.names), list(ev.bindings), ev.line
    ev.steps, ev.hidden, picked = 0, False, set(ev.picked)
    result: Any = None
    refused: Any = None
    why = ""
    region = Region(handed.nodes_of(given.modules))
    CURRENT.append(region)
    try:
        result = act()
        if isinstance(result, ModelValue) and result.kind == "sequential":
            parts.take_settings(region, result.region)
    except (Raised, LimitReached, Break, Continue, NotGeneral) as stop:
        why = f"line {ev.line}: {getattr(stop, 'text', None) or stop}"
        refused = getattr(stop, "check", None)
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # of samples that do not fit
        why = f"line {ev.line}: {type(error).__name__}: {error}"
    finally:
        CURRENT.pop()
        _with_what_it_builds_on(region, CURRENT[-1])
        ev.module.names.clear()
        ev.module.names.update(names)
        ev.bindings[:], ev.line = bindings, line
        del ev.assumed[before[3] :]
        demands, ev.demands[before[0] :] = ev.demands[before[0] :], []
        found = [d for d in ev.log.diagnostics if d not in said]
        ev.log.diagnostics[:] = said
    demands += [(Sym.of(symbol), None) for symbol in given.baked]
    made = ev.models[before[1] :]
    failed = bool(why) or ev.log.errors > before[2]
    done = Run(given, result, made, demands, found, failed, why, refused)
    if not ev.hidden or (done.whole and ev.picked == picked) or ev.inlining:
        return done
    ev.picked = picked
    del ev.models[before[1] :]
    ev.inlining += 1
    try:  # so that the layers that are asked for can be reached
        return run(ev, given, act)
    finally:
        ev.inlining -= 1


def _with_what_it_builds_on(region: Region, module: Region) -> None:
    """Take along the module's nodes where something is built on a model of the module."""
    of_module = set(map(id, module.nodes))
    if any(id(t.node) in of_module for node in region.nodes for t in node.inputs):
        region.nodes[:0] = module.nodes


def _is_whole(run: Run) -> bool:
    return run.whole


def makes_object_of_known(done: Run) -> bool:
    """Whether an object was made of arguments of which all are known, or guessed where they can be."""
    open_ends = [p for p in done.given.params if p.symbol.value is UNKNOWN]
    made = not done.failed and isinstance(done.result, Instance)
    return made and (bool(done.given.guessed) or not open_ends)


def best_run(
    ev: Interpreter,
    function: Function,
    act: Callable[[dict[str, Any]], Any],
    shapes: Shapes,
    own: Callable[[dict[str, Any]], bool] = lambda bound: True,
    ready: Callable[[Run], bool] = _is_whole,
) -> Run:
    """The first run that is whole, else the first that gave anything, of those with likely arguments.

    Where none is whole, that one is done again without keeping any loop or condition.
    """
    models = len(ev.models)

    def tried(samples: dict[str, Any], guessed: dict[str, Any], modules: dict[str, Any]) -> Run:
        given = arguments(ev, function, samples)
        given.guessed = guessed
        again = partial(act, {**modules, **given.values})
        found = completed(ev, function, run(ev, given, again), again, shapes)
        del ev.models[models:]
        return found

    tries: list[tuple[Any, Run]] = []
    ev.hurried = ready is _is_whole
    better: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for samples, guessed in chain(attempts(ev, function, shapes, own), better):
        if ev.vain_steps > PATIENCE and len(tries) >= FEW_TRIES:
            break
        for modules in handed_modules(function):
            tries.append(((samples, guessed, modules), tried(samples, guessed, modules)))
            if ready(tries[-1][1]) and not tries[-1][1].guesses_branches:
                ev.models += tries[-1][1].models
                ev.hurried = False
                return tries[-1][1]
            ev.vain_steps += ev.steps
            refused = tries[-1][1].refused
            if isinstance(refused, Sym) and len(better) < MAX_BETTER:
                guessing, _ = guesser(ev, function, code_about(ev, function))
                passed = let_pass(refused, samples, guessing)
                better += [({**samples, **passed}, {**guessed, **passed})] if passed else []
    ev.hurried = False
    if (told := next((found for _, found in tries if ready(found)), None)) is not None:
        ev.models += told.models
        return told
    gave = [t for t in tries if t[1].result is not None] or tries[:1]
    likely, best = next(
        (t for t in gave if isinstance(t[1].result, Instance) and t[1].told), gave[0]
    )
    ev.nothing_kept = True
    plain_run = tried(*likely)
    ev.nothing_kept = False
    best = plain_run if ready(plain_run) or best.result is None else best
    ev.models += best.models
    return best


def handed_modules(function: Function) -> Iterator[dict[str, Any]]:
    """Nothing, then Keras's modules, which a function may wait for among its ``**kwargs``."""
    yield {}
    if function.node.params.star_kwarg is not None:
        yield {name: External(path) for name, path in SUBMODULES.items()}


# -- arguments ------------------------------------------------------------------------------------


def arguments(ev: Interpreter, function: Function, samples: dict[str, Any]) -> Given:
    """Symbols with these samples; tensors of their own in place of tensors."""
    given = Given()
    function = with_passed_on(function)
    several = sum(len(tensors_in(v)) for v in samples.values()) > 1
    for param, keyword_only in declared(function):
        name = param.name.value
        sample = samples[name]
        if tensors_in(sample):
            given.values[name] = _own_inputs(ev, given, name if several else "", sample)
            given.tensors[name] = given.values[name]
            continue
        if isinstance(sample, handed.Handed):
            given.modules[name] = given.values[name] = handed.model(name, sample)
            given.params.append(handed.parameter(name, keyword_only))
            continue
        sample = views.object_of(sample)
        is_object = views.holds_settings(sample)
        is_list = isinstance(sample, (list, tuple)) and views.sayable(sample)
        sayable = sample is UNKNOWN or plain(sample) or is_setting(sample) or is_list
        symbol = Symbol(name, sample if sayable or is_object else UNKNOWN)
        default = default_text(ev, param, function.defaults.get(name))
        known_as = function.defaults.get(name)
        kind = annotation(known(known_as) if known_as is not None else sample, default == "None")
        tuned = isinstance(sample, Tuned) and _none_required_after(function, param)
        if tuned:
            default, kind = "None", f"{kind} | None"
        if sample is UNKNOWN or name in given.guessed:
            kind = "Any" if sample is UNKNOWN else kind
        given.params.append(Param(symbol, default, kind, keyword_only))
        if tuned:
            given.params[-1].instead = sample.expr
        given.values[name] = Sym.of(symbol) if sayable else sample
        if is_object:
            given.values[name] = views.seen(sample, symbol)
            if function.defaults.get(name, sample) is None:
                given.params[-1].instead = views.text_of(sample)
        elif not sayable and default == "None":
            given.baked.append(symbol)
        elif not sayable:
            given.taken[name] = views.called(sample)
    if (star := gathered(function, ev.source)) is not None:
        symbol = Symbol(star, samples[star])
        given.params.append(Param(symbol, None, "Any", gathers=True))
        given.values[f"**{star}"] = Sym.of(symbol)
    return given


def _own_inputs(ev: Interpreter, given: Given, name: str, sample: Any) -> Any:
    """Inputs of their own in place of the tensors of an argument."""
    count = len(tensors_in(sample))
    roles = iter([name] if count == 1 else [f"{name}_{i}" for i in range(count)])
    return map_tensors(
        lambda tensor: as_input(tensor, next(roles), given.sizes, set(ev.constants)), sample
    )


def _none_required_after(function: Function, param: cst.Param) -> bool:
    """Whether all parameters behind one have defaults."""
    names = [p.name.value for p, _ in declared(function)]
    return all(n in function.defaults for n in names[names.index(param.name.value) + 1 :])


def default_text(ev: Interpreter, param: cst.Param, value: Any) -> str | None:
    """The default of a parameter, as the output can say it."""
    if param.default is None:
        return None
    said = isinstance(value, Sym) or (isinstance(value, (tuple, list)) and views.sayable(value))
    if said and symbols_in(value) and all(s.kind == "global" for s in symbols_in(value)):
        return str(code(value))
    if plain(value):
        text = ev.source.code(param.default)
        simple = re.fullmatch(r"[\d.e+-]+|'[^'\n]*'|\"[^\"\n]*\"|None|True|False", text)
        return text if simple else repr(value)
    value = views.object_of(value)
    of_records = isinstance(value, (tuple, list)) and views.sayable(value)
    return lazily(value) if is_setting(value) or views.is_record(value) or of_records else "None"


def completed(
    ev: Interpreter, function: Function, found: Run, act: Callable[[], Any], shapes: Shapes
) -> Run:
    """The run again, where it gave a Sequential that waits for its input, with what that is used with."""
    kept = found.result.attributes if isinstance(found.result, Instance) else found.result
    for i, model in enumerate(models_in(kept)):
        shape = shapes.get(function.name, shapes.get(""))
        outer = Tensor((None, *shape)) if shape is not None else _used_with(function, i)
        if model.deferred and outer is None and (likely := likely_input(model.deferred)):
            outer = input_of(likely)
            found.given.guessed["input"] = likely
            if symbols_in(likely):
                ev.starts[model.line] = outer
                continue
        if model.deferred and outer is not None:
            ev.starts[model.line] = as_input(outer, "", found.given.sizes, set(ev.constants))
    if not ev.starts:
        return found
    again = run(ev, found.given, act)
    ev.starts.clear()
    return again


def _used_with(function: Function, index: int) -> Tensor | None:
    """What the models that the function gave elsewhere in the source take."""
    for _, result, _ in function.calls:
        made = models_in(result)
        inputs = tensors_in(made[index].inputs) if index < len(made) else []
        if len(inputs) == 1 and all(s.kind != "data" for s in symbols_in(inputs[0].shape)):
            return inputs[0]
    return None
