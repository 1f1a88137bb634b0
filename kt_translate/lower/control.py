"""Writes the loops, conditions and checks that are kept: in ``__init__`` what is made, in ``forward`` what is done."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kt_translate.graph.nodes import (
    CallNode,
    Carried,
    CheckNode,
    IfNode,
    LoopNode,
    Plan,
    SizeNode,
)
from kt_translate.graph.region import Node
from kt_translate.graph.sym import Items, Sym, Symbol, closed, code, symbols_in
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.lower.blocks import indented
from kt_translate.lower.chains import Chain, append, chain_of, constructors, flat_chains
from kt_translate.lower.liveness import last_uses
from kt_translate.lower.symbols import free_symbols, inner_symbols
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.lower.modules import Modules
    from kt_translate.lower.writer import Writer


# -- conditions -----------------------------------------------------------------------------------


def attribute_of_if(node: IfNode) -> str | None:
    """The attribute of a condition that becomes one module; None where it stays a condition in ``forward``."""
    chains = flat_chains(node)
    if chains is None or of_mode(node):
        return None
    name = node.joined[0][0].name
    only = [link for chain in chains for link in chain.modules]
    if len(only) == 1 and isinstance(only[0], (CallNode,)):
        return only[0].use.kind
    return name if name not in (None, "x") else "optional"


def of_mode(node: IfNode) -> bool:
    """Whether the condition asks for training or evaluation: what its branches call is made in either."""
    return any(s.kind == "mode" for s in symbols_in(node.test))


def write_if(writer: Writer, node: IfNode) -> None:
    chains = flat_chains(node)
    if chains is not None and id(node.test) in writer.module_names:
        _write_optional(writer, node, *chains)
        return
    flag = code(node.test)
    then, orelse = writer.blocks[node.then.key], writer.blocks[node.orelse.key]
    bodies: list[list[str]] = []
    states: list[tuple[Any, Any]] = []
    outer, lines = writer.block, writer.code.body
    variables, owner, uses = dict(writer.variables), dict(writer.owner), writer.last_use
    for i, (region, block) in enumerate(((node.then, then), (node.orelse, orelse))):
        writer.block, writer.code.body = block, []
        writer.last_use = _uses_in(writer, node, i, uses)
        writer.variables, writer.owner = dict(variables), dict(owner)
        for inner in region.nodes:
            writer.node(inner)
        bodies.append(writer.code.body)
        states.append((writer.variables, writer.owner))
    writer.block, writer.code.body, writer.last_use = outer, lines, uses
    writer.step = writer.steps[id(node)]
    writer.owner = {**states[0][1], **states[1][1]}
    names = [_joined_name(writer, out, states) for out, _, _ in node.joined]
    for i, (body, (known, _)) in enumerate(zip(bodies, states, strict=True)):
        writer.variables = known
        ends = [str(writer.read(j[1 + i], j[0].layout)) for j in node.joined]
        moved = [(n, e) for n, e in zip(names, ends, strict=True) if n != e]
        if moved:
            body.append(f"{', '.join(n for n, _ in moved)} = {', '.join(e for _, e in moved)}")
    for known, _ in states:  # weights made in a branch are attributes: they can be read after it
        variables.update({i: v for i, v in known.items() if v[0].startswith("self.")})
    writer.variables = variables
    for (out, _, _), name in zip(node.joined, names, strict=True):
        writer.variables[id(out)] = (name, out.layout)
        writer.owner[name] = id(out)
    writer.code.body += conditional(flag, *bodies)
    if of_mode(node):
        outer.add(node.order, then.lines() + orelse.lines())
        return
    outer.add(node.order, conditional(writer.said(node.test), then.lines(), orelse.lines()))


def _uses_in(writer: Writer, node: IfNode, branch: int, uses: dict[int, int]) -> dict[int, int]:
    """The steps of last use as one branch sees them: what only the other one reads is of no use in it."""
    end = writer.steps[id(node)]
    region = (node.then, node.orelse)[branch]
    ends = [joined[1 + branch] for joined in node.joined]
    here, steps = last_uses(region.nodes, ends)
    offset = end
    if region.nodes:
        first = region.nodes[0]
        offset = writer.steps[id(first)] - steps[id(first)]
    return {i: step for i, step in uses.items() if step > end} | {
        i: step + offset for i, step in here.items() if uses.get(i, -1) <= end
    }


def _joined_name(writer: Writer, out: Tensor, states: list[tuple[Any, Any]]) -> str:
    """A variable for what a condition leaves, free after either branch."""
    before = writer.owner
    name = writer.free_name(out)
    for _, owner in states:
        writer.owner = owner
        if writer.free_name(out) != name and owner.get(name) not in {id(t) for t in (out,)}:
            writer.owner = before
            return writer.free_name(out)
    writer.owner = before
    return name


def conditional(test: Expr, then: list[str], orelse: list[str]) -> list[str]:
    if not then and not orelse:
        return []
    if not then:
        return [f"if {Expr.unary('not', test)}:", *indented(orelse)]
    lines = [f"if {test}:", *indented(then)]
    if not orelse:
        return lines
    alone = orelse[0].startswith("if ") and all(
        line.startswith((" ", "else:", "elif ")) for line in orelse[1:]
    )
    if alone:
        return [*lines, f"el{orelse[0]}", *orelse[1:]]
    return [*lines, "else:", *indented(orelse)]


def _write_optional(writer: Writer, node: IfNode, then: Chain, orelse: Chain) -> None:
    """A condition whose branches are chains from one tensor: one attribute, made in one of two ways."""
    out, source = node.joined[0][0], then.source
    attribute = writer.module_names[id(node.test)]

    def made(chain: Chain) -> list[str]:
        if any(isinstance(link, (IfNode, LoopNode)) for link in chain.modules):
            lines = append(writer, f"self.{attribute}", chain)
            return [f"self.{attribute} = nn.Sequential()", *lines]
        parts = constructors(writer, chain)
        sizes = [size_line(writer, size) for size in chain.sizes]
        if not parts:
            text = "nn.Identity()"
        else:
            text = str(parts[0]) if len(parts) == 1 else str(Expr("nn.Sequential")(*parts))
        return [*sizes, f"self.{attribute} = {text}"]

    test = writer.said(node.test)
    if then.modules and orelse.modules:
        lines = [f"if {test}:", *indented(made(then)), "else:", *indented(made(orelse))]
    else:
        wanted = test if then.modules else Expr.unary("not", test)
        lines = [f"self.{attribute}: nn.Module = nn.Identity()", f"if {wanted}:"]
        lines += indented(made(then if then.modules else orelse))
    writer.block.add(node.order, lines)
    writer.step = writer.steps[id(node)]
    writer.assign(out, Expr(f"self.{attribute}")(writer.read(source, out.layout)), module=True)


# -- loops ----------------------------------------------------------------------------------------


def attribute_of_loop(node: LoopNode) -> str:
    """The container that a loop fills."""
    if node.name is not None:
        return node.name
    last = next((n for n in reversed(node.body.nodes) if isinstance(n, (CallNode, LoopNode))), None)
    if isinstance(last, LoopNode):
        return attribute_of_loop(last)
    if last is not None and chain_of(node.body.nodes, node.tensors) is not None:
        return f"{last.use.kind}s"
    return "stages" if node.tensors else "sizes"


def write_loop(writer: Writer, node: LoopNode) -> None:
    """A Sequential where the body is a chain, else a ModuleList of instances of the body's class."""
    sizes = carry_sizes(writer, node)
    if not node.body.nodes:
        writer.block.add(node.order, sizes + for_loop(writer, node, []))
        return
    attribute = writer.module_names[id(node.body.key)]
    chain = chain_of(node.body.nodes, node.tensors)
    if chain is not None:
        lines = for_loop(writer, node, append(writer, f"self.{attribute}", chain))
        writer.block.add(node.order, [*sizes, f"self.{attribute} = nn.Sequential()", *lines])
        carried = node.tensors[0]
        writer.assign(
            carried.after,
            Expr(f"self.{attribute}")(writer.read(carried.before, carried.entering.layout)),
            True,
        )
        return
    _write_stages(writer, node, attribute, sizes)


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
    writer: Modules, node: LoopNode, body: list[str], read: dict[int, str] | None = None
) -> list[str]:
    """The loop in ``__init__`` around ``body``, with the sizes handed on. ``read``: how some of them are read."""
    with writer.spelling(in_forward=False):
        updates = {
            str(size.entering): (size, (read or {}).get(i) or str(writer.said(size.leaving)))
            for i, size in enumerate(node.sizes)
        }
        inner = body + _one_by_one(writer, updates)
        used = set(re.findall(r"\w+", "\n".join(inner)))
        targets, iterable = node.targets, node.iterable
        counted = isinstance(iterable, Items) and iterable.function == "enumerate"
        pair = isinstance(targets, tuple) and len(iterable.args) == 1 if counted else False
        if pair and not _names(targets[0]) & used:
            targets, iterable = targets[1], iterable.args[0]
        head = f"for {_target(targets, used)} in {code(iterable)}:"
        return [*node.comment.splitlines(), head, *indented(inner)]


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


