"""What is read of values that conditions left open, in the branches that are under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.diagnostics import Place
from kt_translate.evaluate.values import Either, ModelValue, Scope, Unknown, opaque, plain
from kt_translate.graph.conditions import answered, depends
from kt_translate.graph.lists import Forked, LeftOpen
from kt_translate.graph.sym import UNKNOWN, Sym, known, symbols_in
from kt_translate.graph.tensor import Fork, Tensor
from kt_translate.graph.terms import shown

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def decided(ev: Interpreter, test: Any) -> bool | None:
    """Whether a condition holds (or not) wherever those do in whose branches we are; None where they say nothing."""
    if not isinstance(test, Sym):
        return bool(test)
    if known(test) is UNKNOWN:
        taken = [(said, truth) for said, truth in ev.demands if isinstance(truth, bool)]
        return answered(test, [*ev.assumed, *taken])
    return bool(known(test)) if ev.is_pinned(test) else answered(test, ev.assumed)


def speaks_of(ev: Interpreter, value: Any) -> bool:
    """Whether one of the conditions in whose branches we are is about a value."""
    return any(symbols_in(value) & symbols_in(test) for test, _ in ev.assumed)


def take(ev: Interpreter, test: Any, truth: bool) -> None:
    """Go on as if a condition were so of which no sample tells: what is written checks that it is."""
    if not depends(test):
        return
    said = test if truth else Sym.unary("not", test)
    for other, holds in ev.assumed:  # elsewhere than in these branches it may be otherwise
        if depends(other) and all(s.kind not in ("loop", "carried", "mode") for s in other.symbols):
            said = Sym.binary("or", Sym.unary("not", other) if holds else other, said)
    ev.demands.append((said, True))
    if not ev.quiet:
        ev.note_taken("a condition", shown(said), "True")


def holds(ev: Interpreter, test: Any) -> bool:
    """Whether a condition holds; one of which no sample tells is taken to hold."""
    truth = ev.truth(test)
    if truth is None:
        take(ev, test, True)
    return truth is not False


def within(test: Sym, truth: bool, demand: tuple[Any, Any]) -> tuple[Any, Any]:
    """What a branch takes for granted: elsewhere it may be otherwise."""
    said, taken = demand
    of_turns = any(s.kind in ("loop", "carried", "mode") for s in symbols_in([test, said]))
    if of_turns or not (isinstance(taken, bool) or plain(taken)):
        return demand
    here = test if truth else Sym.unary("not", test)
    if isinstance(said, Sym) and said.head == "or" and taken is True:
        return demand  # `take` has said it so
    if not isinstance(taken, bool):
        said = Sym.binary("!=", said, taken)
    elif taken:
        said = Sym.unary("not", said)
    return Sym.binary("and", here, said), False


def keeps(ev: Interpreter, node: Any, scope: Scope) -> bool:
    """Whether a loop or condition may be kept: what came after it, or its code, has not told otherwise."""
    given_up = ev.given_up | ev.in_place
    if ev.nothing_kept or node in ev.decided or (ev.file, ev.line) in given_up:
        return False
    at: Scope | None = scope
    while at is not None and given_up:
        if at.function is not None and (ev.file, at.function.line) in given_up:
            return False
        at = at.parent
    return True


def tell(ev: Interpreter, line: int) -> None:
    """Say that the first branch was taken of a condition of which nothing is known."""
    ev.log.add(
        "KT101",
        Place(max(line, 1)),
        "what this condition hangs on is not known: its first branch was translated",
        "--set NAME=VALUE tells the value of a variable",
    )


def settled(ev: Interpreter, value: Any) -> Any:
    """A value that is read: of one that a condition left open, the side that holds here.

    Where nothing tells it, the condition is taken for granted: in the function's second run, if it is under way.
    """
    while isinstance(value, Either):
        holds = decided(ev, value.test)
        if holds is None:
            if value.guard in ev.guards:
                raise LeftOpen([value.statement])
            taken = ev.demand(value.test, "a condition")
            if taken is UNKNOWN:
                return Unknown("what a condition on an unknown value leaves open", ev.line)
            holds = bool(taken)
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
