"""Values that a condition on settings chooses and that are no numbers: classes of layers, functions, layers, None.

`Choice` stands for either. What only computes values is done with both; what builds something is a condition that is
kept, as if the source had written it there. Whatever else reads a choice takes for granted what the sample decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import branches, calls, constructors, tables
from kt_translate.evaluate.assumed import decided
from kt_translate.evaluate.values import (
    Class,
    External,
    Function,
    LayerValue,
    Method,
    Native,
    Partial,
    Unknown,
    plain,
)
from kt_translate.graph.choice import Choice
from kt_translate.graph.conditions import depends
from kt_translate.graph.nodes import ORDER
from kt_translate.graph.region import CURRENT
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

KEEPING = ("add", "append", "insert", "extend", "setdefault", "update")  # of lists and dicts
MOST = 16  # keys of a dict that one is chosen from


def resolved(ev: Interpreter, value: Any) -> Any:
    """What a value is in the branches that are under way, as far as they tell."""
    while isinstance(value, Choice) and (truth := decided(ev, value.test)) is not None:
        value = value.then if truth else value.orelse
    return value


def settled(ev: Interpreter, value: Any) -> Any:
    """What a value is for the sample."""
    value = resolved(ev, value)
    while isinstance(value, Choice):
        truth = ev.decide(value.test, "a choice")
        if truth is None:
            return Unknown("a choice that is not known", ev.line)
        value = value.then if truth else value.orelse
    return value


def applied(ev: Interpreter, choice: Choice, act: Callable[[Any], Any]) -> Any:
    """What ``act`` builds of whichever it is: a condition that is kept."""
    if resolved(ev, choice) is not choice:
        return act(resolved(ev, choice))
    done = branches.either(
        ev, choice.test, lambda: act(choice.then), lambda: act(choice.orelse), ev.scope
    )
    return act(settled(ev, choice)) if done is NotImplemented else done


def mapped(ev: Interpreter, value: Any, function: Callable[[Any], Any]) -> Any:
    """A function that builds nothing, of whichever it is."""
    value = resolved(ev, value)
    if not isinstance(value, Choice):
        return function(value)
    a, b = (mapped(ev, v, function) for v in (value.then, value.orelse))
    if tensors_in([a, b]):
        return function(settled(ev, value))
    if all(isinstance(v, Sym) or plain(v) for v in (a, b)):
        return Sym.choose(value.test, a, b)
    return a if a is b else Choice(value.test, a, b)


def tested(ev: Interpreter, value: Any) -> Any:
    """A value as a condition: what the branches under way say of it, and whether there is anything."""
    if isinstance(value, Choice):
        value = mapped(ev, value, lambda v: v if isinstance(v, Sym) else ev.truth(v))
    said = decided(ev, value) if isinstance(value, Sym) else None
    return value if said is None else said


# -- calls ----------------------------------------------------------------------------------------


def call(
    ev: Interpreter,
    function: Choice,
    args: list[Any],
    kwargs: dict[str, Any],
    since: int | None = None,
) -> Any:
    """A call of whichever it is. Layers that were made ``since`` count as made by the call."""

    def act(called: Any) -> Any:
        if isinstance(called, Choice):
            return applied(ev, called, act)
        if since is not None and isinstance(called, LayerValue) and called.use.order > since:
            called.use.region = CURRENT[-1]
        return calls.call(ev, called, args, kwargs, None, ev.scope)

    return act(function)


def distributed(ev: Interpreter, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A call with a choice among its arguments; NotImplemented where there is none, or the function takes it as it is."""
    if _keeps(function):
        return NotImplemented
    choice = next(_choices_in([*args, *kwargs.values()]), None)
    if choice is None:
        return NotImplemented

    def act(by: Any) -> Any:
        given = [_replaced(v, choice, by) for v in args]
        named = {k: _replaced(v, choice, by) for k, v in kwargs.items()}
        return calls.call(ev, function, given, named, None, ev.scope)

    return applied(ev, choice, act)


def _keeps(function: Any) -> bool:
    """Whether a function of the source, or a list, keeps what it is given."""
    if isinstance(function, Native):
        return function.name in KEEPING
    if isinstance(function, External):
        return function.path == "keras.Sequential"
    if isinstance(function, Class):
        return constructors.base_of(function) is None
    return isinstance(function, (Function, Method, Partial))


def _choices_in(values: Iterable[Any]) -> Iterator[Choice]:
    for value in values:
        if isinstance(value, Choice):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _choices_in(value)


def _replaced(value: Any, choice: Choice, by: Any) -> Any:
    """The same with one of both in place of the choice."""
    if value is choice:
        return by
    if type(value) in (list, tuple):
        return type(value)(_replaced(v, choice, by) for v in value)
    return value


# -- dicts ----------------------------------------------------------------------------------------


def looked_up(ev: Interpreter, table: Any, key: Any) -> Any:
    """``table[key]`` of layer classes, functions and the like; NotImplemented where the sample has to tell."""
    if not isinstance(table, dict):
        found = tables.at(ev, table, key)
        return _at_place(ev, table, key) if found is NotImplemented else found
    if (
        not depends(key)
        or ev.is_pinned(key)
        or not 0 < len(table) <= MOST
        or not plain(list(table))
    ):
        return NotImplemented
    if key.value not in table or tensors_in(table):
        return NotImplemented
    missing = Sym.binary("not in", key, tables.named(ev, table))
    branches.check(ev, missing, "KeyError", next(ORDER))
    if plain(table):
        return Sym.index(tables.named(ev, table), key)
    return among(ev, key, list(table.items()))


def _at_place(ev: Interpreter, table: Any, key: Any) -> Any:
    """``blocks[phi]`` of a list of layer classes, functions and the like; NotImplemented where the sample has to tell."""
    if not isinstance(table, (list, tuple)) or not 0 < len(table) <= MOST or plain(table):
        return NotImplemented
    if not depends(key) or ev.is_pinned(key) or not all(map(_is_thing, table)):
        return NotImplemented
    place = known(key)
    if type(place) is not int or not 0 <= place < len(table):
        return NotImplemented
    shift = 0
    if key.head in ("+", "-") and type(key.args[1]) is int:  # phi == 1, not phi - 1 == 0
        key, shift = key.args[0], -key.args[1] if key.head == "+" else key.args[1]
    cases = list(enumerate(table, start=shift))
    beyond = Sym.binary("or", Sym.binary("<", key, shift), Sym.binary(">", key, cases[-1][0]))
    branches.check(ev, beyond, "IndexError", next(ORDER))
    return among(ev, key, cases)


def _is_thing(value: Any) -> bool:
    return isinstance(value, (Class, External, Function, Native, Partial))


def among(ev: Interpreter, key: Sym, cases: list[tuple[Any, Any]]) -> Any:
    """The value whose key it is."""
    values = [v for _, v in cases]
    if all(isinstance(v, tuple) and len(v) == len(values[0]) for v in values) and not plain(values):
        columns = zip(*values, strict=True)
        return tuple(
            among(ev, key, [(k, v) for (k, _), v in zip(cases, c, strict=True)]) for c in columns
        )
    (name, value), *others = cases
    if not others:
        return value
    test = Sym.binary("==", key, name)
    return mapped(ev, Choice(test, value, among(ev, key, others)), lambda v: v)
