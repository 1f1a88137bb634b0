"""Writes the loops that are kept: containers of modules in ``__init__``, calls one after the other in ``forward``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kt_translate.graph.lists import PRODUCT
from kt_translate.graph.nodes import (
    CallNode,
    Carried,
    LayerNode,
    LoopNode,
    Node,
    Plan,
    SizeNode,
    made_in,
)
from kt_translate.graph.sym import Items, Sym, code, symbols_in
from kt_translate.graph.tensor import Tensor
from kt_translate.graph.terms import closed
from kt_translate.layers.layer import RuleError
from kt_translate.lower.blocks import indented
from kt_translate.lower.chains import append, chain_of, chain_of_turn, constructors
from kt_translate.lower.control import size_line
from kt_translate.lower.headings import heading, names_of
from kt_translate.lower.lists import SizeLists, write_calls
from kt_translate.lower.names import attribute_name
from kt_translate.lower.symbols import free_symbols, inner_symbols
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.lower.modules import Modules
    from kt_translate.lower.writer import Writer


def attribute_of_loop(node: LoopNode) -> str:
    """The container that a loop fills: one of its own where the turns take of several lists of the source."""
    if node.name is not None:
        return node.name
    lists = {layers.name for layers in node.taken}
    return next(name for name in (_usual_name(node), "levels", "turns") if name not in lists)


def _usual_name(node: LoopNode) -> str:
    last = next((n for n in reversed(node.body.nodes) if isinstance(n, (CallNode, LoopNode))), None)
    if isinstance(last, LoopNode):
        return attribute_of_loop(last)
    alone = last is not None and sum(not isinstance(n, SizeNode) for n in node.body.nodes) == 1
    if last is not None and (alone or chain_of(node.body.nodes, node.tensors) is not None):
        return f"{_called(last)}s"
    return "stages" if node.tensors or node.lists else "sizes"


def _called(call: CallNode) -> str:
    """How the source calls what a turn calls."""
    if call.plan.kind != "model":
        return call.use.kind
    return attribute_name(call.use.keras_name, call.use.hint or call.plan.name)


def write_loop(writer: Writer, node: LoopNode) -> None:
    """A Sequential where the body is a chain, else a ModuleList of instances of the body's class."""
    try:
        _write_loop(writer, node)
    except RuleError as error:
        error.where = error.where or (node.file, node.line)
        raise


def _write_loop(writer: Writer, node: LoopNode) -> None:
    if not node.body.nodes and not _says_its_sizes(node):
        return  # nothing of the loop is left that reads them
    sizes = carry_sizes(writer, node)
    if not node.body.nodes:
        writer.block.add(node.order, sizes + for_loop(writer, node, []))
        return
    attribute = writer.module_names[id(node.body.key)]
    chain = None if node.lists or node.elements else chain_of(node.body.nodes, node.tensors)
    if chain is not None:
        lines = for_loop(writer, node, append(writer, f"self.{attribute}", chain))
        writer.block.add(node.order, [*sizes, f"self.{attribute} = nn.Sequential()", *lines])
        carried = node.tensors[0]
        writer.assign(
            carried.after,
            Expr(f"self.{attribute}")(writer.ordered(carried.before, carried.entering.layout)),
            True,
        )
        return
    _write_stages(writer, node, attribute, sizes)


def _says_its_sizes(node: LoopNode) -> bool:
    """Whether a loop without layers can hand on its sizes: not where only loops within it know them."""
    own = {size.entering.args[0] for size in node.sizes}
    read = symbols_in(closed([size.leaving for size in node.sizes])) - own
    return all(s.kind != "carried" or s.spelled != s.name for s in read)


def carry_sizes(writer: Modules, node: LoopNode) -> list[str]:
    """Tokens for the sizes that the loop carries; the statements that set them before it."""
    lines = []
    for size in node.sizes:
        symbol = size.entering.args[0]
        before = writer.said(size.before)
        made = writer.carry([symbol, size.after.args[0]], symbol.name)
        lines.append(f"{made} = {before}")
    return lines


