"""Indexing of every kind of value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import arrays, calls, choices, data, enums, numbers, tensors
from kt_translate.evaluate.model_layers import Listed, cannot_pick
from kt_translate.evaluate.signals import Raised, as_the_source_would
from kt_translate.evaluate.values import (
    Array,
    Class,
    Function,
    Instance,
    Unknown,
    endless,
    is_computed,
    opaque,
)
from kt_translate.graph.choice import Choice
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Tensor

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def settled_key(ev: Interpreter, key: Any) -> Any:
    """A key of a list or dict by its sample."""
    if isinstance(key, tuple):
        return tuple(settled_key(ev, k) for k in key)
    if isinstance(key, slice):
        parts = [ev.demand(p, "a slice") for p in (key.start, key.stop, key.step)]
        return next((p for p in parts if isinstance(p, (Unknown, Array))), slice(*parts))
    return ev.demand(key, "an index") if isinstance(key, Sym) else key


def settled_items(ev: Interpreter, items: Iterable[Any]) -> list[Any]:
    """Items that Python is to compare with others, by their samples."""
    return [settled_key(ev, item) for item in items]


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, (list, tuple)) and bool(value) and all(map(_is_text, value))
    )


def _counted(items: Any) -> int:
    """How many items stand before those whose number is not known."""
    return next(i for i, v in enumerate(items) if isinstance(v, Unknown) and v.many)


def _check_range(ev: Interpreter, value: Sym, key: Any) -> None:
    """Raise what the source does where a sample has no such item; not in a branch that is not the sample's."""
    items = value.value
    if not isinstance(items, (list, tuple)) or type(key) is not int:
        return
    there = -len(items) <= key < len(items)
    if not there and all(known(test) is truth for test, truth in ev.assumed):
        raise Raised(f"IndexError: {value} has {len(items)} items")


def index(ev: Interpreter, value: Any, key: Any) -> Any:
    """``value[key]``."""
    key = choices.settled(ev, key)
    if isinstance(value, Choice):
        return choices.mapped(ev, value, lambda one: index(ev, one, key))
    if isinstance(value, Tensor):
        return tensors.index(ev, value, key)
    if isinstance(value, Listed) and not value.tells(key):
        return cannot_pick(ev, value.hidden)
    if is_computed(value) or arrays.asks_more(value, key):
        return arrays.index(ev, value, key)
    if isinstance(value, Array):
        return data.array_index(value, key)
    if isinstance(value, Instance) and isinstance(own := value.cls.lookup("__getitem__"), Function):
        return calls.call_function(ev, own, [value, key], {})
    if isinstance(value, Class):
        return enums.by_name(ev, value, key) if value.members else value
    if (opaque(value) and not isinstance(value, (list, tuple))) or isinstance(key, Unknown):
        found = Unknown("an element of what is not known", ev.line)
        found.parts = ("[]", value, key)
        return found
    if isinstance(value, Sym):
        _check_range(ev, value, key)
        return Sym.index(value, key)
    if isinstance(key, Sym) and isinstance(value, dict) and _is_text([*value.values()]):
        return Sym.index(value, key)  # a table of hashes or paths: nothing hangs on it
    if isinstance(key, Sym) and isinstance(value, numbers.Numbers) and value.said is not None:
        return Sym.index(value.said, key)
    if isinstance(key, Sym) and (found := choices.looked_up(ev, value, key)) is not NotImplemented:
        return found
    key = settled_key(ev, key)
    if isinstance(key, (Unknown, Array)) or key is UNKNOWN:
        return Unknown("an element at a place that is not known", ev.line)
    if endless(value) and not (type(key) is int and 0 <= key < _counted(value)):
        return Unknown("an element of what a loop over data has filled", ev.line)
    with as_the_source_would():
        return numbers.index(value, key) if isinstance(value, numbers.Numbers) else value[key]
