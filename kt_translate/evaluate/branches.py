"""Conditions on parameters: both branches are run, and what they leave behind is joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised, Return
from kt_translate.evaluate.state import MISSING, NotGeneral, Place, State
from kt_translate.evaluate.values import ModelValue, Scope, Unknown, plain
from kt_translate.graph.nodes import ORDER, CheckNode, IfNode, LoopNode, SizeNode
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, expand, known, same, substitute
from kt_translate.graph.tensor import Dim, Layout, Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

Run = Callable[[], None]
Result = Callable[[], Any]


@dataclass
class Outcome:
    """How a branch ended: what it leaves in every place, what it built, and the signal that ended it."""

    places: dict[Place, Any]
    regions: dict[int, Region]
    returned: Any = MISSING
    raised: str | None = None


def depends(value: Any) -> bool:
    """Whether a condition hangs on more than the constants of the module."""
    return isinstance(value, Sym) and any(s.kind not in ("global", "local") for s in value.symbols)


def run_if(ev: Interpreter, node: cst.If, test: Any, scope: Scope) -> bool:
    """Keep an ``if`` whose test depends on parameters. False where that cannot be done; nothing has changed then."""
    if not depends(test) or ev.is_pinned(test):
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
    return both(ev, test, lambda: ev.suite(node.body, scope), orelse, scope, lone)


def either(ev: Interpreter, test: Sym, a: Result, b: Result, scope: Scope) -> Any:
    """``a() if test else b()``, kept; NotImplemented where that cannot be done, and nothing has changed then."""

    def returned(result: Result) -> Run:
        def run() -> None:
            raise Return(result())

        return run

    if not depends(test) or ev.is_pinned(test):
        return NotImplemented
    try:
        both(ev, test, returned(a), returned(b), scope)
    except Return as signal:
        return signal.value
    return NotImplemented


def both(
    ev: Interpreter, test: Sym, then: Run, orelse: Run, scope: Scope, lone: bool = False
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
        made = [v for p, v in a.places.items() if p[0] == 0 and p not in b.places]
        if lone and tensors_in(made):
            b.raised = "ValueError"
        if (a.raised is None) != (b.raised is None):
            return _check(ev, state, test, a, b, order)
        if a.raised is not None:
            raise Raised(a.raised)
        if (a.returned is MISSING) != (b.returned is MISSING):
            late = a if a.returned is MISSING else b
            run = then if late is a else orelse
            late = _branch(ev, state, test, late is a, lambda: _and_the_rest(ev, run))
            a, b = (late, b) if run is then else (a, late)
            if a.raised is not None or b.raised is not None or late.returned is MISSING:
                raise NotGeneral
        result = _join(ev, state, test, a, b, order, line)
    except NotGeneral:
        state.restore()
        ev.line = line
        return False
    if result is not MISSING:
        raise Return(result)
    return True


def _and_the_rest(ev: Interpreter, run: Run) -> None:
    """A branch, and what follows the condition in the function."""
    run()
    rest = ev.rest[:]
    for statements, scope in reversed(rest[ev.rest_of_function :]):
        if statements is None:
            raise NotGeneral
        ev.block(statements, scope)
    raise Return(None)


def _branch(ev: Interpreter, state: State, test: Sym, truth: bool, run: Run) -> Outcome:
    """Run one branch in regions of its own, and put every place back as it was."""
    errors = ev.log.errors
    returned: Any = MISSING
    raised = None
    with refined(test, truth), state.elsewhere() as regions:
        try:
            run()
        except Return as signal:
            returned = signal.value
        except Raised as signal:
            raised = signal.text
        except (Break, Continue, LimitReached, TypeError, LookupError, ValueError, ArithmeticError):
            raise NotGeneral from None
    if ev.log.errors > errors and raised is None:
        raise NotGeneral
    if state.containers_changed():
        raise NotGeneral
    outcome = Outcome(state.places(), regions, returned, raised)
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
        raise Raised(raises.raised or "")
    CURRENT[-1].add(CheckNode([], [], ev.line, wrong, raises.raised or "", order))
    state.set_names(goes_on.places)
    for region in state.regions():
        for node in goes_on.regions[id(region)].nodes:
            region.add(node)
        _adopt(goes_on.regions[id(region)], region)
    if goes_on.returned is not MISSING:
        raise Return(goes_on.returned)
    return True


def _adopt(inner: Region, outer: Region) -> None:
    """What was made in ``inner`` counts as made in ``outer``."""
    inner.merged = outer


# -- joining --------------------------------------------------------------------------------------


class _Joiner:
    """Joins values of two branches; the tensors that need it go into the IfNode of a region."""

    def __init__(self, ev: Interpreter, test: Sym, node: IfNode) -> None:
        self.ev = ev
        self.test = test
        self.node = node
        self.equal_then = equalities(test, True)
        self.equal_else = equalities(test, False)
        self.named = set(_named_in(node.then)) | set(_named_in(node.orelse))
        self.done: dict[tuple[int, int], Tensor] = {}

    def value(self, a: Any, b: Any) -> Any:
        """What ``a if test else b`` is. Raises NotGeneral where nothing can stand for it."""
        if a is b or (not isinstance(a, Tensor) and not isinstance(b, Tensor) and same(a, b)):
            return a
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            return self.tensor(a, b)
        if isinstance(a, ModelValue) and isinstance(b, ModelValue):
            return self.model(a, b)
        alike = isinstance(a, (list, tuple)) and type(a) is type(b) and len(a) == len(b)
        if alike and tensors_in([a, b]):
            return type(a)(self.value(x, y) for x, y in zip(a, b, strict=True))
        if all(isinstance(v, Sym) or plain(v) for v in (a, b)):
            return Sym.choose(self.test, expand(a, self.named), expand(b, self.named))
        if isinstance(a, Unknown) and isinstance(b, Unknown):
            return a
        raise NotGeneral

    def tensor(self, a: Tensor, b: Tensor) -> Tensor:
        if (id(a), id(b)) in self.done:
            return self.done[id(a), id(b)]
        if (
            "only if" in a.facts  # not there whenever this condition holds
            or "only if" in b.facts
            or a.mask is not None
            or b.mask is not None
            or a.flattened is not None
            or b.flattened is not None
        ):
            raise NotGeneral
        if a.rank == b.rank:
            shape = tuple(self.dim(x, y) for x, y in zip(a.shape, b.shape, strict=True))
            layout = a.layout if a.layout is b.layout else Layout.LAST
            out = Tensor(shape, a.dtype, layout)
        else:
            shown = a if known(self.test) is UNKNOWN or known(self.test) else b
            out = Tensor(shown.shape, shown.dtype, Layout.LAST)
            out.facts["ranks"] = {a.rank, b.rank}
        out.name = (
            a.name if a.name == b.name or b.name is None else b.name if a.name is None else a.name
        )
        self.node.joined.append((out, a, b))
        self.node.outputs.append(out)
        self.done[id(a), id(b)] = out
        return out

    def dim(self, a: Dim, b: Dim) -> Dim:
        """A size that both branches leave, said in one way where the condition makes them equal."""
        a, b = expand(a, self.named), expand(b, self.named)
        if same(a, b):
            return a
        if _agree(a, b, self.equal_else):
            return a
        if _agree(a, b, self.equal_then):
            return b
        if a is None or b is None:
            return None
        return Sym.choose(self.test, a, b)  # type: ignore[no-any-return]

    def model(self, a: ModelValue, b: ModelValue) -> ModelValue:
        if a.kind != b.kind or a.kind != "functional":
            raise NotGeneral
        joined = ModelValue(
            a.kind, self.value(a.inputs, b.inputs), self.value(a.outputs, b.outputs)
        )
        joined.region, joined.name, joined.line, joined.use = CURRENT[-1], a.name, a.line, a.use
        self.ev.models[:] = [m for m in self.ev.models if m is not a and m is not b]
        self.ev.models.append(joined)
        return joined


def _join(
    ev: Interpreter, state: State, test: Sym, a: Outcome, b: Outcome, order: int, line: int
) -> Any:
    """Put both branches into one node per region, and the joined values into their places. What is returned, joined."""
    nodes = {
        id(r): IfNode([], [], line, test, a.regions[id(r)], b.regions[id(r)], [], order)
        for r in state.regions()
    }
    main = _Joiner(ev, test, nodes[id(state.region)])
    result: Any = MISSING
    if a.returned is not MISSING:
        result = main.value(a.returned, b.returned)
    else:
        for place in a.places.keys() | b.places.keys():
            x, y = a.places.get(place, MISSING), b.places.get(place, MISSING)
            if x is MISSING or y is MISSING:
                only = y if x is MISSING else x
                if isinstance(only, Tensor):
                    only.facts["only if"] = test
                state.put(place, only)
                continue
            joiner = main
            if place[0] < 0:
                region = state.ends[-1 - place[0]][1]
                joiner = main if region is state.region else _Joiner(ev, test, nodes[id(region)])
            try:
                state.put(place, joiner.value(x, y))
            except NotGeneral:
                if place[0] < 0 or not _harmless(x, y):
                    raise
                state.put(place, Unknown("what a condition leaves open", line))
    for region in state.regions():
        node = nodes[id(region)]
        if node.joined or node.then.nodes or node.orelse.nodes:
            region.add(node)
    return result


def _named_in(region: Region) -> Iterator[Symbol]:
    """The settings that get a name within a branch: outside, nothing knows them by it."""
    for node in region.nodes:
        if isinstance(node, SizeNode):
            yield node.symbol
        elif isinstance(node, IfNode):
            yield from _named_in(node.then)
            yield from _named_in(node.orelse)
        elif isinstance(node, LoopNode):
            yield from _named_in(node.body)


def _harmless(a: Any, b: Any) -> bool:
    """Values that a model does not hang on: paths, data, results of the rest of the world."""
    return all(
        isinstance(v, Unknown) or (plain(v) and not isinstance(v, (int, float))) for v in (a, b)
    )


# -- what a condition says -------------------------------------------------------------------------


def _agree(a: Dim, b: Dim, values: dict[Symbol, Any]) -> bool:
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