def for_loop(
    writer: Modules,
    node: LoopNode,
    body: list[str],
    read: dict[int, str] | None = None,
    lists: SizeLists | None = None,
) -> list[str]:
    """The loop in ``__init__`` around ``body``, with the sizes handed on. ``read``: how some of them are read."""
    with writer.spelling(in_forward=False):
        updates = {
            str(size.entering): (size, (read or {}).get(i) or str(writer.said(size.leaving)))
            for i, size in enumerate(node.sizes)
        }
        handed = _one_by_one(writer, updates)
        inner = body + handed if lists is None else lists.within(writer, node, body, handed)
        used = set(re.findall(r"\w+", "\n".join(inner)))
        targets, iterable = node.targets, node.iterable
        counted = isinstance(iterable, Items) and iterable.function == "enumerate"
        if counted and isinstance(targets, tuple) and not names_of(targets[0]) & used:
            targets, iterable = targets[1], iterable.args[0]
        heads = [heading(targets, iterable, used)]
        if isinstance(iterable, Items) and iterable.function == PRODUCT:
            pairs = zip(targets, iterable.args, strict=True)
            heads = [heading(target, through, used) for target, through in pairs]
        for target, through in reversed(heads):
            inner = [f"for {target} in {through}:", *indented(inner)]
        return [*node.comment.splitlines(), *inner]


def _one_by_one(writer: Modules, updates: dict[str, tuple[Carried, str]]) -> list[str]:
    """The sizes for the next turn, each set when no other needs its old value any more."""
    lines = []
    waiting = {name: value for name, (_, value) in updates.items()}
    while waiting:
        free = next(
            (n for n in waiting if not any(n in v for m, v in waiting.items() if m != n)), None
        )
        if free is None:
            free = next(iter(waiting))
            symbol = updates[free][0].entering.args[0]
            spelled = symbol.spelled
            old = writer.carry([], symbol.name)
            lines.append(f"{old} = {spelled}")
            waiting = {m: v if m == free else v.replace(free, old) for m, v in waiting.items()}
        lines.append(f"{free} = {waiting.pop(free)}")
    return lines


def _write_stages(writer: Writer, node: LoopNode, attribute: str, sizes: list[str]) -> None:
    """A loop whose body is more than a chain: an instance of a class for each turn."""
    elements = [e.tensor for e in node.elements]
    outside = [t for t in _outside(node) if t.mask is None]
    lists = SizeLists(writer, node)
    taken = [*(c.entering for c in node.tensors), *elements, *outside]
    call = _only_call(node, taken)
    named: list[str] = []
    read: dict[int, str] = {}
    chain = chain_of_turn(node.body, taken, _results(node)) if call is None else None
    if chain is not None and not _unsaid(node, chain.links):
        modules = constructors(writer, chain)
        instance = modules[0] if len(modules) == 1 else Expr("nn.Sequential")(*modules)
        comments = [link.use.comment for link in chain.links if isinstance(link, LayerNode)]
        named = [line for comment in comments for line in comment.splitlines()]
        results = _results(node)
    elif call is None:
        instance, results, read = _stage(writer, node, attribute, taken)
    else:
        named = [size_line(writer, n) for n in node.body.nodes if isinstance(n, SizeNode)]
        instance, results = writer.instance(call), call.outputs
    asked = [] if call is None else [str(code(call.args[s])) for s in call.plan.asked]
    order = [*range(len(taken))] if call is None else [taken.index(t) for t in call.inputs]
    alone = len(node.tensors) == len(taken) == len(order) == 1
    alone = alone and not (node.lists or node.left or asked)
    container = "nn.Sequential()" if alone else "nn.ModuleList()"
    body = [*named, f"self.{attribute}.append({instance})"]
    start = [*sizes, *lists.start, f"self.{attribute} = {container}"]
    writer.block.add(node.order, [*start, *for_loop(writer, node, body, read, lists)])
    before = [writer.ordered(c.before, c.entering.layout) for c in node.tensors]
    for last in node.left:
        last.after.layout = last.leaving.layout
    for carried, leaving in zip(node.tensors, results, strict=False):
        carried.after.layout = leaving.layout
        if leaving.layout is not carried.entering.layout and leaving.rank > 2:
            raise RuleError("KT302", "a loop hands on a tensor in another order of axes")
    if alone:
        writer.assign(node.tensors[0].after, Expr(f"self.{attribute}")(before[0]), module=True)
        return
    for tensor in outside:  # every turn reads it
        writer.last_use[id(tensor)] = max(writer.last_use.get(id(tensor), -1), writer.step + 1)
    write_calls(writer, node, attribute, before, outside, order, asked)


