"""What a condition on settings says: of which values, and whether another condition answers it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kt_translate.graph.operators import TURNED
from kt_translate.graph.sym import UNKNOWN, Spaced, Sym, Symbol, known, same, substitute
from kt_translate.graph.tensor import Dim

TRAINING = Symbol("training", False, "mode")
TRAINING.spelled = "self.training"


def depends(value: Any) -> bool:
    """Whether a condition hangs on more than the constants of the module."""
    return isinstance(value, Sym) and any(s.kind not in ("global", "local") for s in value.symbols)


def checked_apart(value: Sym) -> dict[Symbol, Any]:
    """What a class checks one by one where ``value`` is taken for granted: a mode, which stands in forward, and all that
    an array is made of, as whether two arrays are alike is more than one answer.
    """
    if isinstance(value.value, Spaced):
        return {s: s.value for s in value.symbols if s.kind not in ("global", "local")}
    modes = {s: s.value for s in value.symbols if s.kind == "mode"}
    return {} if value.head == "symbol" else modes


def negated(value: Any) -> Any:
    """``not value``, which may be a condition on settings; of None, that nothing is said."""
    if not isinstance(value, Sym):
        return value is not None and not value
    denies = value.head == "unary" and value.args[0] == "not"
    return value.args[1] if denies else Sym.unary("not", value)


def as_tested(value: Sym) -> Any:
    """What is taken for granted where a value is a condition: of a list, that something is in it, whatever that is."""
    return negated(value) if isinstance(value.value, (list, tuple, dict)) else value


def agree(a: Dim, b: Dim, values: dict[Symbol, Any]) -> bool:
    """Whether two sizes are one where symbols have these values: there one of them may mean nothing (`None[0]`)."""
    try:
        return same(substitute(a, values), substitute(b, values))
    except (TypeError, LookupError):
        return False


def equalities(test: Any, truth: bool) -> dict[Symbol, Any]:
    """Symbols that must have a certain value where ``test`` is ``truth``."""
    return dict(_equalities(test, truth))


def _equalities(test: Any, truth: bool) -> Iterator[tuple[Symbol, Any]]:
    if not isinstance(test, Sym):
        return
    if test.head == "unary" and test.args[0] == "not":
        yield from _equalities(test.args[1], not truth)
    elif (test.head == "and" and truth) or (test.head == "or" and not truth):
        for part in test.args:
            yield from _equalities(part, truth)
    elif (test.head in ("==", "is") and truth) or (test.head in ("!=", "is not") and not truth):
        a, b = test.args
        if isinstance(a, Sym) and a.head == "symbol":
            yield a.args[0], b
        elif isinstance(b, Sym) and b.head == "symbol":
            yield b.args[0], a
    elif test.head == "symbol" and isinstance(test.value, bool):
        yield test.args[0], truth


def taken(demands: Iterable[tuple[Any, Any]]) -> dict[Symbol, Any]:
    """The values of symbols that are taken for granted, of what is said and what it is taken to be."""
    found: dict[Symbol, Any] = {}
    for said, value in ((s, v) for s, v in demands if v is not UNKNOWN):
        if isinstance(said, Sym) and said.head == "symbol":
            found[said.args[0]] = value
        elif isinstance(value, bool):
            found |= equalities(said, value)
    return found


@contextmanager
def refined(test: Sym, truth: bool) -> Iterator[None]:
    """Within, the samples of symbols are such that the test holds (or does not), as far as it says so."""
    before: list[tuple[Symbol, Any]] = []
    for symbol, value in _equalities(test, truth):
        sample = known(value)
        if sample is not UNKNOWN:
            before.append((symbol, symbol.value))
            symbol.value = sample
    samples = {s: s.value for s in test.symbols if s.value is not UNKNOWN}
    now = known(substitute(test, samples))
    if not before and now is not UNKNOWN and bool(now) != truth:
        found = _beyond(test, truth) or _word(test, truth)
        for symbol, value in found or [(s, UNKNOWN) for s in _denied(test, truth)]:
            before.append((symbol, symbol.value))
            symbol.value = value
    try:
        yield
    finally:
        for symbol, value in reversed(before):
            symbol.value = value


def _beyond(test: Sym, truth: bool) -> list[tuple[Symbol, Any]]:
    """A number on the right side of the bounds that the condition sets; of several symbols, one is another then."""
    symbols = sorted(test.symbols, key=lambda s: s.name)
    if any(type(s.value) is not int for s in symbols):
        return []
    near = [bound + step for bound in _bounds(test) for step in (0, 1, -1)]
    if len(symbols) > 1:
        near = []
    tried = [(s, n) for s in symbols for n in (*near, *(s.value + step for step in _STEPS))]
    holding = ((s, n) for s, n in tried if known(substitute(test, {s: n})) is truth)
    return list(holding)[:1]


_STEPS = (2, 1, -1, -2)


def _word(test: Sym, truth: bool) -> list[tuple[Symbol, Any]]:
    """A word that the condition compares with, with which it is so: one of those in ``kind.lower() in ("a", "b")``."""
    if test.head not in ("==", "!=", "in", "not in"):
        return []
    words = [
        word for part in test.args for word in (part if isinstance(part, (list, tuple)) else [part])
    ]
    tried = [(s, w) for s in test.symbols for w in words if isinstance(w, str)]
    return [(s, w) for s, w in tried if known(substitute(test, {s: w})) is truth][:1]


def _bounds(test: Any) -> Iterator[int]:
    """The whole numbers that a condition compares with."""
    if isinstance(test, Sym):
        for part in test.args[1:] if test.head == "unary" else test.args:
            if type(part) is int and test.head in ("<", "<=", ">", ">="):
                yield part
            else:
                yield from _bounds(part)


def _denied(test: Any, truth: bool) -> Iterator[Symbol]:
    """Symbols whose sample is the one value that the condition rules out: None where it is not None."""
    if isinstance(test, Sym) and test.head == "unary" and test.args[0] == "not":
        yield from _denied(test.args[1], not truth)
    elif isinstance(test, Sym) and test.head == "symbol":
        yield test.args[0]
    elif isinstance(test, Sym) and test.head in ("is", "is not", "==", "!=", "in", "not in"):
        a = test.args[0]
        while isinstance(a, Sym) and a.head == "method":  # name.lower()
            a = a.args[0]
        if isinstance(a, Sym) and a.head == "symbol" and not isinstance(test.args[1], Sym):
            yield a.args[0]
    elif isinstance(test, Sym) and test.head in ("and", "or"):
        for part in test.args:
            if known(part) is not UNKNOWN and bool(known(part)) != truth:
                yield from _denied(part, truth)


def answered(test: Any, taken: Sequence[tuple[Any, bool]]) -> bool | None:
    """What a condition is where others are known to hold or not; None where they do not tell."""
    if not taken:
        return None
    facts = Facts()
    for other, truth in taken:
        facts.add(other, truth)
    facts.grow()
    return facts.look(test)


class Facts:
    """Conditions that are known to hold or not, and what they say of symbols."""

    def __init__(self) -> None:
        self.truths: dict[Any, bool] = {}  # by the keys of the conditions
        self.values: dict[Symbol, Any] = {}
        self.open: list[tuple[Sym, bool]] = []  # of several parts, one of which decides
        self.between: dict[Any, Interval] = {}  # where numbers lie, by their keys

    def add(self, test: Any, truth: bool) -> None:
        """Take a condition, and those that it is made of as far as it tells them."""
        if not isinstance(test, Sym) or test.key in self.truths:
            return
        self.truths[test.key] = truth
        self.values |= {s: v for s, v in _equalities(test, truth) if s not in self.values}
        if (found := _interval(test, truth)) is not None:
            number, (low, high) = found
            before = self.between.get(number, EVERYWHERE)
            self.between[number] = (max(low, before[0]), min(high, before[1]))
        if test.head == "unary" and test.args[0] == "not":
            self.add(test.args[1], not truth)
        elif (test.head == "and" and truth) or (test.head == "or" and not truth):
            for part in test.args:
                self.add(part, truth)
        elif test.head in ("and", "or"):
            self.open.append((test, truth))

    def grow(self) -> None:
        """Of ``a or b``, that one has to be true as the other is not; of ``a and b``, likewise."""
        before = -1
        while before != len(self.truths):
            before = len(self.truths)
            for test, truth in list(self.open):
                others = [p for p in test.args if self.look(p) is not (not truth)]
                if len(others) == 1:
                    self.add(others[0], truth)

    def look(self, test: Any) -> bool | None:
        """What a condition is, as far as it is told."""
        if isinstance(test, bool):
            return test
        if not isinstance(test, Sym):
            return None
        if (truth := self.truths.get(test.key)) is not None:
            return truth
        denied = Sym.unary("not", test)
        if (truth := self.truths.get(denied.key)) is not None:
            return not truth
        if test.head == "unary" and test.args[0] == "not":
            inner = self.look(test.args[1])
            return None if inner is None else not inner
        if test.head in ("and", "or"):
            parts = [self.look(p) for p in test.args]
            decides = test.head == "or"
            return decides if decides in parts else None if None in parts else not decides
        said = substitute(test, self.values)
        return said if isinstance(said, bool) else self._lies(test)

    def _lies(self, test: Sym) -> bool | None:
        """Whether a number lies within the bounds that a condition sets."""
        number, (low, high) = _interval(test, True) or (None, EVERYWHERE)
        if number not in self.between:
            return None
        least, most = self.between[number]
        if least >= low and most <= high:
            return True
        return False if least > high or most < low else None


Interval = tuple[tuple[float, int], tuple[float, int]]  # each end, and a step inwards if it is out
EVERYWHERE: Interval = ((-math.inf, 0), (math.inf, 0))
_DENIED = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def _interval(test: Any, truth: bool) -> tuple[Any, Interval] | None:
    """Which number a comparison bounds, by its key, and where it lies then; None for any other condition."""
    if not isinstance(test, Sym) or test.head not in _DENIED:
        return None
    number, bound = test.args
    op = test.head
    if isinstance(bound, Sym):
        number, bound, op = bound, number, TURNED[op]
    if not isinstance(number, Sym) or type(bound) not in (int, float):
        return None
    op = op if truth else _DENIED[op]
    if op in (">", ">="):
        return number.key, ((bound, int(op == ">")), EVERYWHERE[1])
    return number.key, (EVERYWHERE[0], (bound, -int(op == "<")))


def follows_mode(value: Any) -> bool:
    """Whether a value is the mode that a class is called in, as ``training`` is in ``call``."""
    return isinstance(value, Sym) and value.head == "symbol" and value.args[0].kind == "mode"
