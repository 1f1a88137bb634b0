"""What a loop counts, carries and holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import Scope, items_of, plain
from kt_translate.graph.last_turn import end_of
from kt_translate.graph.lists import Element, Pick, count
from kt_translate.graph.nodes import (
    ORDER,
    CallNode,
    Carried,
    IfNode,
    LayerNode,
    LoopNode,
    ModuleUse,
)
from kt_translate.graph.region import Node, Region
from kt_translate.graph.sym import UNKNOWN, Items, Sym, Symbol, known, same, substitute, symbols_in
from kt_translate.layers.rnn_settings import is_stateless


def plain_sum(step: Any) -> Any:
    """A difference with what is on both sides left out: ``(c + g) - c`` is ``g``. None if it is not as plain as that."""
    if not isinstance(step, Sym) or step.head != "-":
        return step
    total, less = step.args
    if isinstance(total, Sym) and total.head == "+":
        for part, rest in (total.args, total.args[::-1]):
            if same(part, less):
                return rest
    return None


def afterwards(size: Carried, targets: Any, through: Any, changing: set[Symbol]) -> Any:
    """What a size is after all turns, where words can say it; None where only running the loop can."""
    said = substitute(size.leaving, dict(_last(targets, through)))
    if not symbols_in(said) & changing:
        return said
    turns = count(through)
    poly = plain_sum(Sym.binary("-", size.leaving, size.entering))
    if turns is None or poly is None or symbols_in(poly) & changing:
        return None
    return Sym.binary("+", size.before, Sym.binary("*", turns, poly))


def _last(targets: Any, through: Any) -> Iterator[tuple[Symbol, Any]]:
    """What a loop's variables are in the last turn through a list that is a parameter."""
    if isinstance(targets, Symbol) and isinstance(through, Sym):
        if isinstance(through.value, (list, tuple)):
            yield targets, Sym.index(_whole(through), -1)
    elif isinstance(through, Items) and through.function == "enumerate":
        yield from _last(targets[1], through.args[0])


def in_last_turn(targets: Any, through: Any) -> dict[Symbol, Any]:
    """What a loop's numbers are in the last turn, as far as words can say it."""
    found = dict(_last(targets, through))
    if isinstance(targets, Symbol) and (end := end_of(through)) is not None:
        found[targets] = end
    counted = isinstance(through, Items) and through.function == "enumerate"
    if counted and len(through.args) == 1 and (turns := count(through)) is not None:
        found[targets[0]] = Sym.binary("-", turns, 1)
    return found


def _whole(listed: Sym) -> Sym:
    """The list of which a list is the end."""
    key = listed.args[1] if listed.head == "index" else None
    is_end = isinstance(key, slice) and key.stop is None and key.step is None
    return listed.args[0] if is_end and isinstance(listed.args[0], Sym) else listed


def bindings(targets: Any, item: Any) -> Iterator[tuple[Symbol, Any]]:
    if isinstance(targets, Symbol):
        yield targets, item
    elif isinstance(targets, Element):
        yield from targets.samples(item, {}, 0)
    else:
        for target, part in zip(targets, parts_of(item, len(targets)) or [], strict=False):
            yield from bindings(target, part)


def parts_of(item: Any, n: int) -> list[Any] | None:
    """What the targets of a loop are in one turn."""
    if item is UNKNOWN:
        return [UNKNOWN] * n
    return list(item) if isinstance(item, tuple) else items_of(item, n)


def sayable(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(sayable, value))
    return isinstance(value, (Sym, Pick)) or plain(value)


def of_one_kind(items: list[Any]) -> bool:
    """Whether a general turn can stand for these: it says them, and they are not objects of several classes."""
    classes = {
        id(cls) for cls in (getattr(known(i), "cls", None) for i in items) if cls is not None
    }
    return all(map(sayable, items)) and len(classes) < 2


def number(value: Any) -> bool:
    return isinstance(value, Sym) or (plain(value) and value is not None)


def size_name(axis: int, rank: int) -> str:
    if axis == rank - 1:
        return "channels" if rank > 3 else "features"
    return {3: ["", "length"], 4: ["", "height", "width"], 5: ["", "depth", "height", "width"]}.get(
        rank, ["size"] * rank
    )[axis]


def free_name(name: str, scope: Scope) -> str:
    """A loop variable's name in the output: the source's, where no loop, function or parameter means another by it."""
    others: list[Any] = []
    at: Scope | None = scope
    while at is not None and at.kind != "module":
        others += [v for k, v in at.names.items() if (k, at) != (name, scope)]
        at = at.parent
    taken = {symbol.name for symbol in symbols_in(others) if symbol.kind in ("loop", "param")}
    while name in taken:
        name = chr(ord(name) + 1) if re.fullmatch(r"[a-y]", name) else f"{name}_"
    return name


def makes_modules(nodes: list[Node]) -> bool:
    return any(
        isinstance(n, (LayerNode, CallNode, LoopNode))
        or (isinstance(n, IfNode) and makes_modules(n.then.nodes + n.orelse.nodes))
        for n in nodes
    )


def own(body: Region, loop: LoopNode, start: int) -> None:
    """A layer made before the loop and called in it is shared by all turns: no class of the body could hold it.

    Raises NotGeneral then. One without weights is the same wherever it is made: every turn gets its own.
    """
    own_uses: dict[int, ModuleUse] = {}

    def walk(nodes: list[Node]) -> None:
        for node in nodes:
            if isinstance(node, IfNode):
                walk(node.then.nodes + node.orelse.nodes)
            elif isinstance(node, LoopNode):
                walk(node.body.nodes)
            elif isinstance(node, (LayerNode, CallNode)) and node.use.order < start:
                if isinstance(node, CallNode) or not is_stateless(node.rule):
                    raise NotGeneral
                fresh = replace(node.use, region=body, order=next(ORDER))
                node.use = own_uses.setdefault(id(node.use), fresh)

    walk(body.nodes)
