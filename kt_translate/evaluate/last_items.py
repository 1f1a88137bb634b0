"""The last tensor of a list that a loop both fills and reads: ``features[-1]`` goes from turn to turn as a name does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import libcst as cst

from kt_translate.evaluate.state import NotGeneral, State
from kt_translate.evaluate.tensor_lists import Growing
from kt_translate.evaluate.values import Scope
from kt_translate.graph.tensor import Tensor
from kt_translate.source.walk import walk


def _place(name: str) -> str:
    """What stands among the names of the scope for it: nothing in the source is called so."""
    return f"{name}[-1]"


@contextmanager
def held(node: cst.For, scope: Scope) -> Iterator[None]:
    """Around a loop that is kept: the last tensors of the lists that it reads so are places of their own."""
    read = (_list_of(part) for part in walk(node.body))
    lists = {n: v for n in read if n and isinstance(v := scope.names.get(n), list)}
    places = {_place(n): v[-1] for n, v in lists.items() if v and isinstance(v[-1], Tensor)}
    own = places.keys() - scope.names.keys()  # not of a loop around it
    scope.names |= places
    try:
        yield
    finally:
        for place in own:
            scope.names.pop(place, None)


def _list_of(node: cst.CSTNode) -> str | None:
    """The name of the list of which the last item is read here."""
    if not isinstance(node, cst.Subscript) or not isinstance(node.value, cst.Name):
        return None
    index = node.slice[0].slice if len(node.slice) == 1 else None
    is_last = (
        isinstance(index, cst.Index)
        and isinstance(index.value, cst.UnaryOperation)
        and isinstance(index.value.operator, cst.Minus)
        and isinstance(index.value.expression, cst.Integer)
        and index.value.expression.value == "1"
    )
    return node.value.value if is_last else None


def read(value: Any, key: Any, node: cst.BaseExpression, scope: Scope) -> Tensor | None:
    """``features[-1]`` within the turn; None for all else."""
    if not isinstance(value, list) or not value or not isinstance(value[0], Growing) or key != -1:
        return None
    place = _place(node.value) if isinstance(node, cst.Name) else ""
    last = value[-1] if len(value) > 1 else scope.names.get(place)
    return last if isinstance(last, Tensor) and place in scope.names else None


def follow(state: State, names: dict[int, str]) -> None:
    """After a turn, let the places hold what it has put last into the lists."""
    for container, _ in state.containers_touched():
        place = _place(names.get(id(container), ""))
        for space in state.spaces[: state.named]:
            if place in space:
                if not isinstance(container, list) or not isinstance(container[-1], Tensor):
                    raise NotGeneral
                space[place] = container[-1]
