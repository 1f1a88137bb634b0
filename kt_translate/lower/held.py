"""Lists of layers that a loop of ``forward`` goes through together: each list is made in ``__init__`` by itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from kt_translate.graph.nodes import CallNode, Held, LayerNode, LoopNode
from kt_translate.layers.layer import RuleError
from kt_translate.lower.headings import names_of
from kt_translate.lower.loops import carry_sizes, for_loop
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.lower.writer import Writer


def make_lists(writer: Writer, node: LoopNode) -> str:
    """Fill a ModuleList for each list, and let the turns call its layers by a variable. The head of the loop."""
    sizes = carry_sizes(writer, node)
    every = [_made(writer, node, held) for held in node.held]
    needs = [any(str(size.entering) in made for size in node.sizes) for made in every]
    needs[0] |= not any(needs)  # what follows may read them
    for held, made, counts in zip(node.held, every, needs, strict=True):
        attribute = writer.module_names[id(held.use)]
        within = replace(node, sizes=node.sizes if counts else [], comment="")
        lines = for_loop(writer, within, [f"self.{attribute}.append({made})"])
        if len(lines) == 2:
            lines = [f"self.{attribute} = nn.ModuleList({made} {lines[0].removesuffix(':')})"]
        else:
            lines[:0] = [*(sizes if within.sizes else []), f"self.{attribute} = nn.ModuleList()"]
        writer.block.add(held.order, lines)
    targets, lists = [], []
    for held in node.held:
        name = held.variable
        while not writer.is_free(name):
            name += "_"
        writer.owner[name] = id(held)
        writer.last_use[id(held)] = writer.steps[id(node)]
        writer.modules[id(held.use)] = Expr(name)
        targets.append(name)
        lists.append(f"self.{writer.module_names[id(held.use)]}")
    through = lists[0] if len(lists) == 1 else f"zip({', '.join(lists)})"
    return f"for {', '.join(targets)} in {through}:"


def numbered(writer: Writer, node: LoopNode, head: str, body: list[str]) -> str:
    """The loop's head, with the place of a layer in its list where a turn reads it.

    Raises:
        RuleError: a turn reads something else that only the constructor knows.
    """
    place = node.held[0].place
    words = set(re.findall(r"\w+", "\n".join(body)))
    turning = {str(size.entering) for size in node.sizes} | names_of(node.targets)
    known_here = set() if place is None else {place.name}
    if words & turning - known_here:
        raise RuleError("KT302", "a size that changes from turn to turn is read in forward")
    if place is None or place.name not in words:
        return head
    if not writer.is_free(place.name):
        raise RuleError("KT302", f"{place.name} is a loop's number, and a tensor")
    target, through = head.removeprefix("for ").removesuffix(":").split(" in ")
    target = f"({target})" if "," in target else target
    return f"for {place.name}, {target} in enumerate({through}):"


def _made(writer: Writer, node: LoopNode, held: Held) -> str:
    inner = next(
        (n for n in node.body.nodes if isinstance(n, (LayerNode, CallNode)) and n.use is held.use),
        None,
    )
    if inner is None or held.use.mode is not None:
        raise RuleError("KT302", "a list of layers that the turns of a loop do not call alike")
    if isinstance(inner, CallNode):
        return str(writer.instance(inner))
    return str(writer.constructor(inner, inner.seen()))
