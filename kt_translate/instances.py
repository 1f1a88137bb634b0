"""Which models are what a function of the source gives for certain arguments: instances of that function's class."""

from __future__ import annotations

import re
from typing import Any

from kt_translate.builders import is_complete
from kt_translate.evaluate import views
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.values import Function, ModelValue, models_in, plain
from kt_translate.found import Found, frozen
from kt_translate.graph.nodes import CallNode
from kt_translate.graph.sym import Sym, known, same, substitute, symbols_in
from kt_translate.graph.tensor import Fork, tensors_in

_VERB = re.compile(r"^_*(build|make|create|get|define|construct)_")
Made = tuple[Found, int, dict[str, Any]]


def made_by(ev: Interpreter, found: dict[int, Found], model: ModelValue) -> list[Made]:
    """The calls that gave a model: of what was found for the function, which one, and its arguments."""
    calls: list[Made] = []
    for function in [v for v in ev.module.names.values() if isinstance(v, Function)]:
        maker = found.get(id(function))
        for bound, result, ends in function.calls if maker is not None else []:
            at = next((i for i, m in enumerate(models_in(result)) if m is model), None)
            if maker is None or at is None or ends[at][1] != len(model.layers):
                continue
            if ends[at][0] is not None and ends[at][0] is not model.outputs:
                continue
            table = _arguments_of(maker, bound, model, at)
            if table is not None and not _changing(ev, function):
                calls.append((maker, at, table))
    return calls


def use_classes_of_calls(ev: Interpreter, found: dict[int, Found], model: ModelValue) -> None:
    """Let the models that a model is made of be instances of the classes of the functions that gave them."""
    if not is_complete(model):
        return
    plan = plan_of(model)
    by_plan = {id(m.plan): m for m in ev.models if m.plan is not None}
    sayable = plan.symbols
    for node in plan.region.nodes:
        part = by_plan.get(id(node.plan)) if isinstance(node, CallNode) else None
        if part is None or not isinstance(node, CallNode):
            continue
        for maker, at, table in made_by(ev, found, part):
            general = plan_of(maker.models[at])
            symbols = symbols_in(list(table.values()))
            layouts = [t.layout for t in tensors_in(general.result)]
            if (
                general is not plan
                and layouts == [t.layout for t in node.outputs]
                and all(plain(known(v)) or views.is_record(v) for v in table.values())
                and all(s.kind == "global" or s.root in sayable for s in symbols)
            ):
                node.args = {p.symbol: table.get(p.symbol.name) for p in general.params}
                node.plan = general
                if node.use.hint == maker.models[at].variable:  # its name within the function
                    node.use.hint = _VERB.sub("", maker.name).lower()
                break


def _arguments_of(
    maker: Found, bound: dict[str, Any], model: ModelValue, at: int
) -> dict[str, Any] | None:
    """What the function's factory takes to give this very model; None where it would not."""
    general = maker.models[at]
    if not is_complete(general) or frozen(general) != frozen(model):
        return None
    mine, theirs = tensors_in(general.inputs), tensors_in(model.inputs)
    if [(t.rank, t.dtype) for t in mine] != [(t.rank, t.dtype) for t in theirs]:
        return None
    table: dict[Any, Any] = {}
    for param in maker.params:
        name = param.symbol.name
        value, inner = bound.get(name), maker.given.values.get(name)
        is_object = views.is_record(inner) and views.is_record(value)
        said = is_object or isinstance(inner, Sym)
        if not said and value is not inner:
            return None
        table |= views.table({param.symbol: name}, {name: value if said else None})
    for a, b in zip(mine, theirs, strict=True):
        for dim, given in zip(a.shape, b.shape, strict=True):
            if isinstance(dim, Sym) and dim.head == "symbol":
                table.setdefault(dim.args[0], given)
    demands = plan_of(general).demands
    if not all(_is_so(substitute(said, table), value) for said, value in demands):
        return None
    fork = plan_of(general).result
    while isinstance(fork, Fork):  # other outputs than the class's are told of a class of its own
        if not _is_so(substitute(fork.test, table), fork.test.value):
            return None
        fork = fork.shown
    return {symbol.name: value for symbol, value in table.items()}


def _is_so(said: Any, value: Any) -> bool:
    if isinstance(said, Sym) and all(s.kind == "global" for s in said.symbols):
        said = said.value
    return same(said, value)


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
