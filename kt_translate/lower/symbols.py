"""The symbols that the nodes of a class speak of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from typing import Any

from kt_translate.graph.arrays import ArrayNode, PutNode
from kt_translate.graph.lists import Element
from kt_translate.graph.nodes import (
    CallNode,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    OpNode,
    Param,
    SizeNode,
    WeightNode,
)
from kt_translate.graph.region import Node
from kt_translate.graph.sym import Sym, Symbol, naming, spelled_in, symbols_in
from kt_translate.graph.tensor import tensors_in
from kt_translate.layers.layer import Layer, RuleError
from kt_translate.layers.rnn_settings import rule_of
from kt_translate.lower.liveness import live
from kt_translate.pytorch.expr import Expr


def free_symbols(nodes: list[Node]) -> list[Param]:
    """Parameters of the class of a loop's body or of an inner model: all symbols that its settings may hold.

    Those that nothing uses are left out later.
    """
    found = all_symbols(nodes)
    inner_loops = inner_symbols(nodes)
    hold = dict.fromkeys(s.root for s in found)
    symbols = [s for s in hold if s not in inner_loops and s.kind not in ("global", "mode")]
    names: set[str] = set()
    params = []
    for symbol in sorted(symbols, key=lambda s: (s.kind != "dim", s.name)):
        if symbol.name in names and symbol.kind in ("data", "local"):  # of two inputs, or two turns
            fresh = (f"{symbol.name}_{n}" for n in count(2))
            symbol.name = symbol.spelled = next(name for name in fresh if name not in names)
        if symbol.name in names:
            raise RuleError("KT302", f"two settings are called {symbol.name}")
        names.add(symbol.name)
        kind = type(symbol.value)
        params.append(
            Param(symbol, None, kind.__name__ if kind in (int, bool, str, float) else "Any")
        )
    return params


def all_symbols(nodes: list[Node]) -> dict[Symbol, None]:
    """All symbols in sizes and settings of the nodes, in order."""
    found: dict[Symbol, None] = {}
    behind: dict[Symbol, None] = {}  # those that only the origins of names speak of

    def take(value: Any) -> None:
        found.update(dict.fromkeys(spelled_in(value)))
        behind.update(dict.fromkeys(symbols_in(value)))

    def walk(nodes: list[Node]) -> None:
        for inner in nodes:
            for tensor in (*inner.inputs, *inner.outputs):
                take(tensor.shape)
            if isinstance(inner, CallNode):
                take([*inner.args.values(), inner.use.frozen, inner.use.mode])
                found.update(dict.fromkeys(_of_model(inner)))
            elif isinstance(inner, IfNode):
                take(inner.test)
                walk(inner.then.nodes + inner.orelse.nodes)
            elif isinstance(inner, CheckNode):
                take(inner.test)
            elif isinstance(inner, LoopNode):
                take(inner.iterable)
                take([c.before for c in inner.sizes])
                take([before for c in inner.lists for before, _ in c.sizes.values()])
                take([e.key for e in inner.elements])
                walk(inner.body.nodes)
            elif isinstance(inner, SizeNode):
                take(inner.symbol.origin)
            elif isinstance(inner, PutNode):
                take([inner.array, inner.key, inner.value])
            elif isinstance(inner, ArrayNode):
                take(inner.value)
            elif isinstance(inner, WeightNode):
                take([v for v in (inner.initializer, inner.regularizer) if isinstance(v, Sym)])
            elif isinstance(inner, LayerNode):
                use = inner.use
                take([*_settings(inner.rule), use.keras_name, use.frozen, use.mode])
            elif isinstance(inner, OpNode):
                found.update(_said_by(inner))

    walk(nodes)
    names = {s.name for s in found}
    found.update(dict.fromkeys(s for s in behind if s.name not in names))
    return found


def _said_by(node: OpNode) -> dict[Symbol, None]:
    """The settings that the expression of a node names."""
    where = {"device": Expr("device")} if node.device else {}
    with naming() as found, suppress(RuleError):  # raised once more where it is written
        str(node.render(*(Expr("x") for _ in node.inputs), **where))
    return found


def _settings(rule: Layer) -> Iterator[Any]:
    """What a layer is given, and what the layers are given that are its parts, which may know it in turn."""
    waiting, seen = [rule], [rule]
    while waiting:
        for value in vars(waiting.pop()).values():
            yield value
            for part in value if isinstance(value, (list, tuple)) else (value,):
                inner = rule_of(part)
                if isinstance(inner, Layer) and all(inner is not other for other in seen):
                    waiting.append(inner)
                    seen.append(inner)


def _of_model(node: CallNode) -> Iterator[Symbol]:
    """The settings of a model that is called: its class takes all that its layers speak of."""
    plan = node.plan
    if plan.kind != "model" or plan.keep_signature:
        return
    nodes = live(plan.region.nodes, tensors_in(plan.result), plan.inputs)
    within = inner_symbols(nodes)
    for symbol in all_symbols(nodes):
        if symbol.kind == "param" and symbol not in within and symbol not in node.args:
            yield symbol


def symbols_of_shapes(nodes: list[Node]) -> set[Symbol]:
    """The symbols that sizes of tensors, or numbers of turns, are made of, if only in part: they are integers."""
    found: set[Symbol] = set()
    for node in nodes:
        sizes = [size for t in (*node.inputs, *node.outputs) for size in t.shape]
        if isinstance(node, LoopNode):
            turns = node.iterable
            is_range = isinstance(turns, Sym) and turns.head == "call" and turns.args[0] == "range"
            sizes += turns.args[1:] if is_range else ()
            found |= symbols_of_shapes(node.body.nodes)
        elif isinstance(node, IfNode):
            found |= symbols_of_shapes(node.then.nodes + node.orelse.nodes)
        found |= {symbol for size in sizes for symbol in _numbers_in(size)}
    return found


def _numbers_in(value: Any) -> Iterator[Symbol]:
    """The symbols that are numbers; not those of what a number is read off, as in ``x.shape[1]``."""
    if isinstance(value, Symbol):
        yield value
    elif isinstance(value, Sym) and value.head not in ("attribute", "index", "call", "method"):
        for arg in value.args:
            yield from _numbers_in(arg)


def inner_symbols(nodes: list[Node]) -> set[Symbol]:
    found: set[Symbol] = set()
    for node in nodes:
        if isinstance(node, LoopNode):
            for size in node.sizes:
                found |= {size.entering.args[0], size.after.args[0]}
            found |= {s for c in node.lists for s in c.after.sizes.values()}
            found |= {s for e in node.elements for s in e.sizes.values()}
            found |= set(symbols_of(node.targets)) | inner_symbols(node.body.nodes)
        elif isinstance(node, SizeNode):
            found.add(node.symbol)
        elif isinstance(node, IfNode):
            found |= inner_symbols(node.then.nodes + node.orelse.nodes)
        elif isinstance(node, CallNode) and node.read is not None:
            found.add(node.read)
    return found


def symbols_of(targets: Any) -> list[Symbol]:
    if isinstance(targets, Element):
        return list(targets.sizes.values())
    return [targets] if isinstance(targets, Symbol) else [s for t in targets for s in symbols_of(t)]
