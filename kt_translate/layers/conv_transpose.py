"""Transposed convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.graph.sym import UNKNOWN, known
from kt_translate.layers.convolutional import RENAMED, check_conv, check_steps
from kt_translate.layers.layer import (
    OMIT,
    Call,
    Dim,
    Expr,
    RuleError,
    Shape,
    Sym,
    Tensor,
    is_plain,
    nn,
    squeeze_ntuple,
    unless,
)
from kt_translate.layers.spatial import (
    Spatial,
    choose_padding,
    compact,
    known_channels,
    name_of,
    torch_class,
)


def transpose_padding(
    kernel: int, stride: int, dilation: int, padding: str, output_padding: int | None
) -> tuple[int, int, int]:
    """Torch's padding and output_padding on one axis, and how much is to be cut off at its end."""
    reach = (kernel - 1) * dilation + 1
    if padding == "valid":
        return 0, max(stride - reach, 0) if output_padding is None else output_padding, 0
    cut = reach - stride if output_padding is None else reach - reach % 2 - output_padding
    return max(cut, 0) // 2, max(-cut, 0), max(cut, 0) % 2


def transpose_size(
    size: Dim, kernel: Any, stride: Any, dilation: Any, padding: Any, output_padding: Any
) -> Dim:
    """How long an axis becomes."""
    if size is None:
        return None
    reach = (kernel - 1) * dilation + 1
    full = (size - 1) * stride + reach
    if output_padding is not None:
        return choose_padding(
            padding, (size - 1) * stride + reach % 2 + output_padding, full + output_padding
        )
    if is_plain((stride, reach)):
        valid = full + max(stride - reach, 0)
    else:
        longest = Sym.call("max", (stride, reach), _longest(stride, reach))
        valid = (size - 1) * stride + longest
    return choose_padding(padding, size * stride, valid)


def _longest(a: Any, b: Any) -> Any:
    x, y = known(a), known(b)
    return UNKNOWN if x is UNKNOWN or y is UNKNOWN else max(x, y)


class ConvTranspose(Spatial, abstract=True):
    """Torch's class of the same name, its output cut where Keras pads by an odd number."""

    renamed = RENAMED

    counts = ("filters",)

    filters: Any
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    output_padding: Any = None
    data_format: Any = None
    dilation_rate: Any = 1
    activation: Any = None
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    def check(self) -> None:
        super().check()
        check_conv(self, "valid", "same")
        check_steps(self)
        extra, strides = self.each("output_padding"), self.each("strides")
        if any(is_plain((e, s)) and e is not None and e >= s for e, s in zip(extra, strides)):
            raise RuleError("KT204", f"{name_of(self)}: output_padding must be less than strides")
        for kernel, _, dilation, padding, output_padding in self._axes():
            even = is_plain((kernel, dilation)) and (kernel - 1) * dilation % 2
            if even and padding == "same" and is_plain(output_padding) and output_padding == 0:
                raise RuleError(
                    "KT204", f"{name_of(self)}: an even kernel needs more output_padding than 0"
                )

    def _axes(self) -> list[tuple[Any, Any, Any, Any, Any]]:
        names = ("kernel_size", "strides", "dilation_rate", "output_padding")
        return [
            (k, s, d, self.padding, o) for k, s, d, o in zip(*(self.each(name) for name in names))
        ]

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, sizes, _ = self.split(shapes[0])
        return self.join(
            batch, tuple(transpose_size(n, *a) for n, a in zip(sizes, self._axes())), self.filters
        )

    def _cuts(self) -> tuple[int, ...]:
        return (
            tuple(transpose_padding(*axis)[2] for axis in self._axes())
            if is_plain(self._axes())
            else ()
        )

    def module(self, *tensors: Tensor) -> Expr:
        channels = known_channels(self, self.split(tensors[0].shape)[2])
        axes = self._axes()
        if not is_plain(axes):
            return self._padded(channels)
        padding, extra, _ = zip(*(transpose_padding(*axis) for axis in axes))
        return torch_class(nn, "ConvTranspose", self.rank)(
            channels,
            self.filters,
            kernel_size=squeeze_ntuple(self.each("kernel_size")),
            stride=unless(compact(self.each("strides")), None),
            padding=unless(squeeze_ntuple(padding), 0),
            output_padding=unless(squeeze_ntuple(extra), 0),
            dilation=unless(compact(self.each("dilation_rate")), None),
            bias=unless(self.use_bias, True),
        )

    def _padded(self, channels: Any) -> Expr:
        return Expr(f"PaddedConvTranspose{self.rank}d")(
            channels,
            self.filters,
            kernel_size=squeeze_ntuple(self.each("kernel_size")),
            stride=unless(compact(self.each("strides")), None),
            padding=self.padding,
            output_padding=(
                OMIT if self.output_padding is None else squeeze_ntuple(self.each("output_padding"))
            ),
            dilation=unless(compact(self.each("dilation_rate")), None),
            bias=unless(self.use_bias, True),
        )

    def standalone(self, *tensors: Tensor) -> Expr:
        if not any(self._cuts()):
            return self.module(*tensors)
        return self._padded(known_channels(self, self.split(tensors[0].shape)[2]))

    def forward(self, call: Call) -> Expr:
        y = call.module(call.x)
        cuts = self._cuts()
        if not any(cuts):
            return y
        first = cuts.index(1)
        index = (..., *(slice(None, -1) if cut else slice(None) for cut in cuts[first:]))
        return y[index]

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "kernel"
        if self.use_bias is not False:
            yield "bias", "bias"


class Conv1DTranspose(ConvTranspose, aliases=("Convolution1DTranspose",)):
    """``keras.layers.Conv1DTranspose``."""

    rank = 1


class Conv2DTranspose(ConvTranspose, aliases=("Convolution2DTranspose",)):
    """``keras.layers.Conv2DTranspose``."""

    rank = 2
    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)


class Conv3DTranspose(ConvTranspose, aliases=("Convolution3DTranspose",)):
    """``keras.layers.Conv3DTranspose``."""

    rank = 3
    strides: Any = (1, 1, 1)
    dilation_rate: Any = (1, 1, 1)

    @classmethod
    def signature(cls) -> list[tuple[str, Any]]:
        """Keras has two of the arguments the other way round here."""
        names = super().signature()
        names[4], names[5] = names[5], names[4]
        return names
