"""Values that code cannot be written without: where a symbol stands for one, the code is right for its sample only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Tensor

Decision = tuple[Sym, str]  # what was taken for its sample, and what it is there
_TAKEN: list[list[Decision]] = []


@contextmanager
def decisions() -> Iterator[list[Decision]]:
    """Within, what is taken for its sample is noted in the list."""
    _TAKEN.append([])
    try:
        yield _TAKEN[-1]
    finally:
        _TAKEN.pop()


def decided(value: Any, what: str) -> Any:
    """The value that code cannot be written without."""
    found = known(value)
    if found is UNKNOWN or isinstance(found, Tensor):
        raise RuleError("KT203", f"{what} is not known")
    if _TAKEN:
        _TAKEN[-1] += [(part, what) for part in _symbolic(value)]
    return found


def _symbolic(value: Any) -> Iterator[Sym]:
    if isinstance(value, Sym):
        yield value
    for part in value if isinstance(value, (list, tuple)) else ():
        yield from _symbolic(part)
