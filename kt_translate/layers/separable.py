"""Depthwise and separable convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.layers.convolutional import (
    RENAMED,
    check_conv,
    conv_arguments,
    conv_padding,
    conv_shape,
    padded_input,
)
from kt_translate.layers.layer import Call, Expr, Shape, Tensor, nn, unless
from kt_translate.layers.spatial import Spatial, known_channels, torch_class

_OF_CONV = frozenset({"kernel_initializer", "kernel_regularizer", "kernel_constraint"})


class DepthwiseConv(Spatial, abstract=True):
    """``depth_multiplier`` filters for each channel: as many groups as channels."""

    renamed = {**RENAMED, "init": "depthwise_initializer"}
    unused = _OF_CONV

    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    depth_multiplier: Any = 1
    data_format: Any = None
    dilation_rate: Any = 1
    activation: Any = None
    use_bias: Any = True
    depthwise_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    depthwise_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    depthwise_constraint: Any = None
    bias_constraint: Any = None

    def check(self) -> None:
        super().check()
        check_conv(self, "valid", "same")

    def output_shape(self, *shapes: Shape) -> Shape:
        channels = known_channels(self, self.split(shapes[0])[2])
        return conv_shape(self, shapes[0], channels * self.depth_multiplier)

    def module(self, *tensors: Tensor) -> Expr:
        padding = conv_padding(self, tensors[0])
        return self._constructor(
            tensors[0], padding.argument, "" if padding.pads else padding.prefix
        )

    def standalone(self, *tensors: Tensor) -> Expr:
        padding = conv_padding(self, tensors[0])
        return self._constructor(tensors[0], padding.argument, padding.prefix)

    def forward(self, call: Call) -> Expr:
        return call.module(padded_input(call, conv_padding(self, call.tensor)))

    def _constructor(self, tensor: Tensor, padding: Any, prefix: str) -> Expr:
        channels = known_channels(self, self.split(tensor.shape)[2])
        cls = Expr(f"{prefix}Conv{self.rank}d") if prefix else torch_class(nn, "Conv", self.rank)
        arguments = conv_arguments(self, padding)
        filters = channels * self.depth_multiplier
        return cls(
            channels, filters, **arguments, groups=channels, bias=unless(self.use_bias, True)
        )

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "depthwise"
        if self.use_bias is not False:
            yield "bias", "bias"


class DepthwiseConv1D(DepthwiseConv):
    """``keras.layers.DepthwiseConv1D``."""

    rank = 1


class DepthwiseConv2D(DepthwiseConv):
    """``keras.layers.DepthwiseConv2D``."""

    rank = 2
    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)


class SeparableConv(Spatial, abstract=True):
    """Depthwise without bias, then 1 x 1; the support class pads by itself."""

    renamed = {
        **RENAMED,
        "init": "depthwise_initializer",
        "depthwise_init": "depthwise_initializer",
        "pointwise_init": "pointwise_initializer",
    }
    unused = _OF_CONV

    counts = ("filters",)

    filters: Any
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    data_format: Any = None
    dilation_rate: Any = 1
    depth_multiplier: Any = 1
    activation: Any = None
    use_bias: Any = True
    depthwise_initializer: Any = "glorot_uniform"
    pointwise_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    depthwise_regularizer: Any = None
    pointwise_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    depthwise_constraint: Any = None
    pointwise_constraint: Any = None
    bias_constraint: Any = None

    def check(self) -> None:
        super().check()
        check_conv(self, "valid", "same")

    def output_shape(self, *shapes: Shape) -> Shape:
        return conv_shape(self, shapes[0], self.filters)

    def module(self, *tensors: Tensor) -> Expr:
        channels = known_channels(self, self.split(tensors[0].shape)[2])
        padding = conv_padding(self, tensors[0])
        return Expr(f"SeparableConv{self.rank}d")(
            channels,
            self.filters,
            **conv_arguments(self, "same" if padding.prefix == "Same" else padding.argument),
            depth_multiplier=unless(self.depth_multiplier, 1),
            bias=unless(self.use_bias, True),
        )

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "depthwise.weight", "depthwise"
        yield "pointwise.weight", "pointwise"
        if self.use_bias is not False:
            yield "pointwise.bias", "bias"


class SeparableConv1D(SeparableConv, aliases=("SeparableConvolution1D",)):
    """``keras.layers.SeparableConv1D``."""

    rank = 1


class SeparableConv2D(SeparableConv, aliases=("SeparableConvolution2D",)):
    """``keras.layers.SeparableConv2D``."""

    rank = 2
    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)
