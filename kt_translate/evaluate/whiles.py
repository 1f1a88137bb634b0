"""``while`` loops. One that only counts is the ``for`` loop through the same numbers, which may be kept as a loop."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from kt_translate.evaluate import assumed, open_ends
from kt_translate.evaluate.entries import does_more
from kt_translate.evaluate.signals import MAX_TURNS, Break, Continue, LimitReached
from kt_translate.evaluate.values import Scope, opaque, plain
from kt_translate.graph.sym import Sym, known
from kt_translate.source.walk import bound_in, names_in, walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

UP = {cst.LessThan: 0, cst.LessThanEqual: 1}  # how far beyond the bound they go
DOWN = {cst.GreaterThan: 0, cst.GreaterThanEqual: 1}
SAID = (cst.Name, cst.Integer, cst.BinaryOperation, cst.Add, cst.Subtract, cst.Multiply)


def run(ev: Interpreter, node: cst.While, scope: Scope) -> None:
    node = ev.source.turns(node)
    counting = _counting(node)
    if counting is not None and _is_whole(ev, counting, scope):
        end = ev.evaluate(counting.end, scope)
        ev.statement(counting.loop, scope)
        ev.bind(counting.name, end, scope)
        return
    with open_ends.idle_at_last(ev, scope, node), open_ends.turns_unknown(ev, scope) as trial:
        trial.ended = _ends(ev, node, scope)
        if not trial.ended and trial.builds(ev):
            raise LimitReached(f"a loop was stopped after {MAX_TURNS} turns")


def _ends(ev: Interpreter, node: cst.While, scope: Scope) -> bool:
    """Run a ``while`` loop. False where it does not come to an end."""
    for _ in range(MAX_TURNS):
        test = ev.evaluate(node.test, scope)
        goes_on = ev.truth(test, "a while loop")
        if goes_on is None:
            if opaque(test) and open_ends.would_build(ev, scope, lambda: turn(ev, node, scope)):
                ev.note(
                    "KT102",
                    "the number of turns of this loop is not known, and a model grows in it",
                )
            assumed.take(ev, test, False)
        if not goes_on:
            return True
        try:
            turn(ev, node, scope)
        except Break:
            return True
    return False


def turn(ev: Interpreter, loop: open_ends.Loop, scope: Scope) -> None:
    """Run the body of a loop once."""
    ev.rest.append((None, scope))
    with suppress(Continue):
        try:
            ev.suite(loop.body, scope)
        finally:
            ev.rest.pop()
    if ev.trial is not None:
        ev.trial.turned(ev, loop)


# -- that count -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class _Counting:
    name: str
    loop: cst.For
    end: cst.BaseExpression  # what the name holds afterwards
    bound: cst.BaseExpression


def _is_whole(ev: Interpreter, counting: _Counting, scope: Scope) -> bool:
    """Whether it counts settings that are whole numbers. What is known is run as it stands."""
    try:
        values = [ev.lookup(counting.name, scope), ev.evaluate(counting.bound, scope)]
    except KeyError:
        return False
    whole = all((isinstance(v, Sym) or plain(v)) and type(known(v)) is int for v in values)
    return whole and any(isinstance(v, Sym) for v in values)


@lru_cache(maxsize=1024)
def _counting(node: cst.While) -> _Counting | None:
    """A loop that adds one to, or takes one from, what it compares, first or last in each turn."""
    test = node.test
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1 or node.orelse:
        return None
    sign, bound = type(test.comparisons[0].operator), test.comparisons[0].comparator
    steps, body = UP if sign in UP else DOWN, node.body.body
    if not isinstance(test.left, cst.Name) or sign not in steps or len(body) < 2:
        return None
    name, up = test.left.value, steps is UP
    first = _is_step(body[0], name, up)
    if not first and not _is_step(body[-1], name, up):
        return None
    others = node.body.with_changes(body=body[1:] if first else body[:-1])
    leaves = (cst.Break,) if first else (cst.Break, cst.Continue)
    if any(isinstance(n, leaves) for n in walk(others)) or not _is_said(bound, others, name):
        return None
    last = cst.Module([]).code_for_node(bound) + ("", " + 1" if up else " - 1")[steps[sign]]
    through = _range(name, last, up, first)
    loop = cst.For(test.left, through, others, leading_lines=node.leading_lines)
    end = cst.parse_expression(f"{'max' if up else 'min'}({name}, {last})")
    return _Counting(name, loop, end, bound)


def _range(name: str, last: str, up: bool, first: bool) -> cst.BaseExpression:
    """What the name is in each turn, whose first or last statement counts."""
    if up:
        through = f"range({name} + 1, {last} + 1)" if first else f"range({name}, {last})"
    elif first:
        through = f"reversed(range({'' if last == '0' else f'{last}, '}{name}))"
    else:
        through = f"range({name}, {last}, -1)"
    return cst.parse_expression(through)


def _is_step(statement: cst.CSTNode, name: str, up: bool) -> bool:
    """Whether a statement is ``name += 1``, or ``-= 1``."""
    small = statement.body if isinstance(statement, cst.SimpleStatementLine) else []
    if len(small) != 1 or not isinstance(small[0], cst.AugAssign):
        return False
    step, sign = small[0], cst.AddAssign if up else cst.SubtractAssign
    counts = isinstance(step.target, cst.Name) and step.target.value == name
    one = isinstance(step.value, cst.Integer) and step.value.value == "1"
    return counts and one and isinstance(step.operator, sign)


def _is_said(bound: cst.BaseExpression, body: cst.BaseSuite, name: str) -> bool:
    """Whether the bound is made of numbers and names to which the turns give no other value, nor to the one that counts."""
    if isinstance(bound, cst.Call):  # of a list that no turn changes
        listed = bound.args[0].value if len(bound.args) == 1 else None
        if not isinstance(listed, cst.Name) or not bound.func.deep_equals(cst.Name("len")):
            return False
        if does_more(body, listed.value):
            return False
    elif not all(isinstance(n, SAID) for n in walk(bound)):
        return False
    return not ({name} | names_in(bound)) & bound_in(body)
