"""Loops that do nothing but make layers and append them to lists: these are what comprehensions would make of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import assumed, layer_lists, tensor_lists
from kt_translate.evaluate.later import read_later
from kt_translate.evaluate.layer_lists import Flat, LayerList
from kt_translate.evaluate.values import Scope
from kt_translate.source.walk import Named, names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


@dataclass(frozen=True)
class Filled:
    """A list that each turn of a loop appends to."""

    owner: Any
    items: list[Any]
    before: tuple[Any, ...]  # the statements that make the items
    in_row: bool = False  # whether the item is a row of all that a turn appends


@lru_cache(maxsize=1024)
def lists_of(
    node: cst.For, method: str, closed: tuple[str, ...] = ()
) -> tuple[list[Filled], list[str]]:
    """What the loop's statements append or add to, and the names that they give on the way; nothing for any other loop.

    ``closed``: names that each turn makes of what they were before the loop.
    """
    found: dict[str, tuple[Any, list[Any]]] = {}
    before: list[tuple[str, Any]] = []
    read: frozenset[str] = frozenset()
    for line in node.body.body:
        if isinstance(line, cst.For):
            name = _filled_within(line)
            if name not in dict(before):
                return [], []
            before.append((name, line))
            continue
        small = line.body if isinstance(line, cst.SimpleStatementLine) else []
        only = small[0] if len(small) == 1 else None
        call = only.value if isinstance(only, cst.Expr) else None
        if isinstance(only, cst.Assign):
            targets = [t.target.value for t in only.targets if isinstance(t.target, cst.Name)]
            read |= names_in(only.value) - set(closed)
            if len(only.targets) > 1 or not targets or targets[0] in read:
                return [], []
            before.append((targets[0], line))
        elif not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
            return [], []
        elif call.func.attr.value == method and len(call.args) == 1:
            item = call.args[0].value
            if not isinstance(item, (*layer_lists.MAKING, cst.Name)):
                return [], []
            owner = call.func.value
            found.setdefault(cst.Module([]).code_for_node(owner), (owner, []))[1].append(item)
        else:
            of = call.func.value
            name = of.value if isinstance(of, cst.Name) else ""
            if call.func.attr.value != "build" or name not in dict(before):
                return [], []
            before.append((name, line))
    added = {n.value for _, items in found.values() for n in items if isinstance(n, cst.Name)}
    if method == "add" and not dict(before).keys() <= added:  # the first turn may be another one
        return [], []
    return _apart(list(found.values()), before), list(dict(before))


def _filled_within(node: cst.For) -> str:
    """The name of the one list that a loop within the loop does nothing but fill."""
    lists = lists_of(node, "append")[0] or rows_of(node)[0]
    owner = lists[0].owner if len(lists) == 1 else None
    return owner.value if isinstance(owner, cst.Name) else ""


def _apart(lists: list[tuple[Any, list[Any]]], before: list[tuple[str, Any]]) -> list[Filled]:
    """Each list with the statements that it takes; none where a layer goes to two of them."""
    filled = []
    of_others: set[str] = set()
    code = cst.Module([]).code_for_node
    if any(code(owner) in code(line) for owner, _ in lists for _, line in before):
        return []
    for owner, items in lists:
        needed = {name for item in items for name in names_in(item)}
        own: list[Any] = []
        for name, line in reversed(before):
            if name in needed:
                needed |= names_in(line)
                own.insert(0, line)
        made = needed & {name for name, _ in before}
        if made & of_others or not all(_is_made(item, dict(before)) for item in items):
            return []
        of_others |= made
        filled.append(Filled(owner, items, tuple(own)))
    return filled


def _is_made(item: Any, before: dict[str, Any]) -> bool:
    return not isinstance(item, cst.Name) or item.value in before


def may_stay(ev: Interpreter, node: cst.For, names: list[str], scope: Scope) -> bool:
    """Whether nothing is known to ask for what the last turn leaves in names."""
    if not names:
        return True
    read = not ev.guards and any(read_later(ev, name) for name in names)
    return not read and assumed.keeps(ev, node, scope)


def leave(ev: Interpreter, node: cst.For, names: list[str], scope: Scope) -> None:
    """Bind the names of a turn to what the last one leaves: whoever reads them has the loop unrolled."""
    for name in names:
        left = tensor_lists.left_by_last(ev, "what the last turn of a loop leaves", node)
        ev.bind(name, left, scope)


def layers_of(ev: Interpreter, node: cst.For, one: Filled, scope: Scope) -> LayerList | None:
    clause = cst.CompFor(node.target, node.iter)
    if len(one.items) == 1 and not one.in_row:
        return layer_lists.comprehended(ev, cst.ListComp(one.items[0], clause), scope, one.before)
    row = one.items[0] if one.in_row else cst.Tuple([cst.Element(item) for item in one.items])
    rows = layer_lists.comprehended(ev, cst.ListComp(row, clause), scope, one.before)
    return None if rows is None else Flat(rows)


# -- loops of which conditions say what they append -------------------------------------------------


@lru_cache(maxsize=1024)
def rows_of(node: cst.For) -> tuple[list[Filled], list[str]]:
    """The one list to which a loop's statements append, some of them on conditions; nothing for any other loop."""
    body = _Body()
    if not body.reads(node.body) or len(body.owners) != 1:
        return [], []
    owner = next(iter(body.owners.values()))
    row = owner.value if isinstance(owner, cst.Name) else owner.attr.value
    if not isinstance(owner, cst.Name) and row in names_in(node):
        return [], []
    start = cst.parse_statement(f"{row} = []")
    named = {id(part): row for part in walk(node.body) if part.deep_equals(owner)}
    within = node.body.visit(Named(named))
    filled = Filled(owner, [cst.Name(row)], (start, *within.body), in_row=True)  # type: ignore[union-attr]
    return [filled], body.bound


