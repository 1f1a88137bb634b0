"""The turns of a loop, on samples: what is carried and collected comes to, and in which of them a condition holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.loop_sizes import bindings
from kt_translate.graph.lists import Collected, TensorList
from kt_translate.graph.nodes import Carried
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, substitute

if TYPE_CHECKING:
    from kt_translate.evaluate.filling import Filling
    from kt_translate.evaluate.interpreter import Interpreter


def carry(
    items: list[Any] | None,
    targets: Any,
    carried: list[Carried],
    filling: Filling,
    lists: list[Collected],
) -> None:
    """The values of what is carried, after all turns, where they are known, and those in lists of sizes."""
    symbols = [c.entering.args[0] for c in carried]
    values = [known(c.before) for c in carried]
    if items is None:
        return
    sizes = [(c.after.sizes[axis], *s, c.tests) for c in lists for axis, s in c.sizes.items()]
    filled = {symbol: _samples_of(before) for symbol, before, *_ in sizes}
    counts = [0] * len(lists)
    for turn, item in enumerate(items):
        table = dict(zip(symbols, values, strict=True)) | dict(bindings(targets, item))
        for element in filling.elements.values():
            if element.key is not None or element.pops:
                table |= dict(element.samples(None, table, turn))
        for symbol, _, leaving, tests in sizes:
            for dim, test in zip(leaving, tests, strict=True):
                if (holds := _holds(test, table)) is not False:
                    filled[symbol].append(known(substitute(dim, table)) if holds else UNKNOWN)
        for i, one in enumerate(lists):
            counts[i] += sum(_holds(test, table) is not False for test in one.tests)
        values = [known(substitute(c.leaving, table)) for c in carried]
    for size, value in zip(carried, values, strict=True):
        size.after.args[0].value = value
    for symbol, found in filled.items():
        symbol.value = UNKNOWN if UNKNOWN in found else tuple(found)
    for one, added in zip(lists, counts, strict=True):
        start = sum(
            len(known(Sym.of(t.symbol))) if isinstance(t, TensorList) else 1 for t in one.before
        )
        one.after.symbol.value = tuple(range(start + added))


def in_turns(loops: list[Any], value: Any) -> list[Any]:
    """What a value is in each turn of the loop under way that it hangs on."""
    for loop in loops if isinstance(value, Sym) else ():
        if value.symbols & set(loop.symbols) and loop.items:
            return [substitute(value, dict(bindings(loop.targets, item))) for item in loop.items]
    return [value]


@contextmanager
def turn_where(ev: Interpreter, test: Sym, truth: bool) -> Iterator[None]:
    """Within, loops' variables are what they are in a turn in which the condition is so, if there is one.

    Of ``{"type": "conv", "filters": 8}`` and ``{"type": "pool", "size": 2}``, each branch reads the one that it is for.
    """
    before: list[tuple[Symbol, Any]] = []
    for loop in reversed(ev.loops):
        turning = set(loop.symbols)
        now = known(test)
        if now is not UNKNOWN and bool(now) is not truth and test.symbols & turning:
            around = [(t, so) for t, so in ev.assumed if isinstance(t, Sym) and t.symbols & turning]
            turns = [dict(bindings(loop.targets, item)) for item in loop.items or ()]
            wanted = [*around, (test, truth)]
            found = (t for t in turns if all(_holds(c, t) is so for c, so in wanted))
            for symbol, value in next(found, {}).items():
                before.append((symbol, symbol.value))
                symbol.value = known(value)
    try:
        yield
    finally:
        for symbol, value in reversed(before):
            symbol.value = value


def _holds(test: Any, table: Any) -> bool | None:
    """Whether a tensor is added in a turn; None where the samples do not tell."""
    found = True if test is None else known(substitute(test, table))
    return None if found is UNKNOWN else bool(found)


def _samples_of(sizes: list[Any]) -> list[Any]:
    """The values of sizes, among them lists of sizes."""
    found: list[Any] = []
    for size in map(known, sizes):
        found += size if isinstance(size, tuple) else [size]
    return found
