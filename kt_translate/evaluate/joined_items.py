"""What a list that a loop fills is when its turns join it: ``features.append(y); x = Concatenate()(features)``.

All that is in the list, joined, goes from turn to turn as a name does: a turn joins to it what it adds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import calls, merging
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.tensor_lists import Growing, Joined
from kt_translate.evaluate.values import Scope
from kt_translate.graph.lists import Some, TensorList
from kt_translate.graph.sym import same
from kt_translate.graph.tensor import Tensor
from kt_translate.source.walk import walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def _place(name: str | None) -> str:
    """What stands among the names of the scope for it: nothing in the source is called so."""
    return f"{name}[:]"


@contextmanager
def held(node: cst.For, scope: Scope) -> Iterator[None]:
    """Around a loop that is kept: lists of one tensor that its turns hand to something have such a place."""
    handed = {
        part.args[0].value.value
        for part in walk(node.body)
        if isinstance(part, cst.Call) and part.args and isinstance(part.args[0].value, cst.Name)
    }
    lists = {n: v for n in handed if isinstance(v := scope.names.get(n), list) and len(v) == 1}
    places = {_place(n): v[0] for n, v in lists.items() if type(v[0]) is Tensor}
    own = places.keys() - scope.names.keys()  # not of a loop around it
    scope.names |= places
    try:
        yield
        for name, listed in lists.items():
            if (after := _after(listed)) is not None:
                after.joined = scope.names.get(_place(name))
    finally:
        for place in own:
            scope.names.pop(place, None)


@dataclass
class How:
    """What joins the tensors of a list."""

    function: Any
    args: list[Any]
    kwargs: dict[str, Any]

    def __call__(self, ev: Interpreter, tensors: list[Any]) -> Any:
        if not all(type(t) is Tensor for t in tensors):
            raise NotGeneral
        return calls.call(ev, self.function, [tensors, *self.args], self.kwargs, None, None)

    def agrees(self, other: How) -> bool:
        axes = [getattr(getattr(how.function, "rule", None), "axis", None) for how in (self, other)]
        return same(axes[0], axes[1]) and same([self.args, self.kwargs], [other.args, other.kwargs])


def joined(ev: Interpreter, function: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``Concatenate()(features)`` within the turn, or after the loop; None for all else."""
    listed = args[0] if args else None
    if not isinstance(listed, list) or not listed:
        return None
    first, how = listed[0], How(function, args[1:], kwargs)
    if merging.kind_of(function) != "concatenate":
        return None
    if (after := _after(listed)) is not None and after.how is not None:
        if not after.how.agrees(how):
            return None
        return after.joined if len(listed) == 1 else how(ev, [after.joined, *listed[1:]])
    if not isinstance(first, Growing) or _place(first.name) not in first.names:
        return None
    if first.how is not None and not first.how.agrees(how):
        raise NotGeneral
    first.how = how
    return _catch_up(ev, listed)


def _after(listed: list[Any]) -> TensorList | Joined | None:
    """What stands in such a list for all that the loop has put into it."""
    first = listed[0] if listed else None
    if isinstance(first, Some):
        return first.tensors if first.is_the_list else None
    return first if isinstance(first, Joined) else None


def _catch_up(ev: Interpreter, listed: list[Any]) -> Tensor:
    """Join what the turn has added since."""
    growing, added = listed[0], listed[1 + listed[0].joined :]
    names, place = growing.names, _place(growing.name)
    if added:
        names[place] = growing.how(ev, [names[place], *added])
        growing.joined = len(listed) - 1
    return names[place]  # type: ignore[no-any-return]


def run(ev: Interpreter, body: Any, scope: Scope) -> None:
    """Run a turn, and let what it has joined be all that it has added."""
    ev.suite(body, scope)
    for name, listed in list(scope.names.items()):
        first = listed[0] if isinstance(listed, list) and listed else None
        if isinstance(first, Growing) and first.name == name and first.how is not None:
            _catch_up(ev, listed)