def _only_call(node: LoopNode, taken: list[Tensor]) -> CallNode | None:
    """The call that a turn is, of a class that takes what a turn takes and gives what it gives; None for any other."""
    call, *others = [n for n in node.body.nodes if not isinstance(n, SizeNode)]
    if others or not isinstance(call, CallNode) or call.over or call.use.mode is not None:
        return None
    popped = [e.tensor for e in node.elements if e.pops]
    fits = {*map(id, call.inputs)} == {*map(id, taken)} and call.outputs == _results(node)
    fits = fits and all(call.inputs.count(tensor) == 1 for tensor in popped)
    pairs = zip(call.inputs, call.plan.inputs, strict=False)
    fits = fits and all(a.layout is b.layout for a, b in pairs)
    made_here = call.use.region is not None and call.use.region.home is node.body.home
    return call if fits and made_here and not _unsaid(node, [call]) else None


def _unsaid(node: LoopNode, nodes: list[Node]) -> bool:
    """Whether a size that the loop hands on is known in what the nodes are alone."""
    leaving = symbols_in(closed([size.leaving for size in node.sizes]))
    return bool(leaving & inner_symbols(nodes))


def _stage(
    writer: Writer, node: LoopNode, attribute: str, taken: list[Tensor]
) -> tuple[Expr, list[Tensor], dict[int, str]]:
    """An instance of a class for the body, what that gives, and how the sizes are read that only it knows."""
    plan = Plan(
        f"{writer.code.name}_stage", "loop", node.body, taken, line=node.line, file=node.file
    )
    plan.covered = writer.plan.frozen or writer.plan.covered
    plan.result = _results(node)
    plan.params = free_symbols(node.body.nodes)
    inner = inner_symbols(node.body.nodes)
    within: dict[int, str] = {}
    for i, size in enumerate(node.sizes):
        size.leaving = closed(size.leaving)
        if symbols_in(size.leaving) & inner:
            within[i] = size.entering.args[0].name
            plan.exposed[within[i]] = size.leaving
    made = writer.classes(plan)
    with writer.spelling(in_forward=False):
        given = {
            p.symbol.name: code(Sym.of(p.symbol))
            for p in plan.params
            if p.symbol.name in made.used_parameters
        }
    read = {i: f"self.{attribute}[-1].{made.exposed[name]}" for i, name in within.items()}
    return Expr(made.name)(**given), plan.result, read


def _results(node: LoopNode) -> list[Tensor]:
    """What a turn gives: what it hands on, what the last one leaves beside that, and what it adds to lists."""
    handed = [c.leaving for c in node.tensors]
    known = {id(t) for t in handed} | {id(c.entering) for c in node.tensors}
    others = [*(c.leaving for c in node.left), *(t for c in node.lists for t in c.leaving)]
    beside = {id(t): t for t in others if id(t) not in known}
    return handed + list(beside.values())


def _outside(node: LoopNode) -> list[Tensor]:
    """The tensors that the body reads and no turn changes."""
    inner = made_in(node.body.nodes) | {id(c.entering) for c in node.tensors}
    inner |= {id(e.tensor) for e in node.elements}
    found = {id(t): t for n in node.body.nodes for t in n.uses()}
    found |= {id(c.leaving): c.leaving for c in node.tensors}
    return [t for i, t in found.items() if i not in inner]
