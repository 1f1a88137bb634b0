"""What conditions on parameters say within their branches: of the samples, and of other conditions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.values import Either, ModelValue, Scope, Unknown, opaque, plain
from kt_translate.graph.lists import Forked, LeftOpen
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, same, substitute
from kt_translate.graph.tensor import Dim, Fork, Tensor

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


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


@contextmanager
def refined(test: Sym, truth: bool) -> Iterator[None]:
    """Within, the samples of symbols are such that the test holds (or does not), as far as it says so."""
    before: list[tuple[Symbol, Any]] = []
    for symbol, value in _equalities(test, truth):
        sample = known(value)
        if sample is not UNKNOWN:
            before.append((symbol, symbol.value))
            symbol.value = sample
    if not before and known(test) is not UNKNOWN and bool(known(test)) != truth:
        for symbol in _denied(test, truth):
            before.append((symbol, symbol.value))
            symbol.value = UNKNOWN
    try:
        yield
    finally:
        for symbol, value in reversed(before):
            symbol.value = value


def _denied(test: Any, truth: bool) -> Iterator[Symbol]:
    """Symbols whose sample is the one value that the condition rules out: None where it is not None."""
    if isinstance(test, Sym) and test.head == "unary" and test.args[0] == "not":
        yield from _denied(test.args[1], not truth)
    elif isinstance(test, Sym) and test.head == "symbol":
        yield test.args[0]
    elif isinstance(test, Sym) and test.head in ("is", "is not", "==", "!="):
        a = test.args[0]
        if isinstance(a, Sym) and a.head == "symbol" and not isinstance(test.args[1], Sym):
            yield a.args[0]
    elif isinstance(test, Sym) and test.head in ("and", "or"):
        for part in test.args:
            if known(part) is not UNKNOWN and bool(known(part)) != truth:
                yield from _denied(part, truth)


# -- what is taken for granted in a branch ---------------------------------------------------------


def decided(ev: Interpreter, test: Any) -> bool | None:
    """Whether a condition holds (or not) wherever those do in whose branches we are; None where they say nothing."""
    if not isinstance(test, Sym):
        return bool(test)
    if ev.is_pinned(test):
        return bool(known(test))
    facts = [fact for said, truth in ev.assumed for fact in _facts(said, truth)]
    for said, truth in facts:
        if same(said, test):
            return truth
    if test.head == "unary" and test.args[0] == "not":
        inner = decided(ev, test.args[1])
        return None if inner is None else not inner
    if test.head in ("and", "or"):
        parts = [decided(ev, part) for part in test.args]
        settles = test.head == "or"
        return settles if settles in parts else None if None in parts else not settles
    values = {s: v for said, truth in facts for s, v in _equalities(said, truth)}
    try:
        found = substitute(test, values)
    except (TypeError, LookupError):
        return None
    return None if isinstance(found, Sym) or found is UNKNOWN else bool(found)


def _facts(said: Any, truth: bool) -> Iterator[tuple[Any, bool]]:
    """The conditions that a condition is made of, as far as each must hold or must not."""
    yield said, truth
    if isinstance(said, Sym):
        yield Sym.unary("not", said), not truth
        if said.head == ("and" if truth else "or"):
            for part in said.args:
                yield from _facts(part, truth)
        elif said.head == "unary" and said.args[0] == "not":
            yield from _facts(said.args[1], not truth)


def keeps(ev: Interpreter, node: Any, scope: Scope) -> bool:
    """Whether a loop or condition may be kept: what came after it, or its code, has not told otherwise."""
    if ev.nothing_kept or node in ev.decided or (ev.file, ev.line) in ev.given_up:
        return False
    at: Scope | None = scope
    while at is not None and ev.given_up:
        if at.function is not None and (ev.file, at.function.line) in ev.given_up:
            return False
        at = at.parent
    return True


def settled(ev: Interpreter, value: Any) -> Any:
    """A value that is read: of one that a condition left open, the side that holds here.

    Where nothing tells it, the condition is taken for granted: in the function's second run, if it is under way.
    """
    while isinstance(value, Either):
        holds = decided(ev, value.test)
        if holds is None:
            if value.guard in ev.guards:
                raise LeftOpen([value.statement])
            holds = bool(ev.demand(value.test, "a condition"))
        value = value.then if holds else value.orelse
    return value


def compared(value: Any, other: Any, op: str) -> Any:
    """``value is None`` of what a condition left open, as a condition on settings; None where it is not that."""
    if not isinstance(value, Either) or other is not None or op not in ("is", "is not", "==", "!="):
        return None
    found = _is_none(value)
    if found is None or op in ("is", "=="):
        return found
    return Sym.unary("not", found) if isinstance(found, Sym) else not found


def _is_none(value: Any) -> Any:
    """Where it is None: True, False, or a condition; None where no condition can say it."""
    if not isinstance(value, Either):
        said = value is None or isinstance(value, Tensor) or plain(value) or opaque(value)
        return value is None if said and type(value) is not Unknown else None
    then, orelse = _is_none(value.then), _is_none(value.orelse)
    if then is None or orelse is None or then is orelse:
        return None if orelse is None else then
    if isinstance(then, bool) and isinstance(orelse, bool):
        return value.test if then else Sym.unary("not", value.test)
    return Sym.choose(value.test, then, orelse)


# -- results of which a condition says which there are ---------------------------------------------


def fork(test: Sym, then: Any, orelse: Any) -> Fork | None:
    """A model's outputs where a condition says which they are; None where they are more than tensors in a row."""
    sides = [forked(side) if isinstance(side, (Either, list)) else side for side in (then, orelse)]
    if all(_in_a_row(side) for side in sides):
        return Fork(test, *sides)
    return None


def forked(value: Any) -> Any:
    """The same where a condition left it open, as outputs of a model; None where no model can have them."""
    if isinstance(value, Either):
        return fork(value.test, value.then, value.orelse)
    for i, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, Forked):
            before, after = value[:i], value[i + 1 :]
            sides = ([*before, *side, *after] for side in (item.then, item.orelse))
            return fork(item.test, *sides)
    return value


def _in_a_row(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(isinstance(t, Tensor) for t in value)
    return isinstance(value, (Tensor, Fork))


def shown_only(ev: Interpreter, model: ModelValue) -> None:
    """Take the outputs for granted that a model has for the sample values."""
    while isinstance(model.outputs, Fork):
        ev.demand(model.outputs.test, "what a model gives")
        model.outputs = model.outputs.shown
