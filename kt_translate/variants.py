"""Builders that give another model for another word: what they give then, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial, reduce
from itertools import islice
from typing import Any

from kt_translate.attempts import declared
from kt_translate.builders import Run, arguments, run
from kt_translate.diagnostics import Diagnostic, Place, shorten
from kt_translate.evaluate.assumed import settled
from kt_translate.evaluate.calls import call_function
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.values import Class, Either, Function, Instance, ModelValue, models_in
from kt_translate.found import Found
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, substitute, symbols_in
from kt_translate.graph.tensor import tensors_in
from kt_translate.graph.terms import shown
from kt_translate.guesses import guesser, literals
from kt_translate.makers import receiver
from kt_translate.shapes import is_shape
from kt_translate.words import choices, code_with

MOST = 6  # runs for one function
ANY_OTHER = "other"  # a word that the source does not compare with
Told = tuple[str, Any]  # a parameter and a value of it


def add_others(
    ev: Interpreter,
    function: Function,
    first: Run,
    act: Callable[[dict[str, Any]], Any],
    found: Found,
    as_found: Callable[[Function, Run], Found],
) -> None:
    """Run a builder for the values of its parameters that its first run does not hold for."""
    if not _is_alone(first) or found.open_sizes:
        return
    untold = list(_untold(ev, function, first))
    done: set[Told] = set()
    for told in islice((t for t in untold if t not in done | ev.in_vain), MOST):
        models = len(ev.models)
        other = _run_for(ev, function, first, act, told)
        if other.whole and _is_alone(other) and _ends(other) == _ends(first):
            made = as_found(function, other)
            if not made.open_sizes:
                made.name, made.builder = f"{found.name}_{_called(*told)}", found.called
                alike = [
                    told,
                    *(t for t in untold if _is_alike(t, told) and not _refusing(other, t)),
                ]
                done |= set(alike)
                found.others.append((_where(first, alike), made))
                continue
        if not other.whole:
            ev.in_vain |= {told}
        del ev.models[models:]
    for one in [found, *(other for _, other in found.others)]:
        one.said = [d for d in one.said if not _is_told(d, one, found)]


def for_another_flag(
    ev: Interpreter,
    function: Function,
    first: Run,
    act: Callable[[dict[str, Any]], Any],
    method: Function | None = None,
) -> Run | None:
    """The run for a flag that is not as by default, where no model comes out as it is: ``training=True``. It is told."""
    params = {p.symbol for p in first.given.params}
    flags = [s for said, _ in first.demands for s in symbols_in(said) & params]
    for flag in [s for s in dict.fromkeys(flags) if isinstance(s.value, bool)]:
        models, told = len(ev.models), (flag.name, not flag.value)
        other = _run_for(ev, function, first, act, told)
        if other.whole:
            gives = method or function
            owner = f"{gives.owner.name}." if gives.owner is not None else ""
            said = f"{owner}{gives.name} is translated for {flag.name}={not flag.value} alone"
            why = f" ({first.why})" if first.why else ""
            ev.log.add("KT107", Place(gives.line), f"the model of {said}{why}")
            return other
        del ev.models[models:]
    return None


def for_another_flag_of_object(
    ev: Interpreter, cls: Class, method: Function, made: Run, first: Run
) -> Run | None:
    """The same of a method without arguments, for a flag that the constructor takes."""
    init = cls.lookup("__init__")
    if not isinstance(init, Function) or declared(method):
        return None

    def act(values: dict[str, Any]) -> Any:
        instance = Instance(cls, {}, [], values, cls.line)
        call_function(ev, init, [instance], values)
        return call_function(ev, method, receiver(method, cls, instance), {})

    of_object = replace(first, given=made.given)
    return for_another_flag(ev, init, of_object, act, method)


def add_others_kept(
    ev: Interpreter,
    init: Function,
    first: Run,
    act: Callable[[dict[str, Any]], Instance],
    attribute: str,
    found: Found,
    as_found: Callable[[Any, list[Run]], Found],
) -> None:
    """The same of a class's constructor, for a model that the object keeps in an attribute."""
    add_others(
        ev,
        init,
        replace(first, result=first.result.attributes.get(attribute)),
        lambda values: act(values).attributes.get(attribute),
        found,
        lambda _, done: as_found(done.result, [done]),
    )


def settle_models(ev: Interpreter, attributes: dict[str, Any]) -> None:
    """Take for granted which model it is, where a condition leaves that open."""
    for name, value in attributes.items():
        if _may_be_a_model(value):
            attributes[name] = settled(ev, value)


def _may_be_a_model(value: Any) -> bool:
    if isinstance(value, Either):
        return _may_be_a_model(value.then) or _may_be_a_model(value.orelse)
    return isinstance(value, ModelValue)


def _is_alone(done: Run) -> bool:
    """Whether one model came out of arguments that are settings alone."""
    given = done.given
    settings = not (given.sizes or given.tensors or given.modules or given.taken or given.baked)
    gathers = any(p.gathers for p in given.params)
    return settings and not gathers and len(models_in(done.result)) == 1


def _ends(done: Run) -> list[Any]:
    """What kinds of tensors the model takes and gives."""
    model = models_in(done.result)[0]
    return [[(t.rank, t.dtype) for t in tensors_in(e)] for e in (model.inputs, model.outputs)]