def _names(targets: Any) -> set[str]:
    if isinstance(targets, Symbol):
        return {targets.name}
    return {name for t in targets for name in _names(t)}


def _target(targets: Any, used: set[str]) -> str:
    """Loop variables as text; those that nothing reads start with an underscore, as linters ask."""
    if isinstance(targets, Symbol):
        return (
            targets.name
            if targets.name in used or targets.name.startswith("_")
            else f"_{targets.name}"
        )
    return ", ".join(
        f"({_target(t, used)})" if isinstance(t, tuple) else _target(t, used) for t in targets
    )


def _write_stages(writer: Writer, node: LoopNode, attribute: str, sizes: list[str]) -> None:
    """A loop whose body is more than a chain: a class for the body, an instance of it for each turn."""
    entering = [c.entering for c in node.tensors]
    outside = [t for t in _outside(node) if t.mask is None]
    plan = Plan(
        f"{writer.code.name}_stage",
        "loop",
        node.body,
        [*entering, *outside],
        line=node.line,
        file=node.file,
    )
    plan.covered = writer.plan.frozen or writer.plan.covered
    plan.result = [c.leaving for c in node.tensors]
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
        instance = Expr(made.name)(**given)
    alone = len(entering) == 1 and not outside
    container = "nn.Sequential()" if alone else "nn.ModuleList()"
    body = [f"self.{attribute}.append({instance})"]
    read = {i: f"self.{attribute}[-1].{made.exposed[name]}" for i, name in within.items()}
    writer.block.add(
        node.order, [*sizes, f"self.{attribute} = {container}", *for_loop(writer, node, body, read)]
    )
    before = [writer.read(c.before, c.entering.layout) for c in node.tensors]
    for carried, inner in zip(node.tensors, plan.result, strict=True):
        carried.after.layout = inner.layout
        if inner.layout is not carried.entering.layout and inner.rank > 2:
            raise RuleError("KT302", "a loop hands on a tensor in another order of axes")
    if alone:
        writer.assign(node.tensors[0].after, Expr(f"self.{attribute}")(before[0]), module=True)
        return
    for tensor in outside:  # every turn reads it
        writer.last_use[id(tensor)] = max(writer.last_use.get(id(tensor), -1), writer.step + 1)
    names = [writer.variable(c.after) for c in node.tensors]
    shown = ", ".join(names)
    starts = ", ".join(map(str, before))
    if starts != shown:
        writer.code.body.append(f"{shown} = {starts}")
    more = ", ".join(str(writer.read(t, t.layout)) for t in outside)
    call = f"stage({shown}{', ' + more if more else ''})"
    writer.code.body += [f"for stage in self.{attribute}:", f"    {shown} = {call}"]


