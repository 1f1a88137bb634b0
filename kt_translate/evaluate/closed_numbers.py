"""Numbers that a loop carries while it does nothing but make layers: ``start += depths[i]``.

Such a loop is run for a general turn, which no other comes before: so they are said by the turn's own number,
``start = start + sum(depths[:i])``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import libcst as cst

from kt_translate.source.walk import bound_in, names_in

SUMS = {cst.AddAssign: "+", cst.SubtractAssign: "-"}
POWERS = {cst.MultiplyAssign: "*", cst.FloorDivideAssign: "//"}


@lru_cache(maxsize=1024)
def closed(node: cst.For) -> tuple[cst.For, tuple[str, ...]]:
    """The loop with such numbers said so, and their names; the loop itself where there are none, or no words for one."""
    lines = list(node.body.body)
    steps: dict[int, Any] = {i: step for i, line in enumerate(lines) if (step := _step(line))}
    if not steps or node.orelse is not None:
        return node, ()
    counted, place, items = _counted(node)
    others = [line for i, line in enumerate(lines) if i not in steps]
    bound = names_in(node.target).union(*map(bound_in, others))
    start: list[Any] = []
    for i, step in steps.items():
        name = step.target.value
        said = _said(step, place, items, bound)
        if said is None or name in bound or any(name in names_in(line) for line in lines[i + 1 :]):
            return node, ()
        start.append(cst.parse_statement(f"{name} = {name} {said}"))
    names = tuple(step.target.value for step in steps.values())
    return counted.with_changes(body=node.body.with_changes(body=[*start, *others])), names


def _step(line: Any) -> cst.AugAssign | None:
    """``name += value``."""
    only = (
        line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None
    )
    if not isinstance(only, cst.AugAssign) or not isinstance(only.target, cst.Name):
        return None
    return only if type(only.operator) in SUMS or type(only.operator) in POWERS else None


def _counted(node: cst.For) -> tuple[cst.For, str, dict[str, str]]:
    """The loop with a number for its turns, that number's name, and what each other variable is an item of."""
    code = cst.Module([]).code_for_node
    target, through = node.target, node.iter
    if isinstance(target, cst.Name) and _called(through) == "range" and len(through.args) == 1:  # type: ignore[attr-defined]
        return node, target.value, {}
    if _called(through) == "enumerate" and len(through.args) == 1 and isinstance(target, cst.Tuple):  # type: ignore[attr-defined]
        place, items = (element.value for element in target.elements)
        if isinstance(place, cst.Name):
            return node, place.value, _items(items, through.args[0].value)  # type: ignore[attr-defined]
    name = "place"
    while name in names_in(node):
        name += "_"
    numbered = cst.Tuple([cst.Element(cst.Name(name)), cst.Element(target)])
    enumerated = cst.parse_expression(f"enumerate({code(through)})")
    return node.with_changes(target=numbered, iter=enumerated), name, _items(target, through)


def _called(node: cst.BaseExpression) -> str:
    """The name of the function that is called."""
    call = isinstance(node, cst.Call) and isinstance(node.func, cst.Name)
    return node.func.value if call else ""  # type: ignore[attr-defined]


def _items(target: cst.BaseExpression, through: cst.BaseExpression) -> dict[str, str]:
    """What each variable of a loop is an item of."""
    if isinstance(target, cst.Name):
        sliced = isinstance(through, (cst.Name, cst.Attribute, cst.Subscript))
        return {target.value: cst.Module([]).code_for_node(through)} if sliced else {}
    lists = through.args if _called(through) == "zip" else ()  # type: ignore[attr-defined]
    parts = target.elements if isinstance(target, cst.Tuple) else ()
    pairs = zip(parts, lists, strict=False)
    return {k: v for part, arg in pairs for k, v in _items(part.value, arg.value).items()}


def _said(
    step: cst.AugAssign, place: str, items: dict[str, str], bound: frozenset[str]
) -> str | None:
    """What is done to the number in all turns before; None where there are no words for it."""
    value, code = step.value, cst.Module([]).code_for_node
    if not names_in(value) & (bound | {step.target.value}):  # type: ignore[attr-defined]
        if type(step.operator) in SUMS:
            return f"{SUMS[type(step.operator)]} {place} * ({code(value)})"
        return f"{POWERS[type(step.operator)]} ({code(value)}) ** {place}"
    listed = items.get(value.value) if isinstance(value, cst.Name) else None
    if isinstance(value, cst.Subscript) and code(value).endswith(f"[{place}]"):
        listed = None if names_in(value.value) & bound else code(value.value)
    if listed is None or type(step.operator) not in SUMS:
        return None
    return f"{SUMS[type(step.operator)]} sum({listed}[:{place}])"
