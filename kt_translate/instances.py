"""Which models are what a function of the source gives for certain arguments: instances of that function's class."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import libcst as cst

from kt_translate.builders import is_complete
from kt_translate.evaluate import views
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.values import Function, ModelValue, models_in, plain
from kt_translate.found import Found, changed, frozen
from kt_translate.graph.nodes import CallNode, IfNode, LoopNode
from kt_translate.graph.objects import is_setting
from kt_translate.graph.region import Node
from kt_translate.graph.sym import Sym, Symbol, known, same, substitute, symbols_in
from kt_translate.graph.tensor import Fork, tensors_in
from kt_translate.graph.terms import expand
from kt_translate.lower.symbols import symbols_of

_VERB = re.compile(r"^_*(build|make|create|get|define|construct)_")
Made = tuple[Found, int, dict[str, Any]]


def made_by(ev: Interpreter, found: dict[int, Found], model: ModelValue) -> list[Made]:
    """The calls that gave a model: of what was found for the function, which one, and its arguments."""
    calls: list[Made] = []
    for function in [v for v in ev.module.names.values() if isinstance(v, Function)]:
        first = found.get(id(function))
        makers = [] if first is None else [first, *(other for _, other in first.others)]
        for bound, result, ends in function.calls if makers else []:
            at = next((i for i, m in enumerate(models_in(result)) if m is model), None)
            if at is None or ends[at][1] != len(model.layers):
                continue
            if ends[at][0] is not None and ends[at][0] is not model.outputs:
                continue
            for maker in makers:
                table = _arguments_of(maker, bound, model, at)
                more = _takes_more(function, bound, maker)
                if table is not None and not (_changing(ev, function) or more):
                    calls.append((maker, at, table))
    return calls


def handed_on(
    ev: Interpreter, found: dict[int, Found], function: Function, own: Found
) -> list[Made]:
    """The call of another builder where a function does nothing else: what was found for that one, and its arguments."""
    if not own.has_own_signature or not _only_calls(function.node):
        return []
    model, mine = own.models[0], {p.symbol for p in own.params}
    for other in [v for v in ev.module.names.values() if isinstance(v, Function)]:
        maker = found.get(id(other))
        if maker is None or maker is own or not maker.has_own_signature or maker.open_sizes:
            continue
        for bound, result, _ in other.calls if is_complete(model) else []:
            given = {name: expand(value) for name, value in bound.items()}
            said = [given[p.symbol.name] for p in maker.params if p.symbol.name in given]
            if result is not model or not all(_said_by(v, mine) for v in said):
                continue
            table = _arguments_of(maker, given, model, 0, own)
            more = _takes_more(other, bound, maker)
            if table is not None and not (_changing(ev, other) or more):
                return [(maker, 0, table)]
    return []


def _said_by(value: Any, params: set[Symbol]) -> bool:
    """Whether a function with these parameters can say a value."""
    known_to = all(s.kind == "global" or s.root in params for s in symbols_in(value))
    return known_to and (isinstance(value, Sym) or plain(known(value)) or is_setting(value))


_TRAINING = ("compile", "summary", "load_weights")


def _only_calls(node: Any) -> bool:
    """Whether a function only gives names to what it calculates, before it gives what a call gives."""
    if not all(isinstance(line, cst.SimpleStatementLine) for line in node.body.body):
        return False
    *lines, last = [small for line in node.body.body for small in line.body]
    return isinstance(last, cst.Return) and all(
        (isinstance(s, cst.Assign) and all(isinstance(t.target, cst.Name) for t in s.targets))
        or (isinstance(s, cst.Expr) and _is_harmless(s.value))
        for s in lines
    )


def _is_harmless(node: cst.BaseExpression) -> bool:
    """A docstring, or what changes no model."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return node.func.attr.value in _TRAINING
    return isinstance(node, (cst.SimpleString, cst.ConcatenatedString))


