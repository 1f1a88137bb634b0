"""LocallyConnected1D and LocallyConnected2D of Keras 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.layers.convolutional import RENAMED
from kt_translate.layers.layer import Expr, RuleError, Shape, Tensor, as_expr, unless
from kt_translate.layers.spatial import Spatial, known_channels, name_of, windows


class LocallyConnected(Spatial, abstract=True):
    """A convolution whose kernel differs from place to place."""

    renamed = RENAMED
    only = {
        "padding": ("valid",),
        "implementation": (1,),
        "data_format": (None, "channels_last"),
    }

    filters: Any
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    data_format: Any = None
    activation: Any = None
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None
    implementation: Any = 1

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, sizes, _ = self.split(shapes[0])
        settings = zip(sizes, self.each("kernel_size"), self.each("strides"))
        return self.join(
            batch, tuple(windows(n, k, s, "valid") for n, k, s in settings), self.filters
        )

    def module(self, *tensors: Tensor) -> Expr:
        _, sizes, channels = self.split(tensors[0].shape)
        if None in sizes:
            raise RuleError("KT204", f"{name_of(self)} needs to know the size of its input")
        settings = sizes, self.each("kernel_size"), self.each("strides")
        made: Expr = Expr("LocallyConnected")(
            known_channels(self, channels),
            self.filters,
            *map(as_expr, settings),
            bias=unless(self.use_bias, True),
        )
        return made

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "kernel"
        if self.use_bias is not False:
            yield "bias", "bias"


class LocallyConnected1D(LocallyConnected):
    """``keras.layers.LocallyConnected1D`` of Keras 2."""

    rank = 1


class LocallyConnected2D(LocallyConnected):
    """``keras.layers.LocallyConnected2D`` of Keras 2."""

    rank = 2
