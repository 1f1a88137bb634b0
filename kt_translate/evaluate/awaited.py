"""Names that a file has from other files of the project, which run once such a name is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(eq=False, repr=False)
class Awaited:
    """What stands for such a name until then."""

    read: Callable[[], Any]


def settled(names: dict[str, Any], name: str) -> Any:
    """The value of a name, read where it is awaited: a file that imports from itself has no such name meanwhile."""
    value = names[name]
    if isinstance(value, Awaited):
        del names[name]
        value = names[name] = value.read()
    return value