def _outside(node: LoopNode) -> list[Tensor]:
    """The tensors that the body reads and no turn changes."""
    inner = _made_in(node.body.nodes) | {id(c.entering) for c in node.tensors}
    found = {id(t): t for n in node.body.nodes for t in n.uses()}
    found |= {id(c.leaving): c.leaving for c in node.tensors}
    return [t for i, t in found.items() if i not in inner]


def _made_in(nodes: list[Node]) -> set[int]:
    made = {id(t) for node in nodes for t in node.outputs}
    for node in nodes:
        if isinstance(node, IfNode):
            made |= _made_in(node.then.nodes) | _made_in(node.orelse.nodes)
        elif isinstance(node, LoopNode):
            made |= _made_in(node.body.nodes) | {id(c.entering) for c in node.tensors}
    return made


# -- names of settings ---------------------------------------------------------------------------


def write_size(writer: Writer, node: SizeNode) -> None:
    """``channels = 2 * filters``; left out in the end where nothing reads it."""
    writer.block.add(node.order, [size_line(writer, node)])


def size_line(writer: Modules, node: SizeNode) -> str:
    value = writer.said(node.symbol.origin)
    return f"{writer.carry([node.symbol], node.symbol.name.rstrip('_') or '_')} = {value}"


# -- checks ---------------------------------------------------------------------------------------


def write_check(writer: Writer, node: CheckNode) -> None:
    """A check of settings, where the class can say it; the loader and the caller need no other."""
    known = {p.symbol for p in writer.plan.params}
    if {s for s in symbols_in(node.test) if s.kind != "local"} <= known:
        raised = re.match(r"[A-Za-z]+", node.raises)
        kind = raised[0] if raised and raised[0].endswith(("Error", "Exception")) else "ValueError"
        test = writer.said(node.test)
        message = f"not supported: {test}"
        writer.block.add(node.order, [f"if {test}:", f"    raise {kind}({message!r})"])
