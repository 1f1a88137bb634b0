"""Conditions on parameters: both branches are run, and what they leave behind is joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import sequential, unmasking
from kt_translate.evaluate.assumed import decided, holds, keeps, take, tell, within
from kt_translate.evaluate.captured import left_by_branch
from kt_translate.evaluate.joining import Outcome, Statement, appends, has_tensors, join, may_fork
from kt_translate.evaluate.late import settling
from kt_translate.evaluate.later import read_later
from kt_translate.evaluate.loop_samples import turn_where
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised, Return
from kt_translate.evaluate.state import MISSING, NotGeneral, Place, State, named_at
from kt_translate.evaluate.values import Scope, Unknown, plain
from kt_translate.graph.conditions import depends, negated, refined
from kt_translate.graph.nodes import ORDER, CheckNode, made_in
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

Run = Callable[[], None]
Result = Callable[[], Any]
NOTHING = object()  # what a function returns that comes to its end


def run_if(ev: Interpreter, node: cst.If, test: Any, scope: Scope) -> bool:
    """Keep an ``if`` whose test depends on parameters. False where that cannot be done; nothing has changed then."""
    if not depends(test) or ev.is_pinned(test) or not keeps(ev, node, scope):
        return False

    last = node is ev.last_case
    chain: Any = node
    while isinstance(chain, cst.If) and isinstance(chain.orelse, cst.If):
        chain = ev.last_case = chain.orelse

    def orelse() -> None:
        if isinstance(node.orelse, cst.If):
            ev.statement(node.orelse, scope)
        elif node.orelse is not None:
            ev.suite(node.orelse.body, scope)

    lone = last and node.orelse is None
    return both(ev, node, test, lambda: ev.suite(node.body, scope), orelse, scope, lone)


def raises(suite: Any) -> bool:
    """Whether the last statement of a suite is ``raise``."""
    last = suite.body[-1] if suite.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    return isinstance(last, cst.Raise)


def conditional(ev: Interpreter, node: cst.IfExp, scope: Scope) -> Any:
    """``a if test else b``, kept where the test depends on parameters; what it leaves open may be an `Either`."""
    test = ev.test(node.test, scope)
    kept = either(
        ev,
        test,
        lambda: ev.evaluate(node.body, scope),
        lambda: ev.evaluate(node.orelse, scope),
        scope,
        node,
    )
    if kept is not NotImplemented:
        return kept
    said = _said(ev, node, test, scope)
    if said is not NotImplemented:
        return said
    line = ev.line
    value = ev.evaluate(node.body if holds(ev, test) else node.orelse, scope)
    if not isinstance(test, Sym) and ev.truth(test) is None and has_tensors(value):
        tell(ev, line)
    return value


def _said(ev: Interpreter, node: cst.IfExp, test: Any, scope: Scope) -> Any:
    """``a if test else b`` of numbers and texts, as an expression; NotImplemented where they are more."""
    if not isinstance(test, Sym) or not keeps(ev, node, scope):
        return NotImplemented
    state = State(ev, scope)
    try:
        sides = [ev.evaluate(side, scope) for side in (node.body, node.orelse)]
    except (Raised, TypeError, LookupError, ValueError, ArithmeticError):
        sides = [NotImplemented]
    if all(isinstance(side, Sym) or plain(side) for side in sides) and not state.failed():
        return Sym.choose(test, *sides)
    state.restore()
    return NotImplemented


def boolean(ev: Interpreter, node: cst.BooleanOperation, scope: Scope) -> Any:
    """``a and b``, ``a or b``: an expression of settings; ``n > 1 or fail(...)`` is a check."""
    left = ev.test(node.left, scope)
    is_and = isinstance(node.operator, cst.And)
    if depends(left):
        try:
            with refined(left, is_and):
                right = ev.evaluate(node.right, scope)
        except Raised as signal:
            wrong = left if is_and else negated(left)
            if known(wrong) is UNKNOWN or known(wrong):
                raise
            check(ev, wrong, signal.text, next(ORDER))
            return left
        parts = right if isinstance(right, (list, tuple)) else [right]
        if all(isinstance(v, Sym) or plain(v) for v in parts):
            return Sym.binary("and" if is_and else "or", left, right)
        if ev.checking:
            return Unknown("a check of more than settings", ev.line)
    truth = ev.truth(left)
    if truth is None:
        take(ev, left, is_and)
    return left if truth is (not is_and) else ev.evaluate(node.right, scope)


def either(
    ev: Interpreter,
    test: Sym,
    a: Result,
    b: Result,
    scope: Scope,
    node: cst.IfExp | None = None,
) -> Any:
    """``a() if test else b()``, kept; NotImplemented where that cannot be done, and nothing has changed then."""

    def returned(result: Result) -> Run:
        def run() -> None:
            raise Return(result())

        return run

    if not depends(test) or ev.is_pinned(test) or not keeps(ev, node, scope):
        return NotImplemented
    try:
        both(ev, node, test, returned(a), returned(b), scope)
    except Return as signal:
        return signal.value
    return NotImplemented


def both(
    ev: Interpreter,
    node: Statement,
    test: Sym,
    then: Run,
    orelse: Run,
    scope: Scope,
    lone: bool = False,
) -> bool:
    """Run two branches and join them. What one of them returns or raises is passed on.

    A ``lone`` branch ends a chain of ``elif`` without ``else``: it makes what all cases before it do, and
    without it the source would find nothing of that.
    """
    state = State(ev, scope)
    order = next(ORDER)
    line = ev.line
    try:
        a = _branch(ev, state, test, True, then)
        b = _branch(ev, state, test, False, orelse)
        made = {p: v for p, v in a.places.items() if p[0] == 0 and p not in b.places}
        if lone and any(has_tensors(v) and read_later(ev, named_at(p)) for p, v in made.items()):
            b.raised = "ValueError"
        raises = a.raised is not None or b.raised is not None
        if not raises and (a.returned is MISSING) != (b.returned is MISSING):
            late = a if a.returned is MISSING else b
            run = then if late is a else orelse
            early, truth = (b, True) if late is a else (a, False)
            _forget_calls(ev, late)
            late = _branch(ev, state, test, truth, lambda: _and_the_rest(ev, run))
            if late.returned is NOTHING:
                late.returned = None
                if has_tensors(early.returned) and known(test) is not truth:
                    late.raised = "ValueError"  # no case is meant
            a, b = (late, b) if run is then else (a, late)
            if late.returned is MISSING and late.raised is None:
                raise NotGeneral
        if (a.raised is None) != (b.raised is None):
            return _check(ev, state, test, a, b, order)
        if a.raised is not None:
            raise Raised(a.raised)
        if a.unmasked != b.unmasked:
            raise NotGeneral
        unmasking.again(ev, a.unmasked)
        result = join(ev, state, node, test, a, b, order, line)
    except NotGeneral:
        state.restore()
        ev.line = line
        return False
    if result is not MISSING:
        raise Return(result)
    return True


def _forget_calls(ev: Interpreter, branch: Outcome) -> None:
    """A branch is run once more: the models that it was the first to call are made where they are called then."""
    for use in [model.use for model in ev.models if model.use is not None]:
        around = use.region.outwards() if use.region is not None else ()
        if any(region is own for region in around for own in branch.regions.values()):
            use.region = None


def _and_the_rest(ev: Interpreter, run: Run) -> None:
    """A branch, and what follows the condition in the function: its end, where names have their last values."""
    with settling(ev.running[-1]):
        run()
        rest = ev.rest[:]
        for statements, scope in reversed(rest[ev.rest_of_function :]):
            if statements is None:
                raise NotGeneral
            ev.block(statements, scope)
    raise Return(NOTHING)


def _branch(ev: Interpreter, state: State, test: Sym, truth: bool, run: Run) -> Outcome:
    """Run one branch in regions of its own, and put every place back as it was."""
    errors = ev.log.errors
    returned: Any = MISSING
    raised = None
    before, demands, compiled = len(ev.assumed), len(ev.demands), len(ev.compiled)
    ev.assumed.append((test, truth))
    with turn_where(ev, test, truth), refined(test, truth), state.elsewhere() as regions:
        for region in regions.values():
            region.test = test if truth else Sym.unary("not", test)
        try:
            run()
        except Return as signal:
            returned = left_by_branch(signal.value, state.spaces[0])
        except Raised as signal:
            raised = signal.text
        except (Break, Continue, LimitReached, TypeError, LookupError, ValueError, ArithmeticError):
            raise NotGeneral from None
        finally:
            del ev.assumed[before:]
    settled = all(model.begun and sequential.is_settled(model) for model in state.started())
    if (ev.log.errors > errors and raised is None) or not settled:
        raise NotGeneral
    if any(taken is UNKNOWN and said.value is not UNKNOWN for said, taken in ev.demands[demands:]):
        raise NotGeneral  # no sample of what it needs is such that the condition is the other way round
    ev.demands[demands:] = [within(test, truth, d) for d in ev.demands[demands:]]
    if known(test) is not UNKNOWN and bool(known(test)) is not truth:  # the last one counts
        ev.compiled[state.made[2] :] = (
            ev.compiled[compiled:] + ev.compiled[state.made[2] : compiled]
        )
    lists = {}
    for container, before in state.containers_touched():
        if not (may_fork(ev, state, container, before) or appends(container, before)):
            raise NotGeneral
        lists[id(container)] = list(container)
        container[:] = before
    made = {i for region in regions.values() for i in made_in(region.nodes)}
    unmasked = unmasking.apart(ev, state.unmasked, made)
    outcome = Outcome(state.places(), regions, returned, raised, lists, unmasked)
    state.set_names(
        {(i, k): v for i, b in enumerate(state.before) for k, v in b.items()} | _ends(state)
    )
    return outcome


def _ends(state: State) -> dict[Place, Any]:
    return {(-1 - i, ""): end[0] for i, end in enumerate(state.ends)}


def _check(ev: Interpreter, state: State, test: Sym, a: Outcome, b: Outcome, order: int) -> bool:
    """The source raises in one branch: the other goes on, after a check."""
    raises, goes_on = (a, b) if a.raised is not None else (b, a)
    wrong = test if raises is a else Sym.unary("not", test)
    if known(wrong) is not UNKNOWN and known(wrong):
        raise Raised(raises.raised or "", wrong)
    check(ev, wrong, raises.raised or "", order)
    unmasking.again(ev, goes_on.unmasked)
    state.set_names(goes_on.places)
    for container, _ in state.containers:
        if id(container) in goes_on.lists:
            container[:] = goes_on.lists[id(container)]
    for region in state.regions():
        for node in goes_on.regions[id(region)].nodes:
            region.add(node)
        _adopt(goes_on.regions[id(region)], region)
    if goes_on.returned is not MISSING:
        raise Return(goes_on.returned)
    return True


def check(ev: Interpreter, wrong: Any, raises: str, order: int) -> None:
    """The source raises where ``wrong`` holds: what follows can count on it that it does not."""
    if decided(ev, wrong) is not None:
        return
    CURRENT[-1].add(CheckNode([], [], ev.line, wrong, raises, order))
    ev.assumed.append((wrong, False))


def _adopt(inner: Region, outer: Region) -> None:
    """What was made in ``inner`` counts as made in ``outer``."""
    inner.merged = outer
