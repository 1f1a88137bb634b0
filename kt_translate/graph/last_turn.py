"""Says, within a loop, whether another turn follows."""

from __future__ import annotations

from functools import reduce
from typing import Any

from kt_translate.graph.lists import PRODUCT, Element, count
from kt_translate.graph.operators import BINARY, TURNED
from kt_translate.graph.sym import Items, Sym, Symbol, same


def another_follows(targets: Any, iterable: Any) -> tuple[Any, Any, Sym] | None:
    """A loop's targets and what it goes through, such that they tell it, and the condition; None where nothing does."""
    if not isinstance(iterable, Items) or iterable.function != PRODUCT:
        return _of_one(targets, iterable, "turn")
    pairs = enumerate(zip(targets, iterable.args, strict=True))
    found = [_of_one(target, through, f"turn_{at}") for at, (target, through) in pairs]
    if None in found:
        return None
    names, throughs, tests = zip(*found, strict=True)
    said = reduce(lambda a, b: Sym.binary("or", a, b), tests)
    return names, Items(iterable, PRODUCT, throughs), said


def _of_one(targets: Any, iterable: Any, name: str) -> tuple[Any, Any, Sym] | None:
    """The same of a loop that is not several within each other; ``name``: of the turn's number, where it has none."""
    end = end_of(iterable)
    if isinstance(targets, Symbol) and end is not None:
        return targets, iterable, Sym.binary("<", Sym.of(targets), end)
    turns = count(iterable)
    if turns is None or isinstance(iterable, Element):
        return None
    last = Sym.binary("-", turns, 1)
    counted = isinstance(iterable, Items) and iterable.function == "enumerate"
    if counted and isinstance(targets, tuple) and isinstance(targets[0], Symbol):
        return targets, iterable, Sym.binary("<", Sym.of(targets[0]), last)
    turn = Symbol(name, 0, "loop")
    through = Items(
        enumerate(iterable if isinstance(iterable, list) else ()), "enumerate", (iterable,)
    )
    return (turn, targets), through, Sym.binary("<", Sym.of(turn), last)


def end_of(iterable: Any) -> Any:
    """The last number of a range that goes up by one."""
    if isinstance(iterable, range):
        return iterable.stop - 1 if iterable.step == 1 else None
    if isinstance(iterable, Sym) and iterable.head == "call" and iterable.args[0] == "range":
        bounds = iterable.args[1:]
        return Sym.binary("-", bounds[len(bounds) > 1], 1) if len(bounds) < 3 else None
    return None


def told_by_turn(test: Any, number: Any, end: Any, first: bool) -> bool | None:
    """What a comparison is in the turn ``number``: the first (or last) one, ``end``, or one after (before) it.

    None where that does not tell it.
    """
    if not isinstance(test, Sym) or test.head not in TURNED:
        return None
    for op, x, y in ((test.head, *test.args), (TURNED[test.head], *reversed(test.args))):
        for more in range(-2, 3):
            if same(number, end):
                if same(x, Sym.binary("+", y, more)):
                    return bool(BINARY[op](more, 0))
            elif same(Sym.binary("+", x, end), Sym.binary("+", Sym.binary("+", y, number), more)):
                # x - y is number - end + more
                return _below(TURNED[op], -more) if first else _below(op, more)
    return None


def _below(op: str, more: int) -> bool | None:
    """Whether ``x op y`` where ``x - y < more``."""
    if op in ("<=", ">"):
        return op == "<=" if more <= 1 else None
    return op in ("<", "!=") if more <= 0 else None
