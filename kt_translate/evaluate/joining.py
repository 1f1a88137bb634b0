"""What the two branches of a condition leave behind, made one: tensors, settings, choices, models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import tables
from kt_translate.evaluate.assumed import fork
from kt_translate.evaluate.lambdas import LambdaValue
from kt_translate.evaluate.open_lists import Chosen, holds_layers
from kt_translate.evaluate.state import MISSING, NotGeneral, Place, State, spoken
from kt_translate.evaluate.tensor_lists import Left, When
from kt_translate.evaluate.unmasking import Unmasked
from kt_translate.evaluate.values import (
    Class,
    Either,
    External,
    Function,
    Instance,
    LayerValue,
    Method,
    ModelValue,
    Native,
    Partial,
    Unknown,
    plain,
)
from kt_translate.graph.choice import Choice
from kt_translate.graph.conditions import agree, equalities
from kt_translate.graph.lists import Forked, TensorList
from kt_translate.graph.nodes import CheckNode, IfNode, named, named_in
from kt_translate.graph.objects import KerasFunction, KerasObject, is_setting
from kt_translate.graph.operators import alike
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, same, substitute, symbols_in
from kt_translate.graph.tensor import Dim, Layout, Tensor, tensors_in
from kt_translate.graph.terms import expand

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

Statement = cst.If | cst.IfExp | cst.Assert | cst.For | None


@dataclass
class Outcome:
    """How a branch ended: what it leaves in every place, what it built, and the signal that ended it."""

    places: dict[Place, Any]
    regions: dict[int, Region]
    returned: Any = MISSING
    raised: str | None = None
    lists: dict[int, list[Any]] = field(default_factory=dict)  # what is in those that it changed
    unmasked: Unmasked = field(default_factory=dict)  # what it has taken masks off


class _Joiner:
    """Joins values of two branches; the tensors that need it go into the IfNode of a region."""

    def __init__(self, ev: Interpreter, test: Sym, node: IfNode) -> None:
        self.ev = ev
        self.test = test
        self.node = node
        self.equal_then = equalities(test, True)
        self.equal_else = equalities(test, False)
        self.named = set(named_in(node.then.nodes + node.orelse.nodes))
        self.chosen: list[Any] = []  # settings
        self.done: dict[tuple[int, int], Tensor] = {}

    def value(self, a: Any, b: Any) -> Any:
        """What ``a if test else b`` is. Raises NotGeneral where nothing can stand for it."""
        if a is b or (not isinstance(a, Tensor) and not isinstance(b, Tensor) and same(a, b)):
            return a
        if isinstance(a, TensorList) or isinstance(b, TensorList):
            raise NotGeneral  # a list is no tensor, and another list may be longer
        if isinstance(a, Tensor) and isinstance(b, Tensor):
            return self.tensor(a, b)
        if isinstance(a, ModelValue) and isinstance(b, ModelValue):
            return self.model(a, b)
        paired = isinstance(a, (list, tuple)) and type(a) is type(b) and len(a) == len(b)
        if paired and not (plain(a) and plain(b)):
            return alike(a, [self.value(x, y) for x, y in zip(a, b, strict=True)])
        if all(map(_is_sayable, (a, b))):
            a, b = (tables.named(self.ev, v) if tables.is_table(v) else v for v in (a, b))
            chosen = Sym.choose(self.test, expand(a, self.named), expand(b, self.named))
            self.chosen.append(chosen)
            return chosen
        if all(isinstance(v, Unknown) and not isinstance(v, Either) for v in (a, b)):
            return a
        if _choosable(a) and _choosable(b):
            return Choice(self.test, a, b)
        raise NotGeneral

    def item(self, a: Any, b: Any) -> Any:
        """What both branches append: of two rows, as much as both have."""
        if isinstance(a, (list, tuple)) and type(a) is type(b) and tensors_in([a, b]):
            joined = [self.value(x, y) for x, y in zip(a, b, strict=False)]
            return type(a)([*joined, *[Unknown("what one branch appends")] * abs(len(a) - len(b))])
        return self.value(a, b)

    def tensor(self, a: Tensor, b: Tensor) -> Tensor:
        if (id(a), id(b)) in self.done:
            return self.done[id(a), id(b)]
        if a.masking != b.masking:
            raise NotGeneral
        if any(t.flattened and t.flattened.count(None) > 1 for t in (a, b)):
            raise NotGeneral
        if a.rank == b.rank:
            shape = tuple(self.dim(x, y) for x, y in zip(a.shape, b.shape, strict=True))
            layout = a.layout if a.layout is b.layout else Layout.LAST
            out = Tensor(shape, a.dtype, layout)
        elif any(self.test.symbols & loop.turning() for loop in self.ev.loops):
            raise NotGeneral  # what one turn leaves is no input of the next
        else:
            shown = a if known(self.test) is UNKNOWN or known(self.test) else b
            last = self.dim(a.shape[-1], b.shape[-1])
            out = Tensor((*shown.shape[:-1], last), shown.dtype, Layout.LAST)
            out.facts["ranks"] = (self.test, a, b)
        out.mask, out.bare, out.untold = a.masking
        out.flattened = a.flattened if same(a.flattened, b.flattened) else None
        out.name = (
            a.name if a.name == b.name or b.name is None else b.name if a.name is None else a.name
        )
        if "input" in a.facts and a.facts["input"] == b.facts.get("input"):
            out.facts["input"] = a.facts["input"]
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
        if list(map(id, tensors_in(a.inputs))) != list(map(id, tensors_in(b.inputs))):
            raise NotGeneral  # they are other models altogether
        try:
            outputs = self.value(a.outputs, b.outputs)
        except NotGeneral:
            outputs = fork(self.test, a.outputs, b.outputs)
            if outputs is None:
                raise
        joined = ModelValue(a.kind, a.inputs, outputs)
        joined.region, joined.name, joined.line, joined.use = CURRENT[-1], a.name, a.line, a.use
        self.ev.models[:] = [m for m in self.ev.models if m is not a and m is not b]
        self.ev.models.append(joined)
        return joined


def in_call(tensor: Tensor, table: dict[Symbol, Any]) -> Tensor:
    """What a class gives in a call, where its settings say how many axes that has."""
    while "ranks" in tensor.facts:
        test, then, orelse = tensor.facts["ranks"]
        holds = known(substitute(test, table))
        if holds is UNKNOWN:
            return tensor
        tensor = replace(then if holds else orelse, layout=Layout.LAST)
    return tensor


def join(
    ev: Interpreter,
    state: State,
    statement: Statement,
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
    places = [*{**a.places, **b.places}]
    if a.returned is not MISSING:
        # a Sequential goes on, and so do the items of dicts, the function's names do not
        places = [p for p in places if p[0] < 0 or state.is_item(p)]
        try:
            result = main.value(a.returned, b.returned)
        except NotGeneral:
            if not isinstance(statement, cst.IfExp):
                raise
            result = _left_open(ev, statement, test, a.returned, b.returned)
    for place in places:
        x, y = (o.places.get(place, MISSING) for o in (a, b))
        only = y if x is MISSING else x if y is MISSING else MISSING
        if only is not MISSING and not has_tensors(only):
            state.put(place, only)
            continue
        joiner = main
        if place[0] < 0:
            region = state.ends[-1 - place[0]][1]
            joiner = main if region is state.region else _Joiner(ev, test, nodes[id(region)])
        try:
            state.put(place, joiner.value(x, y))
        except NotGeneral:
            if place[0] < 0 or state.is_item(place):
                raise
            state.put(place, _left_open(ev, statement, test, x, y))
    _join_lists(state, main, a, b, statement)
    for region in state.regions():
        node = nodes[id(region)]
        _hoist_checks(ev, node, region)
        left = [a.returned, b.returned, a.places, b.places]
        if node.joined or node.then.nodes or node.orelse.nodes or _made_in(left, node):
            region.add(node)
    _name_choices(state, main)
    return result


def may_fork(ev: Interpreter, state: State, container: Any, before: Any) -> bool:
    """Whether a list may hold one thing or another after a condition: tensors of the function that is under way."""
    if type(container) is not list or not ev.guards or ev.loops:
        return False
    mine = any(container is value for value in state.spaces[0].values())
    return mine and all(isinstance(t, (Tensor, Forked)) for t in (*container, *before))


def appends(container: Any, before: Any) -> bool:
    """Whether something was added to a list, and nothing else done to it."""
    if type(container) is not list or len(container) <= len(before):
        return False
    return all(a is b for a, b in zip(container, before, strict=False))


def _join_lists(
    state: State, joiner: _Joiner, a: Outcome, b: Outcome, statement: Statement
) -> None:
    """Let lists have what the branches leave in them; the list of all its layers that a Sequential has, that of both."""
    listing = {id(model.layers) for model in state.waiting}
    for container, before in state.containers:
        if id(container) not in a.lists.keys() | b.lists.keys():
            continue
        x, y = (o.lists.get(id(container), before) for o in (a, b))
        try:
            container += _appended(joiner, x[len(before) :], y[len(before) :])
        except NotGeneral:
            sides = [side[len(before) :] for side in (x, y)]
            if all(map(holds_layers, sides)) and not tensors_in(sides):
                both = [layer for side in sides for layer in side]
                of_all = id(container) in listing
                container += both if of_all else [Chosen(joiner.test, *sides)]
                continue
            if not may_fork(joiner.ev, state, x, before) and not any(
                c is container for c in state.spaces[0].values()
            ):
                raise
            container[:] = [Forked(joiner.test, x, y, statement)]


def _appended(joiner: _Joiner, xs: list[Any], ys: list[Any]) -> list[Any]:
    """What both branches append, or one. Raises NotGeneral where the tensors that one appends are made in it."""
    if len(xs) == len(ys):
        return [joiner.item(x, y) for x, y in zip(xs, ys, strict=True)]
    if not joiner.ev.loops or (xs and ys):
        raise NotGeneral
    branch = joiner.node.then if xs else joiner.node.orelse
    made = {id(t) for node in branch.nodes for t in node.outputs}
    test = joiner.test if xs else Sym.unary("not", joiner.test)
    added = [When(test, t) for t in xs or ys]
    if any(id(one.tensor) in made for one in added):
        raise NotGeneral
    return added


def _choosable(value: Any) -> bool:
    """Whether a condition on settings may choose the value: it builds nothing until it is called."""
    code = (External, Function, Class, Native, Partial, Method)
    made = (LayerValue, LambdaValue, Choice, Sym, KerasObject, KerasFunction)
    own = isinstance(value, Instance) and value.use is not None
    return own or isinstance(value, (*code, *made)) or plain(value)


def _name_choices(state: State, joiner: _Joiner) -> None:
    """Settings that the condition chooses get the names that the source has for them."""
    running = joiner.ev.running[-1].function if joiner.ev.running else None
    owner = running.owner if running is not None else None
    of_layer = (
        owner is not None and owner.keras_base() is not None
    )  # it may have another size in each call
    for place, value in state.places().items() if state.kind == "function" else ():
        if place[0] < 0 or (of_layer and place[0] != 0 and not state.is_item(place)):
            continue
        of_mode = any(s.kind == "mode" for s in symbols_in(value))  # known in forward only
        if not of_mode and any(value is chosen for chosen in joiner.chosen):
            state.put(place, named(value, spoken(place)))


def _hoist_checks(ev: Interpreter, node: IfNode, region: Region) -> None:
    """Checks of parameters that stand in a branch can do without it."""
    for branch, holds in ((node.then, node.test), (node.orelse, Sym.unary("not", node.test))):
        for one in [n for n in branch.nodes if isinstance(n, CheckNode)]:
            test = Sym.binary("and", holds, one.test)
            if {s.kind for s in symbols_in(test)} <= {"param", "global"}:
                branch.nodes.remove(one)
                region.add(replace(one, test=test))
                ev.assumed.append((test, False))


def _made_in(left: list[Any], node: IfNode) -> bool:
    """Whether layers are left that the branches of a condition make."""
    waiting, seen = list(left), set()
    while waiting:
        value = waiting.pop()
        if isinstance(value, LayerValue):
            if value.use.region in (node.then, node.orelse):
                return True
        elif isinstance(value, (Choice, dict, list, tuple)) and id(value) not in seen:
            seen.add(id(value))
            inner = (value.then, value.orelse) if isinstance(value, Choice) else value
            waiting.extend(inner.values() if isinstance(inner, dict) else inner)
    return False


def _left_open(ev: Interpreter, statement: Statement, test: Sym, a: Any, b: Any) -> Unknown:
    """What stands for two values of which only the branches know which it is."""
    if _harmless(a) and _harmless(b):
        return Unknown("what a condition leaves open", ev.line)
    if not ev.guards or statement is None:
        raise NotGeneral
    none = Unknown("a name that has no value unless a condition holds", ev.line)
    a, b = (none if v is MISSING else v for v in (a, b))
    return Either(test, a, b, statement, ev.guards[-1])


def _harmless(value: Any) -> bool:
    """A value that a model does not hang on: paths, data, results of the rest of the world."""
    if isinstance(value, Unknown):
        return not isinstance(value, Either)
    return plain(value) and not isinstance(value, (int, float))


def _is_sayable(value: Any) -> bool:
    """A setting, or a tuple of settings: ``(SIZE, SIZE, 3) if shape is None else shape``."""
    if isinstance(value, tuple):
        return all(map(_is_sayable, value))
    return isinstance(value, Sym) or plain(value) or is_setting(value)


def has_tensors(value: Any) -> bool:
    if isinstance(value, Left):
        return False  # what the last turn of a loop leaves is asked for where something reads it
    if isinstance(value, Either):
        return has_tensors(value.then) or has_tensors(value.orelse)
    return bool(tensors_in(value))
