"""``sorted``, ``min`` and ``max`` by a key: the order of settings is that of the samples, and what it hangs on is taken for granted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.calls import call
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import Unknown, items_of, plain
from kt_translate.graph.sym import UNKNOWN, Sym, known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def ordered(
    ev: Interpreter, items: list[Any], key: Any = None, reverse: Any = False
) -> list[Any] | None:
    """The items in order; None where the keys, or which way, are not known."""
    keys = _keys(ev, items, key)
    if keys is None or not plain(reverse):
        return None
    samples = known(keys)
    with as_the_source_would():
        order = sorted(range(len(items)), key=samples.__getitem__, reverse=bool(reverse))
    for first, second in pairwise(order):
        _take(ev, keys, first, second, bool(reverse))
    return [items[i] for i in order]


def extreme(ev: Interpreter, name: str, *args: Any, **kwargs: Any) -> Any:
    """``min(items, key=...)`` or ``max``, of which the first counts where several are equal."""
    items = list(args) if len(args) > 1 else items_of(args[0], None)
    found = None if items is None else _keys(ev, items, kwargs.get("key"))
    if items is None or found is None:
        return Unknown(f"the {name} by what is not known", ev.line)
    if not items and "default" in kwargs:
        return kwargs["default"]
    samples = known(found)
    with as_the_source_would():
        best = (min if name == "min" else max)(range(len(items)), key=samples.__getitem__)
    for other in range(len(items)):
        if other != best:
            _take(ev, found, best, other, name == "max")
    return items[best]


def _keys(ev: Interpreter, items: list[Any], key: Any) -> list[Any] | None:
    keys = [v if key is None else call(ev, key, [v], {}, None, None) for v in items]
    numbers = all(plain(k) or isinstance(k, Sym) for k in keys)
    return keys if numbers and known(keys) is not UNKNOWN else None


def _take(ev: Interpreter, keys: list[Any], first: int, second: int, falling: bool) -> None:
    """Take for granted that one item comes before another; of equal ones, that which stands first."""
    if isinstance(keys[first], Sym) or isinstance(keys[second], Sym):
        sign = ">" if falling else "<"
        sign += "=" if first < second else ""
        ev.demand(Sym.binary(sign, keys[first], keys[second]), "an order")