class _Body:
    """What is known of the statements of such a loop that have been gone through."""

    def __init__(self) -> None:
        self.owners: dict[str, Any] = {}
        self.bound: list[str] = []
        self.read: set[str] = set()

    def reads(self, suite: Any) -> bool:
        """Go through a suite; whether it does nothing but make layers and append them."""
        return all(self._statement(line) for line in suite.body)

    def _statement(self, line: Any) -> bool:
        if isinstance(line, cst.SimpleStatementLine):
            return all(map(self._small, line.body))
        if isinstance(line, (cst.With, cst.Else)):
            return self.reads(line.body)
        if not isinstance(line, cst.If):
            return False
        self.read |= names_in(line.test)
        bound = len(self.bound)
        inner = self.reads(line.body) and (line.orelse is None or self._statement(line.orelse))
        return inner and len(self.bound) == bound  # a name may have no value else

    def _small(self, node: Any) -> bool:
        if isinstance(node, cst.Pass):
            return True
        if isinstance(node, cst.Assign):
            self.read |= names_in(node.value)
            target = node.targets[0].target
            if (
                len(node.targets) > 1
                or not isinstance(target, cst.Name)
                or target.value in self.read
            ):
                return False
            self.bound.append(target.value)
            return True
        if isinstance(node, cst.AugAssign):
            items = node.value.elements if isinstance(node.value, cst.List) else []
            return bool(items) and self._grows(node.target, [e.value for e in items])
        call = node.value if isinstance(node, cst.Expr) else None
        if not isinstance(call, cst.Call) or not isinstance(call.func, cst.Attribute):
            return isinstance(call, cst.SimpleString)
        method = call.func.attr.value
        if method not in ("append", "extend") or len(call.args) != 1:
            return False
        return self._grows(call.func.value, [call.args[0].value])

    def _grows(self, owner: Any, added: list[Any]) -> bool:
        for item in added:
            self.read |= names_in(item)
        self.owners[cst.Module([]).code_for_node(owner)] = owner
        return isinstance(owner, (cst.Name, cst.Attribute)) and all(map(_may_be_layer, added))


def _may_be_layer(node: Any) -> bool:
    """Whether the expression may give a layer, or some of them; what a layer is called with gives a tensor."""
    called = isinstance(node, cst.Call) and isinstance(node.func, cst.Call)
    return isinstance(node, (*layer_lists.MAKING, cst.Name)) and not called
