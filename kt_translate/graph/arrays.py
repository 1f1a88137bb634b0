"""NumPy code on settings that a class keeps: what is done to arrays, step by step, and the nodes that write it down.

`Step`s are what the source did. They become statements of ``__init__`` where a tensor is made of an array: a step
that is read once stands within the one that reads it, all others have a name, and all keep the source's order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kt_translate.graph.nodes import ORDER, ModuleUse, named
from kt_translate.graph.region import CURRENT, Node
from kt_translate.graph.sym import UNKNOWN, Sym

_SERIAL = count()
_VIEWS = ("reshape", "transpose", "ravel", "squeeze", "swapaxes", "expand_dims", "moveaxis", "flip")


@dataclass(eq=False, repr=False)
class Step:
    """A function of NumPy, an operator, a method, an attribute, an index; or "put", the assignment to a part."""

    kind: str
    what: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    name: str | None = None  # the variable that the source gives it to
    serial: int = field(default_factory=lambda: next(_SERIAL))

    stale: bool = False  # what a view of it was given is not among the steps that lead here

    @property
    def seen_through(self) -> Iterator[Step]:
        """The arrays of which this is a view, where it is one."""
        if self.kind in ("index", "part", "attribute") or self.what in _VIEWS:
            base = next(self.before)
            yield base
            yield from base.seen_through

    @property
    def before(self) -> Iterator[Step]:
        """The steps whose results it reads."""
        yield from _steps_in([self.args, self.kwargs])


def _steps_in(value: Any) -> Iterator[Step]:
    if isinstance(value, Step):
        yield value
    elif isinstance(value, slice):
        yield from _steps_in([value.start, value.stop, value.step])
    elif isinstance(value, dict):
        yield from _steps_in(list(value.values()))
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _steps_in(part)


@dataclass(eq=False, repr=False)
class PutNode(Node):
    """``array[key] = value``, or with an operator: ``array[key] += value``."""

    array: Any = None
    key: Any = None
    operator: str = ""
    value: Any = None
    order: int = 0


@dataclass(eq=False, repr=False)
class ArrayNode(Node):
    """A tensor of what NumPy computes from settings: a buffer that is no weight."""

    value: Any = None
    use: ModuleUse = None  # type: ignore[assignment]


def replayed(last: Step) -> Sym:
    """The array as the class under way says it, after the statements that it takes."""
    done = CURRENT[-1].arrays
    if last in done:
        return done[last]  # type: ignore[no-any-return]
    steps = _needed(last, done)
    reads = Counter(b for s in steps for b in set(s.before))
    puts = [s.serial for s in steps if s.kind == "put"]
    written = {s.args[0] for s in steps if s.kind == "put"}
    readers = {b: s for s in steps for b in s.before}
    for step in steps:
        if step.kind == "put":
            array, key, value = (_said(a, done) for a in step.args)
            CURRENT[-1].add(PutNode([], [], 0, array, key, step.what, value, next(ORDER)))
            done[step] = array
            continue
        args = (step.kind, step.what, _said(step.args, done), _said(step.kwargs, done))
        said = Sym("array", args, UNKNOWN)
        reader = readers.get(step)
        changed = reader is not None and any(step.serial < p < reader.serial for p in puts)
        if step is not last and (step in written or reads[step] > 1 or changed):
            said = named(said, step.name or "array")
        done[step] = said
    return done[last]  # type: ignore[no-any-return]


def _needed(last: Step, done: dict[Any, Any]) -> list[Step]:
    found: set[Step] = set()
    waiting = [last]
    while waiting:
        step = waiting.pop()
        if step not in found and step not in done:
            found.add(step)
            waiting.extend(step.before)
    return sorted(found, key=lambda s: s.serial)


def _said(value: Any, done: dict[Any, Any]) -> Any:
    if isinstance(value, Step):
        return done[value]
    if isinstance(value, slice):
        return slice(*(_said(p, done) for p in (value.start, value.stop, value.step)))
    if isinstance(value, (list, tuple)):
        return type(value)(_said(v, done) for v in value)
    if isinstance(value, dict):
        return {k: _said(v, done) for k, v in value.items()}
    return value


__all__ = ["ArrayNode", "PutNode", "Step", "replayed"]
