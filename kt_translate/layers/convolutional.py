"""Convolutions: plain, depthwise and separable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kt_translate.layers.layer import (
    OMIT,
    Call,
    Expr,
    F,
    RuleError,
    Shape,
    Sym,
    Tensor,
    is_plain,
    known,
    nn,
    squeeze_ntuple,
    unless,
)
from kt_translate.layers.spatial import (
    Spatial,
    all_equal,
    compact,
    known_channels,
    lower,
    name_of,
    pad_argument,
    same_pads,
    sizes_text,
    torch_class,
    windows,
)

RENAMED = {
    "nb_filter": "filters",
    "nb_kernel": "filters",
    "filter_length": "kernel_size",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "atrous_rate": "dilation_rate",
    "dim_ordering": "data_format",
    "init": "kernel_initializer",
    "bias": "use_bias",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
}


@dataclass(frozen=True)
class Padding:
    """How the padding of a convolution is written."""

    argument: Any = OMIT  # padding= of the module
    prefix: str = (
        ""  # of the class that pads when it runs: Same, Causal, Padded; none is torch's own
    )
    pads: tuple[int, ...] = ()  # what F.pad takes, in front of the module
    why: str = ""


def conv_padding(layer: Any, tensor: Tensor) -> Padding:
    """The plainest way to write it: torch's argument, F.pad with numbers, or our own class."""
    kernel, strides, dilation = (
        layer.each("kernel_size"),
        layer.each("strides"),
        layer.each("dilation_rate"),
    )
    padding = layer.padding
    if isinstance(padding, Sym):
        in_torch = layer.rank > 1 or known(padding) in ("same", "valid")
        return Padding(padding, "" if in_torch and all_equal(strides, 1) else "Padded")
    if padding == "valid" or all_equal(kernel, 1):
        return Padding()
    if padding == "causal":
        if not is_plain((kernel, dilation)):
            return Padding(prefix="Causal")
        return Padding(
            prefix="Causal", pads=(dilation[0] * (kernel[0] - 1), 0), why="causal padding"
        )
    if all_equal(strides, 1):
        if is_plain((kernel, dilation)) and all(k % 2 for k in kernel):
            return Padding(squeeze_ntuple(tuple(k // 2 * d for k, d in zip(kernel, dilation))))
        return Padding("same")
    sizes = layer.split(tensor.shape)[1]
    calls = [sizes, *layer.sizes_seen]
    if any(None in n for n in calls) or not is_plain((calls, kernel, strides, dilation)):
        return Padding(prefix="Same")
    pads, *others = [_all_pads(n, kernel, strides, dilation) for n in calls]
    if any(other != pads for other in others):
        return Padding(prefix="Same")
    if all(before == after for before, after in pads):
        return Padding(unless(squeeze_ntuple(tuple(before for before, _ in pads)), 0))
    why = f'"same" padding for stride {sizes_text(squeeze(strides))} on {sizes_text(sizes)}'
    return Padding(prefix="Same", pads=pad_argument(pads), why=why)


def _all_pads(*settings: tuple[int, ...]) -> list[tuple[int, int]]:
    return [same_pads(*axis) for axis in zip(*settings)]


def squeeze(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return values[:1] if all_equal(values, values[0]) else values


def check_conv(layer: Any, *paddings: str) -> None:
    """What Keras checks when it makes the layer."""
    layer.padding = lower(layer.padding)
    if is_plain(layer.padding) and layer.padding not in paddings:
        raise RuleError(
            "KT203",
            f"{name_of(layer)}(padding={layer.padding!r}) is not one of {', '.join(paddings)}",
        )
    for name in ("kernel_size", "strides", "dilation_rate"):
        if any(is_plain(v) and v < 1 for v in layer.each(name)):
            raise RuleError(
                "KT204", f"{name_of(layer)}({name}={getattr(layer, name)}): must be at least 1"
            )


def check_steps(layer: Any) -> None:
    strides, dilation = layer.each("strides"), layer.each("dilation_rate")
    if any(is_plain(s) and s > 1 for s in strides) and any(is_plain(d) and d > 1 for d in dilation):
        raise RuleError(
            "KT204", f"{name_of(layer)} cannot have strides together with a dilation rate"
        )


def conv_shape(layer: Any, shape: Shape, channels: Any) -> Shape:
    batch, sizes, _ = layer.split(shape)
    settings = zip(
        sizes, layer.each("kernel_size"), layer.each("strides"), layer.each("dilation_rate")
    )
    spatial = tuple(windows(n, k, s, layer.padding, d) for n, k, s, d in settings)
    joined: Shape = layer.join(batch, spatial, channels)
    return joined


def conv_arguments(layer: Any, padding: Any) -> dict[str, Any]:
    """The arguments that torch's class shares with Keras's, without those that torch assumes."""
    return {
        "kernel_size": squeeze_ntuple(layer.each("kernel_size")),
        "stride": unless(compact(layer.each("strides")), None),
        "padding": padding,
        "dilation": unless(compact(layer.each("dilation_rate")), None),
    }


def padded_input(call: Call, padding: Padding) -> Expr:
    return call.then(F.pad(call.x, padding.pads), padding.why) if padding.pads else call.x


def _first_keras(
    args: list[Any], kwargs: dict[str, Any], rank: int
) -> tuple[list[Any], dict[str, Any]]:
    """The first Keras took the kernel's sizes one by one: ``Convolution2D(64, 3, 3)``."""
    sizes = [
        name
        for name in ("kernel_dim1", "kernel_dim2", "kernel_dim3", "nb_row", "nb_col")
        if name in kwargs
    ]
    if len(sizes) == rank:
        kernel = tuple(kwargs[name] for name in sizes)
        return args, {"kernel_size": kernel, **{k: v for k, v in kwargs.items() if k not in sizes}}
    old = kwargs.keys() & (RENAMED.keys() - {"filters"})
    if rank > 1 and old and len(args) == rank + 1:
        return [args[0], tuple(args[1:])], kwargs
    return args, kwargs


class Conv(Spatial, abstract=True):
    """Slides over all spatial axes; torch's own class wherever its padding is enough."""

    renamed = RENAMED

    counts = ("filters",)

    filters: Any
    kernel_size: Any
    strides: Any = 1
    padding: Any = "valid"
    data_format: Any = None
    dilation_rate: Any = 1
    groups: Any = 1
    activation: Any = None
    use_bias: Any = True
    kernel_initializer: Any = "glorot_uniform"
    bias_initializer: Any = "zeros"
    kernel_regularizer: Any = None
    bias_regularizer: Any = None
    activity_regularizer: Any = None
    kernel_constraint: Any = None
    bias_constraint: Any = None

    @classmethod
    def bind(cls, args: list[Any], kwargs: dict[str, Any], flavour: str = "3") -> Any:
        return super().bind(*_first_keras(args, kwargs, cls.rank), flavour)

    def check(self) -> None:
        super().check()
        check_conv(self, *(("valid", "same", "causal") if self.rank == 1 else ("valid", "same")))
        check_steps(self)
        if self.filters is None:
            raise RuleError("KT204", f"{name_of(self)} without a number of filters")
        if is_plain((self.filters, self.groups)) and (
            self.filters < 1 or self.filters % self.groups
        ):
            raise RuleError(
                "KT204",
                f"{name_of(self)}: {self.filters} filters cannot be in {self.groups} groups",
            )

    def output_shape(self, *shapes: Shape) -> Shape:
        return conv_shape(self, shapes[0], self.filters)

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
        if is_plain((channels, self.groups)) and channels % self.groups:
            raise RuleError(
                "KT204", f"{name_of(self)}: {channels} channels cannot be in {self.groups} groups"
            )
        cls = Expr(f"{prefix}Conv{self.rank}d") if prefix else torch_class(nn, "Conv", self.rank)
        arguments = conv_arguments(self, padding)
        return cls(
            channels,
            self.filters,
            **arguments,
            groups=unless(self.groups, 1),
            bias=unless(self.use_bias, True),
        )

    def parameters(self) -> Iterator[tuple[str, str]]:
        yield "weight", "kernel"
        if self.use_bias is not False:
            yield "bias", "bias"


class Conv1D(Conv, aliases=("Convolution1D",)):
    """``keras.layers.Conv1D``."""

    rank = 1


class Conv2D(Conv, aliases=("Convolution2D",)):
    """``keras.layers.Conv2D``."""

    rank = 2
    strides: Any = (1, 1)
    dilation_rate: Any = (1, 1)


class Conv3D(Conv, aliases=("Convolution3D",)):
    """``keras.layers.Conv3D``."""

    rank = 3
    strides: Any = (1, 1, 1)
    dilation_rate: Any = (1, 1, 1)
