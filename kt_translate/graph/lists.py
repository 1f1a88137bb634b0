"""Lists of tensors that a loop fills: one value stands for what all its turns add.

In ``forward`` such a list is a list, in ``__init__`` there is one of the sizes that differ from tensor to tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NoReturn

from kt_translate.graph.sym import (
    BACKWARDS,
    UNKNOWN,
    Items,
    Sym,
    Symbol,
    call_symbolic,
    code,
    known,
    same,
    substitute,
)
from kt_translate.graph.tensor import Many, Tensor
from kt_translate.pytorch.expr import Expr

PRODUCT = "itertools.product"
EARLY = "early element"  # what takes one that need not be the last
ALL = slice(None)


def of_numbers(value: Any) -> bool:
    """Whether a list begins with a number, or a row of them: it may be long, and is looked at whenever it is read."""
    first = value[0] if value else None
    row = isinstance(first, (list, tuple)) and len(first) > 0
    return isinstance(first[0] if row else first, (int, float))  # type: ignore[index]


class LeftOpen(BaseException):
    """What loops or conditions left open is asked for: these have to be unrolled, or decided.

    Not an Exception: what guards against errors of the source must let it through.
    """

    def __init__(self, statements: list[Any], told: bool = False, everywhere: bool = False) -> None:
        self.statements = statements
        self.told = told  # the next run builds on what this one has found
        self.everywhere = everywhere  # whoever has what they made: the source is read once more


@dataclass(eq=False, repr=False)
class TensorList(Tensor):
    """A list of ``forward``. The shape is that of any of its tensors, with None for what differs among them."""

    symbol: Symbol = None  # type: ignore[assignment]  # the list itself; its sample counts the tensors
    sizes: dict[int, Symbol] = field(default_factory=dict)  # by axis: the list of what differs
    count: Any = None  # of its tensors, where there are words for it
    whole: dict[int, Any] = field(default_factory=dict)  # by axis: what was split into them
    loops: list[Any] = field(default_factory=list)  # of the source, that fill it
    on_the_way: bool = True  # what is handed on from turn to turn is made of these tensors
    given: bool = False  # as outputs of a model, which may be asked for them anywhere
    how: Any = None  # what joins them in each turn of that loop
    joined: Tensor | None = None  # all of them, by that

    def refuse(self) -> NoReturn:
        """It is asked for the tensors one by one."""
        raise LeftOpen(self.loops, everywhere=self.given)


@dataclass(eq=False, repr=False)
class Some(Many):
    """The tensors of a list, or those of them that ``view`` says."""

    tensors: TensorList
    view: Any  # an expression over the list's symbol

    def refuse(self) -> NoReturn:
        self.tensors.refuse()

    @property
    def count(self) -> Any:
        """How many there are; None where there are no words for it."""
        view = self.view
        while view.head == "index" and view.args[1] in (BACKWARDS, ALL):
            view = view.args[0]
        return self.tensors.count if view.head == "symbol" else None

    @property
    def is_the_list(self) -> bool:
        """Whether this is the list itself: what is popped is gone for all who have it."""
        return bool(self.view.head == "symbol")

    def copied(self) -> Some:
        """The tensors in a list of their own."""
        return self.seen(ALL) if self.is_the_list else self

    def seen(self, key: slice) -> Some:
        """``self[key]``."""
        if key == BACKWARDS and _is_turned(self.view):
            return Some(self.tensors, self.view.args[0])
        return Some(self.tensors, Sym.index(self.view, key))

    def along(self, axis: int) -> Any:
        """The list of the sizes along an axis, seen in the same way."""
        return substitute(self.view, {self.tensors.symbol: Sym.of(self.tensors.sizes[axis])})

    def said(self, name: Expr) -> Expr:
        """The view as ``forward`` says it."""
        symbol = self.tensors.symbol
        before, symbol.spelled = symbol.spelled, str(name)
        try:
            return code(self.view)
        finally:
            symbol.spelled = before

    def gone_through(self, name: Expr) -> Expr:
        """The same as what a loop goes through."""
        if not _is_turned(self.view):
            return self.said(name)
        return Expr("reversed")(Some(self.tensors, self.view.args[0]).said(name))

    def picks(self) -> list[Pick] | None:
        """The tensors one by one; None where it is not known how many there are."""
        numbers = known(self.view)
        if numbers is UNKNOWN:
            return None
        return [Pick(self, n) for n in numbers]


@dataclass(eq=False, repr=False)
class Pick(Many):
    """What one turn of a loop over such tensors takes: of the sample, number ``number``."""

    source: Some
    number: int

    def refuse(self) -> NoReturn:
        self.source.refuse()

    def size(self, axis: int) -> Any:
        sizes = self.source.tensors.sizes[axis].value
        return UNKNOWN if sizes is UNKNOWN else sizes[self.number]


@dataclass(eq=False, repr=False)
class Forked(Many):
    """What is in a list to which only one branch of a condition adds, say."""

    test: Sym
    then: list[Any]
    orelse: list[Any]
    statement: Any  # of the source, that has the condition

    def refuse(self) -> NoReturn:
        raise LeftOpen([self.statement])


@dataclass(eq=False, repr=False)
class Rows(Many):
    """Rows of tensors that a loop leaves in a list, as one list for each column; None for what is no such list."""

    columns: list[Some | None]
    kind: type[list[Any]] | type[tuple[Any, ...]]
    loops: list[Any]

    def refuse(self) -> NoReturn:
        raise LeftOpen(self.loops)


@dataclass(eq=False, repr=False)
class Collected:
    """What a loop adds to a list. The ``sizes`` of its tensors, by axis: before the loop, and of a turn."""

    before: list[Tensor]
    leaving: list[Tensor]
    after: TensorList
    tests: list[Any]  # of each tensor: on which adding it hangs; None: it is always added
    sizes: dict[int, tuple[list[Any], list[Any]]] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Element:
    """The tensor of a list that a turn takes: each in its turn (no key), the last (popped) or that at ``key``."""

    tensor: Tensor  # within the body
    source: Some
    key: Any = None
    pops: bool = False
    sizes: dict[int, Symbol] = field(default_factory=dict)  # of the tensor, by axis

    def samples(
        self, item: Any, table: dict[Symbol, Any], turn: int
    ) -> Iterator[tuple[Symbol, Any]]:
        """The tensor's sizes in one turn."""
        for axis, symbol in self.sizes.items():
            if isinstance(item, Pick):
                yield symbol, item.size(axis)
            else:
                key = -1 - turn if self.pops else substitute(self.key, table)
                yield symbol, known(Sym.index(self.source.along(axis), key))


