"""Sums of tensors that a loop begins from nothing: ``total = 0`` and ``total = total + x`` in its turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.state import NotGeneral, Place, named_at
from kt_translate.evaluate.values import Scope
from kt_translate.graph.region import derived
from kt_translate.graph.sym import symbols_in
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.source.walk import walk

if TYPE_CHECKING:
    from kt_translate.evaluate.loops import _General


class FromZero(NotGeneral):
    """A name holds 0 before the loop, and a tensor that is added to it after each turn."""

    def __init__(self, name: str, total: Tensor) -> None:
        self.name = name
        self.total = total

    def begin(self, scope: Scope) -> bool:
        """Let the name hold a tensor of nothing, of which the size is that of the sum. Whether there is what makes it."""
        beside = next((v for v in scope.names.values() if type(v) is Tensor), None)
        if beside is None:
            return False
        total = self.total
        zero = scope.names[self.name] = derived(
            lambda x: x.new_zeros(()),
            [beside],
            total.shape,
            total.dtype,
            total.layout,
            wants=Layout.KEEP,
        )
        zero.name = self.name
        return True


def refused(loop: _General, place: Place, before: Any, leaving: Any) -> NotGeneral:
    """Why a loop cannot hand on what it finds as one kind of value, and leaves as another."""
    name = named_at(place)
    own = place[0] >= 0 and loop.scope.names.get(name) is leaving
    zero = isinstance(before, (int, float)) and not isinstance(before, bool) and before == 0
    if not (own and zero and type(leaving) is Tensor and leaving.mask is None):
        return NotGeneral()
    if symbols_in(leaving.shape) & set(loop.symbols) or not _is_added_to(loop.node.body, name):
        return NotGeneral()
    return FromZero(name, leaving)


def _is_added_to(body: cst.CSTNode, name: str) -> bool:
    """Whether the turns do nothing with a name but add to it."""
    own = cst.Name(name)
    read = sum(isinstance(part, cst.Name) and part.value == name for part in walk(body))
    added = 0
    for part in walk(body):
        if isinstance(part, cst.AugAssign) and part.target.deep_equals(own):
            added += isinstance(part.operator, cst.AddAssign)
        elif isinstance(part, cst.Assign) and isinstance(part.value, cst.BinaryOperation):
            sides = (part.value.left, part.value.right)
            if isinstance(part.value.operator, cst.Add) and part.targets[0].target.deep_equals(own):
                added += 2 * any(side.deep_equals(own) for side in sides)
    return 0 < read == added
