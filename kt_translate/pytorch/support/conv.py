"""Convolutions with the padding that Keras computes from the size of the input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor, nn


def pad_same(
    x: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    value: float = 0.0,
) -> Tensor:
    """Pad (N, C, ...) as Keras's ``padding="same"``: the odd element goes after, not before."""
    sizes = x.shape[2:]
    settings = (
        [v] * len(sizes) if isinstance(v, int) else v for v in (kernel_size, stride, dilation)
    )
    pads: list[int] = []
    for size, k, s, d in zip(sizes, *settings, strict=True):
        total = max((-(-size // s) - 1) * s + (k - 1) * d + 1 - size, 0)
        pads = [total // 2, total - total // 2, *pads]  # F.pad takes the last axis first
    return F.pad(x, pads, value=value)


class SameConv1d(nn.Conv1d):
    """A convolution padded as Keras's ``padding="same"``, which depends on the input's size."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))


class SameConv2d(nn.Conv2d):
    """A convolution padded as Keras's ``padding="same"``: any odd pixel goes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))


class SameConv3d(nn.Conv3d):
    """A convolution padded as Keras's ``padding="same"``, which depends on the input's size."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation))


class CausalConv1d(nn.Conv1d):
    """A convolution that sees only the past: Keras's "causal" padding is all in front."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, (self.dilation[0] * (self.kernel_size[0] - 1), 0)))


class PaddedConv1d(nn.Conv1d):
    """A convolution with "same", "valid" or "causal" padding, whatever the stride."""

    def __init__(self, *args: Any, padding: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keras_padding = padding.lower()

    def forward(self, x: Tensor) -> Tensor:
        if self.keras_padding == "same":
            x = pad_same(x, self.kernel_size, self.stride, self.dilation)
        elif self.keras_padding == "causal":
            x = F.pad(x, (self.dilation[0] * (self.kernel_size[0] - 1), 0))
        return super().forward(x)


class PaddedConv2d(nn.Conv2d):
    """A convolution with "same" or "valid" padding; PyTorch's own "same" does not take strides."""

    def __init__(self, *args: Any, padding: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keras_padding = padding.lower()

    def forward(self, x: Tensor) -> Tensor:
        if self.keras_padding == "same":
            x = pad_same(x, self.kernel_size, self.stride, self.dilation)
        return super().forward(x)


class PaddedConv3d(nn.Conv3d):
    """A convolution with "same" or "valid" padding; PyTorch's own "same" does not take strides."""

    def __init__(self, *args: Any, padding: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keras_padding = padding.lower()

    def forward(self, x: Tensor) -> Tensor:
        if self.keras_padding == "same":
            x = pad_same(x, self.kernel_size, self.stride, self.dilation)
        return super().forward(x)


def separable_state(arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Keras has the kernels as (*sizes, in, multiplier) and (1, ..., channels, out)."""
    depthwise, pointwise, *bias = arrays
    filters = depthwise.reshape(*depthwise.shape[:-2], 1, -1)
    state = {
        "depthwise.weight": np.moveaxis(filters, (-1, -2), (0, 1)),
        "pointwise.weight": np.moveaxis(pointwise, (-1, -2), (0, 1)),
    }
    return {**state, "pointwise.bias": bias[0]} if bias else state


class SeparableConv1d(nn.Module):
    """A filter for each channel, then a mix of the channels: one layer in Keras, two in PyTorch.

    The first has no bias. ``padding="same"`` is Keras's, whatever the stride.
    """

    keras_kinds = ("separable_conv1d",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int],
        stride: int | tuple[int] = 1,
        padding: str | int | tuple[int] = 0,
        dilation: int | tuple[int] = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.same = padding == "same"
        channels = in_channels * depth_multiplier
        self.depthwise = nn.Conv1d(
            in_channels,
            channels,
            kernel_size,
            stride,
            padding="valid" if self.same else padding,
            dilation=dilation,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv1d(channels, out_channels, kernel_size=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        conv = self.depthwise
        if self.same:
            x = pad_same(x, conv.kernel_size, conv.stride, conv.dilation)
        return self.pointwise(conv(x))

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return separable_state(arrays)


class SeparableConv2d(nn.Module):
    """A filter for each channel, then a mix of the channels: one layer in Keras, two in PyTorch.

    The first has no bias. ``padding="same"`` is Keras's, whatever the stride.
    """

    keras_kinds = ("separable_conv2d",)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        padding: str | int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        depth_multiplier: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.same = padding == "same"
        channels = in_channels * depth_multiplier
        self.depthwise = nn.Conv2d(
            in_channels,
            channels,
            kernel_size,
            stride,
            padding="valid" if self.same else padding,
            dilation=dilation,
            groups=in_channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels, out_channels, kernel_size=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        conv = self.depthwise
        if self.same:
            x = pad_same(x, conv.kernel_size, conv.stride, conv.dilation)
        return self.pointwise(conv(x))

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        return separable_state(arrays)
