"""Conditions on parameters: both branches are run, and what they leave behind is joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.assumed import agree, equalities, fork, keeps, refined
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised, Return
from kt_translate.evaluate.state import MISSING, NotGeneral, Place, State
from kt_translate.evaluate.values import Either, ModelValue, Scope, Unknown, plain
from kt_translate.graph.lists import Forked
from kt_translate.graph.nodes import ORDER, CheckNode, IfNode, LoopNode, SizeNode
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, expand, known, same
from kt_translate.graph.tensor import Dim, Layout, Tensor, tensors_in
from kt_translate.source import tree

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

Run = Callable[[], None]


@dataclass
class Outcome:
    """How a branch ended: what it leaves in every place, what it built, and the signal that ended it."""

    places: dict[Place, Any]
    regions: dict[int, Region]
    returned: Any = MISSING
    raised: str | None = None
    lists: dict[int, list[Any]] = field(default_factory=dict)  # what is in those that it changed


def depends(value: Any) -> bool:
    """Whether a condition hangs on more than the constants of the module."""
    return isinstance(value, Sym) and any(s.kind not in ("global", "local") for s in value.symbols)


def run_if(ev: Interpreter, node: tree.If, test: Any, scope: Scope) -> bool:
    """Keep an ``if`` whose test depends on parameters. False where that cannot be done; nothing has changed then."""
    if not depends(test) or ev.is_pinned(test) or not keeps(ev, node, scope):
        return False

    last = node is ev.last_case
    chain: Any = node
    while isinstance(chain, tree.If) and isinstance(chain.orelse, tree.If):
        chain = ev.last_case = chain.orelse

    def orelse() -> None:
        if isinstance(node.orelse, tree.If):
            ev.statement(node.orelse, scope)
        elif node.orelse is not None:
            ev.suite(node.orelse.body, scope)

    lone = last and node.orelse is None
    return both(ev, node, test, lambda: ev.suite(node.body, scope), orelse, scope, lone)


def conditional(ev: Interpreter, node: tree.IfExp, scope: Scope) -> Any:
    """``a if test else b``, kept where the test depends on parameters; what it leaves open may be an `Either`."""
    test = ev.evaluate(node.test, scope)

    def returned(side: tree.Expression) -> Run:
        def run() -> None:
            raise Return(ev.evaluate(side, scope))

        return run

    kept = keeps(ev, node, scope)
    if depends(test) and not ev.is_pinned(test) and kept:
        try:
            both(ev, node, test, returned(node.body), returned(node.orelse), scope)
        except Return as signal:
            return signal.value
    if isinstance(test, Sym) and kept:
        a, b = ev.evaluate(node.body, scope), ev.evaluate(node.orelse, scope)
        if all(isinstance(v, Sym) or plain(v) for v in (a, b)):
            return Sym.choose(test, a, b)
        return a if ev.truth(test) is not False else b
    return ev.evaluate(node.orelse if ev.truth(test) is False else node.body, scope)


def both(
    ev: Interpreter,
    node: tree.If | tree.IfExp | tree.Assert,
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
        made = [v for p, v in a.places.items() if p[0] == 0 and p not in b.places]
        if lone and any(map(_has_tensors, made)):
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
        result = _join(ev, state, node, test, a, b, order, line)
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
    ev.assumed.append((test, truth))
    with refined(test, truth), state.elsewhere() as regions:
        try:
            run()
        except Return as signal:
            returned = signal.value
        except Raised as signal:
            raised = signal.text
        except (Break, Continue, LimitReached, TypeError, LookupError, ValueError, ArithmeticError):
            raise NotGeneral from None
        finally:
            ev.assumed.pop()
    if ev.log.errors > errors and raised is None:
        raise NotGeneral
    lists = {}
    for container, before in state.containers_touched():
        if not _may_fork(ev, state, container, before):
            raise NotGeneral
        lists[id(container)] = list(container)
        container[:] = before
    outcome = Outcome(state.places(), regions, returned, raised, lists)
    state.set_names(
        {(i, k): v for i, b in enumerate(state.before) for k, v in b.items()} | _ends(state)
    )
    return outcome


def _may_fork(ev: Interpreter, state: State, container: Any, before: Any) -> bool:
    """Whether a list may hold one thing or another after a condition: tensors of the function that is under way."""
    if type(container) is not list or not ev.guards or ev.loops:
        return False
    mine = any(container is value for value in state.spaces[0].values())
    return mine and all(isinstance(t, (Tensor, Forked)) for t in (*container, *before))


def _ends(state: State) -> dict[Place, Any]:
    return {(-1 - i, ""): end[0] for i, end in enumerate(state.ends)}


def _check(ev: Interpreter, state: State, test: Sym, a: Outcome, b: Outcome, order: int) -> bool:
    """The source raises in one branch: the other goes on, after a check."""
    raises, goes_on = (a, b) if a.raised is not None else (b, a)
    wrong = test if raises is a else Sym.unary("not", test)
    if known(wrong) is not UNKNOWN and known(wrong):
        raise Raised(raises.raised or "", wrong)
    CURRENT[-1].add(CheckNode([], [], ev.line, wrong, raises.raised or "", order))
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
        if all(isinstance(v, Unknown) and not isinstance(v, Either) for v in (a, b)):
            return a
        raise NotGeneral

    def tensor(self, a: Tensor, b: Tensor) -> Tensor:
        if (id(a), id(b)) in self.done:
            return self.done[id(a), id(b)]
        if any(t.mask is not None or t.flattened is not None for t in (a, b)):
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
        if agree(a, b, self.equal_else):
            return a
        if agree(a, b, self.equal_then):
            return b
        if a is None or b is None:
            return None
        return Sym.choose(self.test, a, b)  # type: ignore[no-any-return]

    def model(self, a: ModelValue, b: ModelValue) -> ModelValue:
        if a.kind != b.kind or a.kind != "functional":
            raise NotGeneral
        inputs = self.value(a.inputs, b.inputs)
        try:
            outputs = self.value(a.outputs, b.outputs)
        except NotGeneral:
            outputs = fork(self.test, a.outputs, b.outputs)
            if outputs is None:
                raise
        joined = ModelValue(a.kind, inputs, outputs)
        joined.region, joined.name, joined.line, joined.use = CURRENT[-1], a.name, a.line, a.use
        self.ev.models[:] = [m for m in self.ev.models if m is not a and m is not b]
        self.ev.models.append(joined)
        return joined


def _join(
    ev: Interpreter,
    state: State,
    statement: tree.If | tree.IfExp | tree.Assert,
    test: Sym,
    a: Outcome,
    b: Outcome,
    order: int,
    line: int,
) -> Any:
    """Put both branches into one node per region, and the joined values into their places. What is returned, joined."""
    nodes = {
        id(r): IfNode([], [], line, test, a.regions[id(r)], b.regions[id(r)], [], order)
        for r in state.regions()
    }
    main = _Joiner(ev, test, nodes[id(state.region)])
    result: Any = MISSING
    if a.returned is not MISSING:
        try:
            result = main.value(a.returned, b.returned)
        except NotGeneral:
            if isinstance(statement, tree.If):
                raise
            result = _left_open(ev, statement, test, a.returned, b.returned)
    else:
        for place in a.places.keys() | b.places.keys():
            x, y = (o.places.get(place, MISSING) for o in (a, b))
            only = y if x is MISSING else x if y is MISSING else MISSING
            if only is not MISSING and not _has_tensors(only):
                state.put(place, only)
                continue
            joiner = main
            if place[0] < 0:
                region = state.ends[-1 - place[0]][1]
                joiner = main if region is state.region else _Joiner(ev, test, nodes[id(region)])
            try:
                state.put(place, joiner.value(x, y))
            except NotGeneral:
                if place[0] < 0:
                    raise
                state.put(place, _left_open(ev, statement, test, x, y))
    for container, before in state.containers:
        if id(container) not in a.lists.keys() | b.lists.keys():
            continue
        x, y = (o.lists.get(id(container), before) for o in (a, b))
        try:
            container[:] = main.value(x, y)
        except NotGeneral:
            container[:] = [Forked(test, x, y, statement)]
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


def _left_open(
    ev: Interpreter, statement: tree.If | tree.IfExp | tree.Assert, test: Sym, a: Any, b: Any
) -> Unknown:
    """What stands for two values of which only the branches know which it is."""
    if _harmless(a) and _harmless(b):
        return Unknown("what a condition leaves open", ev.line)
    if not ev.guards:
        raise NotGeneral
    none = Unknown("a name that has no value unless a condition holds", ev.line)
    a, b = (none if v is MISSING else v for v in (a, b))
    return Either(test, a, b, statement, ev.guards[-1])


def _harmless(value: Any) -> bool:
    """A value that a model does not hang on: paths, data, results of the rest of the world."""
    if isinstance(value, Unknown):
        return not isinstance(value, Either)
    return plain(value) and not isinstance(value, (int, float))


def _has_tensors(value: Any) -> bool:
    if isinstance(value, Either):
        return _has_tensors(value.then) or _has_tensors(value.orelse)
    return bool(tensors_in(value))
