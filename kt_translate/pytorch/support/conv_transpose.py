"""Transposed convolutions with Keras's "same" and "valid" padding."""

from __future__ import annotations

from torch import Tensor, nn


def transpose_padding(
    kernel: int, stride: int, dilation: int, padding: str, output_padding: int | None
) -> tuple[int, int, int]:
    """PyTorch's padding and output_padding on one axis, and what has to be cut off at its end.

    Keras's "same" makes the output ``stride`` times as long as the input, its "valid" never
    shorter than that.
    """
    reach = (kernel - 1) * dilation + 1
    if padding.lower() == "valid":
        return 0, max(stride - reach, 0) if output_padding is None else output_padding, 0
    cut = reach - stride if output_padding is None else reach - reach % 2 - output_padding
    return max(cut, 0) // 2, max(-cut, 0), max(cut, 0) % 2


def cut_ends(x: Tensor, cuts: tuple[int, ...]) -> Tensor:
    """Without the last ``cuts`` elements of each spatial axis."""
    for axis, cut in enumerate(cuts, start=2):
        x = x.narrow(axis, 0, x.shape[axis] - cut)
    return x


class PaddedConvTranspose1d(nn.ConvTranspose1d):
    """A transposed convolution with Keras's padding, which may be longer at one end by one."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: str = "same",
        output_padding: int | tuple[int, ...] | None = None,
        dilation: int | tuple[int, ...] = 1,
        bias: bool = True,
    ) -> None:
        settings = (kernel_size, stride, dilation, padding, output_padding)
        axes = [[v[i] if isinstance(v, (tuple, list)) else v for v in settings] for i in range(1)]
        pads, extra, self.cuts = zip(*(transpose_padding(*axis) for axis in axes), strict=True)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            pads,
            extra,
            bias=bias,
            dilation=dilation,
        )

    def forward(self, x: Tensor) -> Tensor:
        return cut_ends(super().forward(x), self.cuts)


class PaddedConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution with Keras's padding, which may be longer at one end by one."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: str = "same",
        output_padding: int | tuple[int, ...] | None = None,
        dilation: int | tuple[int, ...] = 1,
        bias: bool = True,
    ) -> None:
        settings = (kernel_size, stride, dilation, padding, output_padding)
        axes = [[v[i] if isinstance(v, (tuple, list)) else v for v in settings] for i in range(2)]
        pads, extra, self.cuts = zip(*(transpose_padding(*axis) for axis in axes), strict=True)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            pads,
            extra,
            bias=bias,
            dilation=dilation,
        )

    def forward(self, x: Tensor) -> Tensor:
        return cut_ends(super().forward(x), self.cuts)


class PaddedConvTranspose3d(nn.ConvTranspose3d):
    """A transposed convolution with Keras's padding, which may be longer at one end by one."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        padding: str = "same",
        output_padding: int | tuple[int, ...] | None = None,
        dilation: int | tuple[int, ...] = 1,
        bias: bool = True,
    ) -> None:
        settings = (kernel_size, stride, dilation, padding, output_padding)
        axes = [[v[i] if isinstance(v, (tuple, list)) else v for v in settings] for i in range(3)]
        pads, extra, self.cuts = zip(*(transpose_padding(*axis) for axis in axes), strict=True)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            pads,
            extra,
            bias=bias,
            dilation=dilation,
        )

    def forward(self, x: Tensor) -> Tensor:
        return cut_ends(super().forward(x), self.cuts)