def some_of(value: Any) -> Some | None:
    """What a list holds that stands for the tensors of all turns."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Some):
        return value[0]
    return None


def as_lists(value: Any) -> Any:
    """The same with the lists that the source knows in place of what `as_tensors` made of them."""
    if isinstance(value, TensorList):
        return [Some(value, Sym.of(value.symbol))]
    if isinstance(value, (list, tuple)):
        parts = [as_lists(v) for v in value]
        lists = [p if isinstance(v, TensorList) else [p] for v, p in zip(value, parts, strict=True)]
        return [v for part in lists for v in part] if isinstance(value, list) else tuple(parts)
    return {k: as_lists(v) for k, v in value.items()} if isinstance(value, dict) else value


def one_by_one(tensor: Tensor) -> list[Tensor]:
    """The tensors of a list, as many as the sample has; any other tensor is one."""
    if not isinstance(tensor, TensorList):
        return [tensor]
    samples = {axis: known(Sym.of(symbol)) for axis, symbol in tensor.sizes.items()}
    turns = range(len(tensor.symbol.value))
    return [
        Tensor(
            tuple(
                samples[axis][n] if axis in samples else d for axis, d in enumerate(tensor.shape)
            ),
            tensor.dtype,
            tensor.layout,
        )
        for n in turns
    ]


def as_many(tensors: list[Tensor], count: int) -> list[Tensor]:
    """What a class gives, one by one: its lists have as many as a model has that was made with other settings."""
    each = [(isinstance(t, TensorList), one_by_one(t)) for t in tensors]
    more = (count - sum(len(ones) for _, ones in each)) // max(sum(many for many, _ in each), 1)
    sizes = [len(ones) + more * many for many, ones in each]
    return [one for (_, ones), n in zip(each, sizes, strict=True) for one in (ones * n)[:n]]


def count(value: Any) -> Any:
    """The number of turns, said; None where there are no words for it."""
    some = some_of(value)
    if some is not None:
        return some.count
    if (
        isinstance(value, Items)
        and value.function in ("enumerate", "reversed")
        and len(value.args) == 1
    ):
        return count(value.args[0])
    if isinstance(value, Items) and value.function == "zip" and value.args:
        first, *others = (count(a) for a in value.args)
        return first if all(same(c, first) for c in others) else None
    if isinstance(value, Items) and value.function == PRODUCT:
        counts = [count(a) for a in value.args]
        return None if None in counts else reduce(lambda a, b: Sym.binary("*", a, b), counts)
    if isinstance(value, Sym) and value.head == "list":
        return count(value.args[2])
    if isinstance(value, Sym) and value.head == "call" and value.args[0] == "range":
        bounds = value.args[1:]
        if len(bounds) == 1:
            return bounds[0]
        if len(bounds) == 3 and bounds[2] == -1:
            return Sym.binary("-", bounds[0], bounds[1])
        return Sym.binary("-", bounds[1], bounds[0]) if len(bounds) == 2 else None
    if isinstance(value, Sym):
        return call_symbolic("len", value)
    return len(value) if isinstance(value, (list, tuple, range)) else None


def singular(name: str | None) -> str:
    """How one tensor of a list is called."""
    name = name or "tensor"
    return name[:-1] if name.endswith("s") and not name.endswith("ss") else name


def iterated(sizes: Any) -> Expr:
    """A list of sizes, as a loop goes through it."""
    if _is_turned(sizes):
        return Expr("reversed")(code(sizes.args[0]))
    return code(sizes)


def _is_turned(view: Any) -> bool:
    return isinstance(view, Sym) and view.head == "index" and view.args[1] == BACKWARDS


def one_of(some: Some, key: Any) -> Tensor:
    """The tensor at ``key``, sizes and all."""
    source = some.tensors
    shape = tuple(
        Sym.index(some.along(axis), key) if axis in source.sizes else d
        for axis, d in enumerate(source.shape)
    )
    return Tensor(shape, source.dtype, source.layout)
