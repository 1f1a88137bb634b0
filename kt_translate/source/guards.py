"""Turns that end early: what follows ``if last: ...; continue`` stands in its ``else``, which says the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import libcst as cst

Loop = TypeVar("Loop", cst.For, cst.While)
_PASS = cst.SimpleStatementLine([cst.Pass()])


def without_continue(loop: Loop, lines: dict[int, int]) -> Loop:
    """The loop without ``continue`` at the end of branches; itself where it has none, or where that has no such words.

    Args:
        loop: a loop of the source.
        lines: the line of every statement by its id, to which those of new ones are added.
    """
    if not isinstance(loop.body, cst.IndentedBlock):
        return loop
    body = _nested(loop.body.body, lines)
    if body is None:
        return loop
    made = loop.with_changes(body=loop.body.with_changes(body=body))
    lines[id(made)] = lines.get(id(loop), 0)
    return made


def _nested(statements: Sequence[Any], lines: dict[int, int]) -> list[Any] | None:
    """The statements with which a turn ends; None where they are as they were."""
    for at, statement in enumerate(statements):
        if _leaves(statement):
            return [*statements[:at]] or [_PASS]
        rest = statements[at + 1 :]
        if isinstance(statement, cst.If) and (not rest or any(map(_ends, _branches(statement)))):
            if rest and sum(not _ends(branch) for branch in _branches(statement)) > 1:
                return None
            made = _with_rest(statement, rest, lines)
            return None if made is statement else [*statements[:at], made]
    return None


def _with_rest(node: cst.If, rest: Sequence[Any], lines: dict[int, int]) -> cst.If:
    """The condition with what follows it in the branch that goes on."""

    def branch(block: Any) -> Any:
        if not isinstance(block, cst.IndentedBlock):
            return block
        whole = block.body if _ends(block.body) else [*block.body, *rest]
        body = _nested(whole, lines)
        if body is None and whole is block.body:
            return block
        return block.with_changes(body=whole if body is None else body)

    body, orelse = branch(node.body), node.orelse
    if isinstance(orelse, cst.If):
        orelse = _with_rest(orelse, rest, lines)
    elif orelse is not None:
        inner = branch(orelse.body)
        orelse = orelse if inner is orelse.body else orelse.with_changes(body=inner)
    elif rest:
        orelse = cst.Else(branch(cst.IndentedBlock([])))
    if body is node.body and orelse is node.orelse:
        return node
    made = node.with_changes(body=body, orelse=orelse)
    lines[id(made)] = lines.get(id(node), 0)
    return made


def _branches(node: cst.If) -> list[Sequence[Any]]:
    """The statements of each branch; none of an ``else`` that is left out."""
    first = node.body.body
    if isinstance(node.orelse, cst.If):
        return [first, *_branches(node.orelse)]
    return [first, () if node.orelse is None else node.orelse.body.body]


def _ends(statements: Sequence[Any]) -> bool:
    """Whether a turn ends with these."""
    return bool(statements) and _leaves(statements[-1])


def _leaves(statement: Any) -> bool:
    return (
        isinstance(statement, cst.SimpleStatementLine)
        and any(isinstance(small, cst.Continue) for small in statement.body[-1:])
        and len(statement.body) == 1
    )
