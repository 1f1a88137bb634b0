"""What a loop hands on in several places: rows of tensors, each a place of its own; one tensor under two names."""

from __future__ import annotations

from typing import Any

from kt_translate.evaluate.state import Part, Place
from kt_translate.graph.tensor import Tensor


def spread(changed: dict[Place, Any], entered: dict[Place, Any], before: dict[Place, Any]) -> None:
    """Let what changed say which tensors of such a row changed. ``before`` learns what they were before the loop."""
    for place, leaving in list(changed.items()):
        start: Any = before.get(place)
        if not is_row(start) or not is_row(leaving) or _form(start) != _form(leaving):
            continue
        del changed[place]
        for i, (had, has) in enumerate(zip(entered[place], leaving, strict=True)):
            part = (place[0], Part(place[1], i))
            before[part] = start[i]
            if has is not had:
                changed[part] = has


def is_row(value: Any) -> bool:
    """Whether this is a list or tuple of tensors alone."""
    return type(value) in (list, tuple) and bool(value) and all(type(t) is Tensor for t in value)


def _form(row: Any) -> tuple[type, int]:
    return type(row), len(row)


def twin(place: Place, changed: dict[Place, Any], before: dict[Place, Any]) -> Place | None:
    """The first place that holds the same tensor as this one, before the loop and after a turn; None if it is the first."""
    same = (
        other
        for other, leaving in changed.items()
        if leaving is changed[place] and before.get(other) is before.get(place)
    )
    first = next(same)
    return first if first != place and isinstance(changed[place], Tensor) else None
