"""The heads of loops: what they bind, and what they go through."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.lists import Element, Some, count, iterated
from kt_translate.graph.sym import (
    BACKWARDS,
    Items,
    Sym,
    Symbol,
    call_symbolic,
    code,
    same,
    substitute,
    symbols_in,
)
from kt_translate.layers.layer import RuleError
from kt_translate.pytorch.expr import Expr


def names_of(targets: Any) -> set[str]:
    if isinstance(targets, Symbol):
        return {targets.spelled}
    if isinstance(targets, Element):
        return {s.spelled for s in targets.sizes.values()}
    return {name for t in targets for name in names_of(t)}


def heading(targets: Any, iterable: Any, used: set[str]) -> tuple[str, Expr]:
    """Target and iterable of a loop in ``__init__``: where the source goes through tensors, it is through their sizes.

    Variables that nothing reads start with an underscore, as linters ask.
    """
    if isinstance(targets, Element):
        return _sizes(targets, used)
    if isinstance(targets, Symbol):
        unused = targets.spelled not in used and not targets.spelled.startswith("_")
        return f"_{targets.spelled}" if unused else targets.spelled, code(iterable)
    if isinstance(iterable, Items) and _holds_element(targets):
        if iterable.function == "enumerate":
            number, _ = heading(targets[0], 0, used)
            target, through = heading(targets[1], iterable.args[0], used)
            rest = [code(a) for a in iterable.args[1:]]
            return f"{number}, {_within(target)}", Expr("enumerate")(through, *rest)
        pairs = list(zip(targets, iterable.args, strict=True))
        needed = [(t, a) for t, a in pairs if not _idle(t, a, iterable.args, used)]
        parts = [heading(t, a, used) for t, a in needed]
        if len(parts) == 1:
            return parts[0]
        return ", ".join(_within(t) for t, _ in parts), Expr("zip")(*(e for _, e in parts))
    return ", ".join(_within(heading(t, 0, used)[0]) for t in targets), code(iterable)


def _within(target: str) -> str:
    return f"({target})" if "," in target else target


def _holds_element(targets: Any) -> bool:
    return isinstance(targets, Element) or (
        isinstance(targets, tuple) and any(map(_holds_element, targets))
    )


def _sizes(element: Element, used: set[str]) -> tuple[str, Expr]:
    live = [axis for axis, symbol in element.sizes.items() if symbol.spelled in used]
    lists = [iterated(element.source.along(axis)) for axis in live]
    if len(live) == 1:
        return element.sizes[live[0]].spelled, lists[0]
    if live:
        return ", ".join(element.sizes[axis].spelled for axis in live), Expr("zip")(*lists)
    if element.source.count is not None:
        return "_", code(call_symbolic("range", element.source.count))
    if not element.sizes:
        raise RuleError("KT302", "there are no words for the number of tensors in a list")
    return "_", iterated(element.source.along(next(iter(element.sizes))))


def _idle(target: Any, iterable: Any, others: tuple[Any, ...], used: set[str]) -> bool:
    """Whether a part of a zip can be left out: nothing reads its sizes, and it does not end the loop."""
    if not isinstance(target, Element) or names_of(target) & used:
        return False
    length = target.source.count
    return length is not None and any(
        same(count(other), length) for other in others if other is not iterable
    )


# -- in forward -------------------------------------------------------------------------------------


def turning(
    targets: Any, iterable: Any, wanted: frozenset[Symbol]
) -> list[tuple[str, Expr | None]]:
    """The loop's variables that ``forward`` wants, each with what it goes through; None: it counts the turns."""
    if isinstance(targets, Element) or not symbols_of_targets(targets) & wanted:
        return []
    if isinstance(targets, Symbol):
        return [(targets.spelled, None if counts(iterable) else code(iterable))]
    if isinstance(iterable, Items) and iterable.function == "enumerate" and len(iterable.args) == 1:
        first = [(targets[0].spelled, None)] if targets[0] in wanted else []
        return first + turning(targets[1], iterable.args[0], wanted)
    if isinstance(iterable, Items) and iterable.function == "zip":
        pairs = zip(targets, iterable.args, strict=True)
        return [found for t, a in pairs for found in turning(t, a, wanted)]
    names = symbols_of_targets(targets)
    return [
        (
            ", ".join(_within(heading(t, 0, {s.spelled for s in names})[0]) for t in targets),
            code(iterable),
        )
    ]


def symbols_of_targets(targets: Any) -> frozenset[Symbol]:
    if isinstance(targets, Symbol):
        return frozenset({targets})
    if isinstance(targets, Element):
        return frozenset()
    return frozenset(s for t in targets for s in symbols_of_targets(t))


def counts(iterable: Any) -> bool:
    """Whether the iterable is ``range(n)``."""
    if isinstance(iterable, range):
        return iterable.start == 0 and iterable.step == 1
    return (
        isinstance(iterable, Sym)
        and iterable.head == "call"
        and iterable.args[0] == "range"
        and len(iterable.args) == 2
    )


def in_order(element: Element, targets: Any, iterable: Any) -> Some | None:
    """The list seen such that the turns take its tensors one after the other; None where there is no such view."""
    if element.pops:
        return None
    if element.key is None:
        return element.source
    turn = Symbol("turn", kind="loop")
    place = _place(Sym.of(turn), targets, iterable)
    key = substitute(element.key, place)
    if not place or symbols_in(key) & symbols_of_targets(targets):
        return None
    some = element.source
    backwards = some.seen(BACKWARDS)
    if same(key, Sym.of(turn)):
        return some
    from_end = -1 - Sym.of(turn)
    ends = [from_end] if some.count is None else [from_end, Sym.binary("+", some.count, from_end)]
    return backwards if any(same(key, end) for end in ends) else None


def _place(turn: Sym, targets: Any, iterable: Any) -> dict[Symbol, Any]:
    """The loop's numbers, by the number of the turn."""
    if isinstance(targets, Symbol):
        if counts(iterable):
            return {targets: turn}
        if (
            isinstance(iterable, Items)
            and iterable.function == "reversed"
            and counts(iterable.args[0])
        ):
            inner = iterable.args[0]
            end = len(inner) if isinstance(inner, range) else inner.args[1]
            return {targets: Sym.binary("-", Sym.binary("-", end, 1), turn)}
        if isinstance(iterable, Sym) and iterable.head == "call" and iterable.args[0] == "reversed":
            return _place(turn, targets, Items([], "reversed", iterable.args[1:]))
        return {}
    if (
        isinstance(iterable, Items)
        and iterable.function == "enumerate"
        and isinstance(targets, tuple)
    ):
        return {targets[0]: turn} if len(iterable.args) == 1 else {}
    if isinstance(iterable, Items) and iterable.function == "zip" and isinstance(targets, tuple):
        found: dict[Symbol, Any] = {}
        for target, part in zip(targets, iterable.args, strict=True):
            found |= _place(turn, target, part)
        return found
    return {}
