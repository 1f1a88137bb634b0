"""Writes the loops that make nothing: loops of ``forward``, each turn of which reads what the last one left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kt_translate.graph.nodes import Carried, LoopNode, SizeNode
from kt_translate.graph.sym import code
from kt_translate.graph.tensor import Tensor
from kt_translate.graph.terms import expand
from kt_translate.lower import held
from kt_translate.lower.blocks import indented
from kt_translate.lower.headings import heading
from kt_translate.lower.lists import adds, open_list
from kt_translate.lower.symbols import symbols_of

if TYPE_CHECKING:
    from kt_translate.lower.writer import Writer


def write_turns(writer: Writer, node: LoopNode) -> None:
    head = held.make_lists(writer, node) if node.held else ""
    writer.step = writer.steps[id(node.body)]
    before = [str(writer.ordered(c.before, c.entering.layout)) for c in node.tensors]
    names = []
    for carried in node.tensors:
        names.append(writer.variable(carried.after))
        writer.owner[names[-1]] = id(carried.entering)
        writer.variables[id(carried.entering)] = (names[-1], carried.entering.layout)
    _moved(writer.code.body, names, before)
    for collected in node.lists:
        open_list(writer, writer.code.body, collected.before, collected.after)
    if not node.held:
        _bind(writer, node)
    lines, writer.code.body = writer.code.body, []
    waiting = [list(c.leaving) for c in node.lists]
    for inner in node.body.nodes:
        _add(writer, node, waiting)
        if isinstance(inner, SizeNode):
            _say(writer, inner)
        else:
            writer.node(inner)
    _add(writer, node, waiting)
    body, writer.code.body = writer.code.body, lines
    writer.step = writer.steps[id(node)]
    leaving = [str(writer.ordered(c.leaving, c.entering.layout)) for c in node.tensors]
    if node.held:
        head = held.numbered(writer, node, head, body)
    sizes = [] if node.held else _sizes(node, body)
    _moved(lines, [str(s.entering) for s in sizes], [str(code(s.before)) for s in sizes])
    handed = [str(code(expand(s.leaving))) for s in sizes]
    _moved(body, [*names, *(str(s.entering) for s in sizes)], [*leaving, *handed])
    used = set(re.findall(r"\w+", "\n".join(body)))
    if not head:
        target, through = heading(node.targets, node.iterable, used)
        head = f"for {target} in {through}:"
    lines += [*node.comment.splitlines(), head, *indented(body)]
    for carried, name in zip(node.tensors, names, strict=True):
        writer.variables[id(carried.after)] = (name, carried.entering.layout)
        writer.owner[name] = id(carried.after)
    for last in node.left:
        name, layout = writer.variables[id(last.leaving)]
        writer.variables[id(last.after)] = (name, layout)
        writer.owner[name] = id(last.after)


def _sizes(node: LoopNode, body: list[str]) -> list[Carried]:
    """The numbers that the turns hand on, as far as they are read."""
    text = "\n".join(body)
    found: list[Carried] = []
    while True:
        words = set(re.findall(r"\w+", "\n".join([text, *(str(code(s.leaving)) for s in found)])))
        read = [s for s in node.sizes if str(s.entering) in words]
        if len(read) == len(found):
            return found
        found = read


def _say(writer: Writer, node: SizeNode) -> None:
    """A number that the source has a name for: it is said where it is read."""
    writer.carried.append((node.symbol, node.symbol.spelled))
    said = str(code(node.symbol.origin))
    node.symbol.spelled = said if re.fullmatch(r"[\w.]+", said) else f"({said})"


def _add(writer: Writer, node: LoopNode, waiting: list[list[Tensor]]) -> None:
    """Let the lists take what waits for them, as far as it is there."""
    for collected, tensors in zip(node.lists, waiting, strict=True):
        into = writer.variables[id(collected.after)][0]
        while tensors and id(tensors[0]) in writer.variables:
            read = writer.ordered(tensors.pop(0), collected.after.layout)
            writer.code.body += adds(into, str(read), None)


def _moved(lines: list[str], names: list[str], values: list[str]) -> None:
    """Let variables hold what others do, all at once."""
    pairs = [(n, v) for n, v in zip(names, values, strict=True) if n != v]
    if pairs:
        lines.append(f"{', '.join(n for n, _ in pairs)} = {', '.join(v for _, v in pairs)}")


def _bind(writer: Writer, node: LoopNode) -> None:
    """Keep the names of the loop's numbers for them; one that a tensor has is numbered."""
    for symbol in (*symbols_of(node.targets), *(s.entering.args[0] for s in node.sizes)):
        name = writer.free(symbol.name)
        if name != symbol.name:
            writer.carried.append((symbol, symbol.spelled))
            symbol.spelled = name
        writer.owner[name] = id(symbol)
        writer.last_use[id(symbol)] = writer.steps[id(node)]