def use_classes_of_calls(ev: Interpreter, found: dict[int, Found], model: ModelValue) -> None:
    """Let the models that a model is made of be instances of the classes of the functions that gave them."""
    if not is_complete(model):
        return
    plan = plan_of(model)
    by_plan = {id(m.plan): m for m in ev.models if m.plan is not None}
    for node, sayable in _calls(plan.region.nodes, plan.symbols):
        part = by_plan.get(id(node.plan))
        for maker, at, table in made_by(ev, found, part) if part is not None else ():
            if maker.made:
                continue  # it has no class: the builder that it calls has one
            general = plan_of(maker.models[at])
            symbols = symbols_in(list(table.values()))
            layouts = [t.layout for t in tensors_in(general.result)]
            if (
                general is not plan
                and layouts == [t.layout for t in node.outputs]
                and all(plain(known(v)) or views.sayable(v) for v in table.values())
                and all(s.kind == "global" or s.root in sayable for s in symbols)
            ):
                node.args = {p.symbol: table.get(p.symbol.name) for p in general.params}
                node.plan = general
                if node.use.hint == maker.models[at].variable:  # its name within the function
                    node.use.hint = _VERB.sub("", maker.name).lower()
                break


def _calls(nodes: list[Node], sayable: set[Symbol]) -> Iterator[tuple[CallNode, set[Symbol]]]:
    """The calls, within loops and conditions too, each with the symbols that its arguments may speak of."""
    for node in nodes:
        if isinstance(node, CallNode):
            yield node, sayable
        elif isinstance(node, LoopNode):
            turning = {*symbols_of(node.targets), *(size.entering.args[0] for size in node.sizes)}
            yield from _calls(node.body.nodes, sayable | turning)
        elif isinstance(node, IfNode):
            yield from _calls(node.then.nodes + node.orelse.nodes, sayable)


def _arguments_of(
    maker: Found,
    bound: dict[str, Any],
    model: ModelValue,
    at: int,
    own: Found | None = None,
) -> dict[str, Any] | None:
    """What the function's factory takes to give this very model; None where it would not.

    ``own``: the function that hands on its arguments. What its class would check, the other may check, too.
    """
    general = maker.models[at]
    if not is_complete(general) or frozen(general) != frozen(model) or changed(model):
        return None
    mine, theirs = tensors_in(general.inputs), tensors_in(model.inputs)
    if [(t.rank, t.dtype) for t in mine] != [(t.rank, t.dtype) for t in theirs]:
        return None
    table: dict[Any, Any] = {}
    for param in maker.params:
        name = param.symbol.name
        value, inner = bound.get(name), maker.given.values.get(f"{'**' * param.gathers}{name}")
        if value is None and param.instead is not None:
            value = param.symbol.value
        is_object = views.is_record(inner) and views.is_record(value)
        said = is_object or isinstance(inner, Sym)
        if not said and value is not inner:
            return None
        table |= views.table({param.symbol: name}, {name: value if said else None})
    for a, b in zip(mine, theirs, strict=True):
        for dim, given in zip(a.shape, b.shape, strict=True):
            if isinstance(dim, Sym) and dim.head == "symbol":
                table.setdefault(dim.args[0], given)
    taken = [] if own is None else plan_of(own.models[0]).demands
    for said, value in plan_of(general).demands:
        here = substitute(said, table)
        if not _is_so(here, value) and not any(same(here, s) and same(value, v) for s, v in taken):
            return None
    fork = plan_of(general).result
    while isinstance(fork, Fork):  # other outputs than the class's are told of a class of its own
        test = substitute(fork.test, table)
        if not _is_so(test if own is None else known(test), fork.test.value):
            return None
        fork = fork.shown
    return {symbol.name: value for symbol, value in table.items()}


def _is_so(said: Any, value: Any) -> bool:
    if isinstance(said, Sym) and all(s.kind == "global" for s in said.symbols):
        said = said.value
    return same(said, value)


def _takes_more(function: Function, bound: dict[str, Any], maker: Found) -> bool:
    """Whether a call and the parameters of the function's factory do not stand for the same: ``*args``, ``**kwargs``."""
    if any(p.symbol.name not in bound for p in maker.params):
        return True
    stars = (function.node.params.star_arg, function.node.params.star_kwarg)
    names = {s.name.value for s in stars if isinstance(s, cst.Param)}
    return any(bound.get(name) for name in names - {p.symbol.name for p in maker.params})


def _changing(ev: Interpreter, function: Function) -> bool:
    """Whether the function, or one that it calls, reads numbers of the module that are not always the same."""
    todo, seen = [function], {id(function)}
    while todo:
        text = ev.source.code(todo.pop().node)
        words = set(re.findall(r"[A-Za-z_]\w*", text))
        if words & ev.rebound:
            return True
        for word in words:
            value = ev.module.names.get(word)
            if isinstance(value, Function) and id(value) not in seen:
                seen.add(id(value))
                todo.append(value)
    return False
