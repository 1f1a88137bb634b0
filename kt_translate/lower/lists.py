"""Loops that fill lists of tensors and take from them: lists of sizes in ``__init__``, of tensors in ``forward``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kt_translate.graph.lists import TensorList, singular
from kt_translate.graph.nodes import LoopNode
from kt_translate.graph.sym import Symbol, code, same, symbols_in
from kt_translate.graph.tensor import Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.lower.headings import in_order, turning
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.lower.modules import Modules
    from kt_translate.lower.writer import Writer


class SizeLists:
    """In ``__init__``, the sizes of the tensors that a loop adds to lists and takes from them."""

    def __init__(self, writer: Modules, node: LoopNode) -> None:
        self.start: list[str] = []  # statements before the loop
        for collected in node.lists:
            for axis, (before, _) in collected.sizes.items():
                symbol = collected.after.sizes[axis]
                said = [str(writer.said(d)) for d in before]
                made = writer.carry([symbol], f"{symbol.name}")
                if any(isinstance(t, TensorList) for t in collected.before):
                    self.start.append(f"{made} = {said[0]}")
                else:
                    kind = "" if said else ": list[int]"
                    self.start.append(f"{made}{kind} = [{', '.join(said)}]")
        self.rest: dict[Symbol, str] = (
            {}
        )  # where a turn takes the last of a copy: what is left of it
        for element in node.elements:
            for axis, symbol in element.sizes.items():
                writer.carry([symbol], symbol.name)
                if element.pops and not element.source.is_the_list:
                    made = writer.carry([], element.source.tensors.sizes[axis].name)
                    self.start.append(f"{made} = {code(element.source.along(axis))}")
                    self.rest[symbol] = made

    def within(
        self, writer: Modules, node: LoopNode, body: list[str], handed: list[str]
    ) -> list[str]:
        """The statements of the loop: ``handed`` sets the sizes for the next turn."""
        taken: dict[str, str] = {}
        for element in node.elements:
            for axis, symbol in element.sizes.items():
                rest = self.rest.get(symbol)
                sizes = code(element.source.along(axis)) if rest is None else Expr(rest)
                if element.pops:
                    taken[symbol.spelled] = str(sizes.pop())
                elif element.key is not None:
                    taken[symbol.spelled] = str(sizes[code(element.key)])
        early: list[str] = []
        late: list[str] = []
        for collected in node.lists:
            for axis, (_, leaving) in collected.sizes.items():
                name = collected.after.sizes[axis].spelled
                for dim, test in zip(leaving, collected.tests, strict=True):
                    carried = next((c for c in node.sizes if same(c.leaving, dim)), None)
                    size = writer.said(dim) if carried is None else carried.entering
                    said = None if test is None else writer.said(test)
                    (early if carried is None else late).extend(adds(name, str(size), said))
        lines = [*body, *early, *handed, *late]
        for name, size in taken.items():
            uses = "\n".join(lines).count(name)
            if uses == 1:
                lines = [line.replace(name, size) for line in lines]
            elif uses:
                lines.insert(0, f"{name} = {size}")
        return lines


def write_calls(
    writer: Writer,
    node: LoopNode,
    attribute: str,
    before: list[Expr],
    outside: list[Tensor],
    order: list[int],
    sizes: list[str],
) -> None:
    """The turns in ``forward``; ``order``: which of its tensors a turn is handed where, ``sizes``: what beside them."""
    lines = writer.code.body
    opened = len(lines)
    for collected in node.lists:
        open_list(writer, lines, collected.before, collected.after)
    names = [writer.variable(c.after) for c in node.tensors]
    starts = [(n, str(b)) for n, b in zip(names, before, strict=True) if n != str(b)]
    if starts:
        lines.append(f"{', '.join(n for n, _ in starts)} = {', '.join(b for _, b in starts)}")
    taken = set(names)
    stage = _fresh(writer, singular(attribute) if attribute.endswith("s") else "stage", taken)
    zipped: list[tuple[str, Expr]] = []
    arguments: list[str] = list(names)
    wanted: set[Symbol] = set()
    for element in node.elements:
        view = in_order(element, node.targets, node.iterable)
        tensors = writer.read(element.source.tensors, element.source.tensors.layout)
        if view is not None:
            name = _fresh(writer, element.tensor.name, taken)
            zipped.append((name, view.gone_through(tensors)))
            arguments.append(name)
        elif element.pops:
            if not element.source.is_the_list:
                rest = _fresh(writer, element.source.tensors.name, taken)
                lines.append(f"{rest} = {element.source.said(tensors)}")
                tensors = Expr(rest)
            arguments.append(str(tensors.pop()))
        else:
            wanted |= symbols_in(element.key)
            arguments.append(str(element.source.said(tensors)[code(element.key)]))
    wanted |= {s for c in node.lists for test in c.tests for s in symbols_in(test)}
    numbers = turning(node.targets, node.iterable, frozenset(wanted))
    arguments += [str(writer.read(t, t.layout)) for t in outside]
    arguments = [*(arguments[place] for place in order), *sizes]
    head = _head([(stage, Expr(f"self.{attribute}")), *zipped], numbers)
    call = f"{stage}({', '.join(arguments)})"
    inner = _turn(writer, node, names, taken, call)
    empty = (
        re.fullmatch(r"(\w+): list\[Tensor\] = \[\]", lines[-1])
        if len(lines) == opened + 1
        else None
    )
    if empty and inner == [f"{empty[1]}.append({call})"]:
        lines[-1] = f"{empty[1]} = [{call} {head[:-1]}]"
        return
    lines += [head, *(f"    {line}" for line in inner)]


def open_list(writer: Writer, lines: list[str], before: list[Tensor], after: TensorList) -> None:
    """The list, as it is before the loop."""
    if before and isinstance(before[0], TensorList):
        writer.variables[id(after)] = writer.variables[id(before[0])]
        writer.owner[writer.variables[id(after)][0]] = id(after)
        return
    start = ", ".join(str(writer.read(t, after.layout)) for t in before)
    after.name = after.name or "tensors"
    name = writer.variable(after)
    lines.append(f"{name}: list[Tensor] = []" if not start else f"{name} = [{start}]")


def _head(zipped: list[tuple[str, Expr]], numbers: list[tuple[str, Expr | None]]) -> str:
    counter = next((n for n, through in numbers if through is None), None)
    parts = zipped + [(n, through) for n, through in numbers if through is not None]
    target = ", ".join(f"({n})" if "," in n else n for n, _ in parts)
    through = parts[0][1] if len(parts) == 1 else Expr("zip")(*(e for _, e in parts))
    if counter is not None:
        target = f"{counter}, {f'({target})' if len(parts) > 1 else target}"
        through = Expr("enumerate")(through)
    return f"for {target} in {through}:"


def _turn(
    writer: Writer, node: LoopNode, names: list[str], taken: set[str], call: str
) -> list[str]:
    """One turn: lists take what enters it, the stage is called, lists take what it gives."""
    entering = {id(c.entering): n for c, n in zip(node.tensors, names, strict=True)}
    leaving = {id(c.leaving): n for c, n in zip(node.tensors, names, strict=True)}
    results = list(names)
    for last in node.left:
        if id(last.leaving) not in leaving:
            leaving[id(last.leaving)] = writer.variable(last.after)
            results.append(leaving[id(last.leaving)])
        writer.variables[id(last.after)] = (leaving[id(last.leaving)], last.after.layout)
        taken.add(leaving[id(last.leaving)])
    early: list[str] = []
    late: list[str] = []
    added = [(c.after, *t) for c in node.lists for t in zip(c.leaving, c.tests, strict=True)]
    for after, tensor, test in added:
        said = None if test is None else code(test)
        if tensor.layout is not after.layout and tensor.rank > 2:
            raise RuleError("KT302", "a list takes tensors with different orders of axes")
        into = writer.variables[id(after)][0]
        name = entering.get(id(tensor))
        if name is not None and id(tensor) not in leaving:
            early += adds(into, name, said)
            continue
        if id(tensor) not in leaving:
            own = tensor.name not in taken and tensor.name is not None
            name = tensor.name if own else singular(after.name)
            leaving[id(tensor)] = _fresh(writer, name, taken)
            results.append(leaving[id(tensor)])
        late += adds(into, leaving[id(tensor)], said)
    if not names and len(results) == 1 and len(late) == 1:
        return [*early, late[0].replace(f"({results[0]})", f"({call})")]
    return [*early, f"{', '.join(results)} = {call}", *late]


def adds(into: str, what: str, test: Expr | None) -> list[str]:
    """The statements that add something to a list, if ``test`` holds."""
    add = f"{into}.append({what})"
    return [add] if test is None else [f"if {test}:", f"    {add}"]


def _fresh(writer: Writer, name: str | None, taken: set[str]) -> str:
    """A variable of one turn."""
    base, n = name or "y", 1
    candidate = base
    while (
        candidate in taken or writer.last_use.get(writer.owner.get(candidate, 0), -1) >= writer.step
    ):
        n += 1
        candidate = f"{base}_{n}"
    taken.add(candidate)
    return candidate
