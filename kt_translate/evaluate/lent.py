"""Lists and dicts that a function is handed: what it puts into them is undone where it becomes a class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.evaluate.values import Instance
from kt_translate.graph.sym import Sym


class Lent:
    """The lists and dicts in values, with what was in them."""

    def __init__(self, values: list[Any]) -> None:
        self.given = [(c, c.copy()) for v in values for c in _containers(v)]

    def put_back(self) -> bool:
        """Give lists and dicts the contents that they had; whether any of them had others."""
        changed = False
        for container, had in self.given:
            if list(map(id, _items(container))) != list(map(id, _items(had))):
                changed = True
                container.clear()
                container.extend(had) if isinstance(container, list) else container.update(had)
        return changed


def _containers(value: Any) -> Iterator[list[Any] | dict[Any, Any]]:
    """The lists and dicts in a value, which a function may change."""
    value = value.value if isinstance(value, Sym) else value
    value = value.attributes if isinstance(value, Instance) else value
    if isinstance(value, (list, dict)):
        yield value
    if isinstance(value, (list, tuple, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _containers(part)


def _items(container: Any) -> list[Any]:
    return [*container, *container.values()] if isinstance(container, dict) else container
