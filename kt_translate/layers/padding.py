"""Zeros around pictures, volumes and sequences, and edges cut off them."""

from __future__ import annotations

from typing import Any, ClassVar

from kt_translate.layers.layer import (
    Call,
    Expr,
    F,
    Layout,
    RuleError,
    Shape,
    Tensor,
    is_plain,
    nn,
    ntuple,
    squeeze_ntuple,
)
from kt_translate.layers.spatial import Spatial, name_of, pad_argument


class Edges(Spatial, abstract=True):
    """(before, after) on each spatial axis, from one number, one for each axis, or pairs."""

    renamed = {"dim_ordering": "data_format"}
    edges: ClassVar[str]  # the field: padding or cropping
    sign: ClassVar[int]

    def pairs(self) -> list[tuple[Any, Any]]:
        value = getattr(self, self.edges)
        if self.rank == 1:
            first, second = ntuple(value, 2)
            return [(first, second)]
        pairs = [ntuple(side, 2) for side in ntuple(value, self.rank)]
        return [(first, second) for first, second in pairs]

    def check(self) -> None:
        super().check()
        if any(is_plain(n) and n < 0 for pair in self.pairs() for n in pair):
            raise RuleError(
                "KT204",
                f"{name_of(self)}({self.edges}={getattr(self, self.edges)}): cannot be negative",
            )

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, sizes, channels = self.split(shapes[0])
        grown = []
        for n, (before, after) in zip(sizes, self.pairs()):
            size = (
                None if n is None else n + before + after if self.sign > 0 else n - before - after
            )
            if is_plain(size) and size is not None and size <= 0:
                raise RuleError("KT204", f"{name_of(self)} leaves nothing of {n}")
            grown.append(size)
        return self.join(batch, tuple(grown), channels)

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def amounts(self) -> tuple[Any, ...]:
        """As torch takes them: the last axis first; a crop is a negative padding."""
        pads = pad_argument(list(self.pairs()))
        return pads if self.sign > 0 else tuple(-n for n in pads)

    def channels_last(self, tensor: Tensor) -> bool:
        """Whether the channels come after the padded axes in torch too."""
        return tensor.layout is not Layout.FIRST and not self.channels_first

    def standalone(self, *tensors: Tensor) -> Expr | None:
        if self.channels_last(tensors[0]):
            return None
        cls: Expr = getattr(nn, f"ZeroPad{self.rank}d")
        return cls(squeeze_ntuple(self.amounts()))

    def module(self, *tensors: Tensor) -> Expr | None:
        return None if is_plain(self.pairs()) else self.standalone(*tensors)

    def forward(self, call: Call) -> Expr:
        if self.module(*call.tensors) is not None:
            return call.module(call.x)
        inner = (0, 0) if self.channels_last(call.tensor) else ()
        return F.pad(call.x, inner + self.amounts())


class ZeroPadding(Edges, abstract=True):
    """Zeros on all sides."""

    edges = "padding"
    sign = 1

    padding: Any = 1
    data_format: Any = None


class ZeroPadding1D(ZeroPadding):
    """``keras.layers.ZeroPadding1D``."""

    rank = 1
    layout = Layout.KEEP


class ZeroPadding2D(ZeroPadding):
    """``keras.layers.ZeroPadding2D``."""

    rank = 2
    padding: Any = (1, 1)


class ZeroPadding3D(ZeroPadding):
    """``keras.layers.ZeroPadding3D``."""

    rank = 3
    padding: Any = ((1, 1), (1, 1), (1, 1))


class Cropping(Edges, abstract=True):
    """Cuts edges off."""

    edges = "cropping"
    sign = -1

    cropping: Any = ((1, 1), (1, 1), (1, 1))

    def forward(self, call: Call) -> Expr:
        if self.module(*call.tensors) is not None or not is_plain(self.pairs()):
            return super().forward(call)
        slices = [
            slice(before or None, -after if after else None) for before, after in self.pairs()
        ]
        if not any(s.start or s.stop for s in slices):
            return call.x
        leading = (slice(None),) if self.channels_last(call.tensor) else (slice(None), slice(None))
        index = (*leading, *slices)
        return call.x[index]


class Cropping1D(Cropping):
    """``keras.layers.Cropping1D``."""

    rank = 1
    layout = Layout.KEEP
    cropping: Any = (1, 1)


class Cropping2D(Cropping):
    """``keras.layers.Cropping2D``."""

    rank = 2
    cropping: Any = ((0, 0), (0, 0))
    data_format: Any = None


class Cropping3D(Cropping):
    """``keras.layers.Cropping3D``."""

    rank = 3
    data_format: Any = None