def _untold(ev: Interpreter, function: Function, first: Run) -> Iterator[Told]:
    """The parameters, each with the values that the source tells and that the first run does not hold for."""
    text = code_with(ev, function)
    params = {p.symbol for p in first.given.params}
    given: set[Told] = set()
    for said, _ in first.demands:
        symbols = symbols_in(said) & params
        if len(symbols) != 1 or len(symbols_in(said)) != 1:
            continue
        (symbol,) = symbols
        is_word, is_flag = (isinstance(symbol.value, kind) for kind in (str, bool))
        values = [*literals(said), *choices(ev, symbol.name, text)]
        values += [not symbol.value] if is_flag else [ANY_OTHER] if is_word else []
        for value in values:
            told = (symbol.name, value)
            kinds = (str, bool, (list, tuple, dict))
            fits = all(isinstance(value, k) == isinstance(symbol.value, k) for k in kinds)
            if fits and told not in given and _refusing(first, told):
                given.add(told)
                yield told
        if symbol.value is None and is_shape(symbol.name, text):
            shape = guesser(ev, function, text)[0](symbol.name)
            if isinstance(shape, tuple) and _refusing(first, (symbol.name, shape)):
                yield symbol.name, shape


def _run_for(
    ev: Interpreter,
    function: Function,
    first: Run,
    act: Callable[[dict[str, Any]], Any],
    told: Told,
) -> Run:
    """The run for another value of one parameter; without keeping any loop or condition where nothing else does."""
    samples = {p.symbol.name: p.symbol.value for p in first.given.params}

    def tried() -> Run:
        given = arguments(ev, function, samples | dict([told]))
        given.guessed = {n: v for n, v in first.given.guessed.items() if n != told[0]}
        given.guessed |= dict([told])  # the parity test says it
        return run(ev, given, partial(act, given.values))

    models = len(ev.models)
    done = tried()
    if done.whole or done.why:
        return done
    del ev.models[models:]
    ev.nothing_kept = True
    try:
        return tried()
    finally:
        ev.nothing_kept = False


def _symbol(done: Run, name: str) -> Symbol:
    return next(p.symbol for p in done.given.params if p.symbol.name == name)


def _refusing(done: Run, told: Told) -> list[tuple[Sym, Any]]:
    """What a run takes for granted and is not so for another value of one parameter."""
    symbol = _symbol(done, told[0])
    refusing = []
    for said, taken in done.demands:
        if isinstance(said, Sym) and taken is not UNKNOWN and symbol in symbols_in(said):
            found: Any = UNKNOWN
            with suppress(Exception):  # a value of another kind than is asked for
                found = known(substitute(said, {symbol: told[1]}))
            if found is UNKNOWN or found != taken:
                refusing.append((said, taken))
    return refusing


def _called(name: str, value: Any) -> str:
    """What the class has in its name."""
    if isinstance(value, bool):
        return name if value else f"no_{name}"
    if isinstance(value, tuple):
        return f"with_{name}"
    return value if isinstance(value, str) and value[:1].isalpha() else f"{name}_{value}"


def _is_alike(one: Told, told: Told) -> bool:
    """Whether both are words that the source knows, of one parameter."""
    words = all(isinstance(value, str) and value != ANY_OTHER for _, value in (one, told))
    return words and one[0] == told[0] and one != told


def _where(first: Run, alike: list[Told]) -> Any:
    """Where a builder gives what it gives for these values; for any other word: where the first run is not it."""
    (name, value), *others = alike
    symbol = Sym.of(_symbol(first, name))
    if isinstance(value, bool):
        return symbol if value else Sym.unary("not", symbol)
    if others:
        return Sym.binary("in", _as_compared(first, alike[0]), tuple(v for _, v in alike))
    if value != ANY_OTHER and symbol.value is not None:
        return Sym.binary("==", _as_compared(first, alike[0]), value)
    return reduce(lambda a, b: Sym.binary("or", a, b), map(_denied, _refusing(first, alike[0])))


def _as_compared(first: Run, told: Told) -> Sym:
    """The parameter as the source compares it: ``name.lower()``, where the value is its own lower case."""
    symbol, value = _symbol(first, told[0]), told[1]
    sides = [a for said, _ in _refusing(first, told) if said.head in "==!=" for a in said.args]
    for side in (s for s in sides if isinstance(s, Sym) and s.head == "method"):
        if symbols_in(side) == {symbol} and known(substitute(side, {symbol: value})) == value:
            return side
    return Sym.of(symbol)


def _denied(demand: tuple[Sym, Any]) -> Any:
    said, taken = demand
    if isinstance(taken, bool):
        return Sym.unary("not", said) if taken else said
    return Sym.binary("!=", said, taken)


def _is_told(said: Diagnostic, one: Found, found: Found) -> bool:
    """Whether a note says that a model holds for one value of a parameter by which the builder gives others."""
    names = {s.name for test, _ in found.others for s in symbols_in(test)}
    demands = [d for d, _ in plan_of(one.models[0]).demands]
    told = [shorten(shown(d)) for d in demands if {s.name for s in symbols_in(d)} <= names]
    return said.code == "KT301" and any(f"depends on {text}: " in said.message for text in told)
