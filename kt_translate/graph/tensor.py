"""Tensors of the model, described in Keras's terms, with the torch layout they live in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, NoReturn, Union

from kt_translate.graph.sym import Sym

if TYPE_CHECKING:
    from kt_translate.graph.region import Node

Dim = Union[int, None, Sym]  # None: the batch, or a size that the source leaves open
Shape = tuple[Dim, ...]


class Layout(Enum):
    """Where torch keeps the axis that Keras has last."""

    LAST = "last"  # as Keras: (N, ..., C)
    FIRST = "first"  # (N, C, ...), as torch's convolutions want it
    KEEP = "keep"  # of a rule: whatever the input has


@dataclass(eq=False, repr=False)
class Tensor:
    """A tensor: ``shape`` and every axis in Keras's order (batch first, channels last), ``layout`` says torch's."""

    shape: Shape
    dtype: str = "float32"
    layout: Layout = Layout.LAST
    mask: Tensor | None = None
    bare: bool = False  # only the graph of the model has its mask, not the tensor itself
    untold: bool = False  # only the tensor itself has its mask, not the graph of the model
    node: Node | None = None
    name: str | None = None  # how the source calls it
    logits: Tensor | None = None  # what went into the softmax or sigmoid that made it
    activation: str | None = None  # "softmax" or "sigmoid", then
    flattened: tuple[Dim, ...] | None = (
        None  # (C, *spatial) of a picture flattened in torch's order
    )
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def masking(self) -> tuple[Tensor | None, bool, bool]:
        """Its mask, and who knows of that."""
        return self.mask, self.bare, self.untold

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def channels(self) -> Dim:
        return self.shape[-1]

    @property
    def given_layout(self) -> Layout:
        """The layout in which a class gives it: sequences leave as they are in Keras."""
        return Layout.LAST if self.rank == 3 else self.layout

    def dim(self, axis: int) -> int:
        """The torch dimension of Keras's ``axis``; negative axes stay negative where the layout allows."""
        return torch_dim(axis, self.rank, self.layout)

    def seen_in(self, layout: Layout) -> Tensor:
        """The tensor as it is once converted to ``layout``."""
        if layout in (Layout.KEEP, self.layout) or self.rank < 3:
            return self
        return replace(self, layout=layout)

    @property
    def torch_shape(self) -> Shape:
        if self.layout is Layout.FIRST:
            return (self.shape[0], self.shape[-1], *self.shape[1:-1])
        return self.shape


def torch_dim(axis: int, rank: int, layout: Layout) -> int:
    """Keras's axis of a tensor of ``rank``, in torch's order. Raises IndexError for an axis it does not have."""
    if not -rank <= axis < rank:
        raise IndexError(axis)
    if layout is not Layout.FIRST or rank < 3:
        return axis
    axis %= rank
    return 0 if axis == 0 else 1 if axis == rank - 1 else axis + 1


def to_last(rank: int) -> tuple[int, ...]:
    """The permutation from (N, C, ...) to (N, ..., C)."""
    return (0, *range(2, rank), 1)


def to_first(rank: int) -> tuple[int, ...]:
    """The permutation from (N, ..., C) to (N, C, ...)."""
    return (0, rank - 1, *range(1, rank - 1))


def permutation(rank: int, layout: Layout) -> list[int] | None:
    """What turns Keras's array into what a class takes or gives."""
    return list(to_first(rank)) if layout is Layout.FIRST and rank > 2 else None


class Many:
    """An item of a list that stands for any number of tensors: what a loop has put in, or takes out."""

    def refuse(self) -> NoReturn:
        """It is asked for the tensors one by one."""
        raise NotImplementedError


@dataclass(eq=False, repr=False)
class Fork:
    """Results of a model of which a setting says which there are, how many for instance."""

    test: Sym
    then: Any
    orelse: Any

    @property
    def shown(self) -> Any:
        """Those for the sample values of the settings."""
        return self.then if self.test.value else self.orelse


def tensors_in(value: Any) -> list[Tensor]:
    """The tensors in a nested structure, in Keras's order (dicts by sorted key)."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Fork):
        return tensors_in(value.shown)
    if isinstance(value, Many):
        value.refuse()
    if isinstance(value, (list, tuple)):
        return [t for v in value for t in tensors_in(v)]
    if isinstance(value, dict):
        return [t for k in sorted(value, key=str) for t in tensors_in(value[k])]
    return []


def ends_of(result: Any) -> list[list[Tensor]]:
    """The tensors of a result, for every way in which it can turn out."""
    if isinstance(result, Fork):
        return [*ends_of(result.then), *ends_of(result.orelse)]
    return [tensors_in(result)]
