"""Convolutions and pooling as functions, with kernels that the source holds itself."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.sym import Sym, same
from kt_translate.graph.tensor import Layout, Shape, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import (
    OMIT,
    RuleError,
    is_plain,
    squeeze_ntuple,
    unless,
)
from kt_translate.layers.spatial import all_equal, windows
from kt_translate.ops.arguments import Picture, Sizes, mixed, op, tensor
from kt_translate.pytorch.expr import Expr, F, as_expr

CONV = (
    "keras.ops.conv",
    "keras.backend.conv1d",
    "keras.backend.conv2d",
    "keras.backend.conv3d",
)


# -- convolutions ---------------------------------------------------------------------------------


def _explicit(padding: Any, picture: Picture) -> list[tuple[Any, Any]] | None:
    """TensorFlow's list of (before, after); None for a padding by name."""
    if isinstance(padding, (list, tuple)):
        pairs = [tuple(p) for p in padding]
        return pairs[2:] if picture.first else pairs[1:-1]
    return None


class Convolution:
    """One convolution: how its input is padded, and what is handed to ``F.conv``."""

    def __init__(
        self,
        x: Tensor,
        kernel: Tensor,
        strides: Any,
        padding: Any,
        data_format: Any,
        dilation: Any,
    ) -> None:
        self.picture = Picture.of(x, data_format)
        if x.rank != kernel.rank or not 1 <= self.picture.rank <= 3:
            raise RuleError("KT204", f"a kernel of rank {kernel.rank} on an input of rank {x.rank}")
        self.kernel = kernel.shape[:-2]
        self.strides = self.picture.window(strides)
        self.dilation = self.picture.window(1 if dilation is None else dilation)
        self.pairs = _explicit(padding, self.picture)
        name = decided(padding, "the padding") if self.pairs is None else "valid"
        self.padding = str(name).lower()
        if self.padding not in ("same", "valid", "causal"):
            raise RuleError("KT203", f"padding={padding!r} of a convolution")

    def sizes(self) -> Shape:
        sizes = []
        for i, size in enumerate(self.picture.sizes):
            if size is not None and self.pairs is not None:
                size = size + self.pairs[i][0] + self.pairs[i][1]
            same, kernel = self.padding != "valid", self.kernel[i]
            if kernel is None:
                size, kernel = size if same else None, 1
            name = "same" if same else "valid"
            sizes.append(windows(size, kernel, self.strides[i], name, self.dilation[i]))
        return tuple(sizes)

    def render(self, x: Expr, given: Expr, weight: Expr, groups: Any) -> Expr:
        """``given`` is the kernel as Keras has it, ``weight`` as torch wants it."""
        strides, dilation = squeeze_ntuple(self.strides), squeeze_ntuple(self.dilation)
        kernel = tuple(given.shape[i] if k is None else k for i, k in enumerate(self.kernel))
        padding: Any = OMIT
        if self.pairs is not None:
            x = F.pad(x, tuple(p for pair in reversed(self.pairs) for p in pair))
        elif self.padding == "causal":
            x = F.pad(x, (self.dilation[0] * (kernel[0] - 1), 0))
        elif self.padding == "same" and not all_equal(self.kernel, 1):
            if all_equal(self.strides, 1):
                padding = self._stride_one()
            else:
                extra = () if all_equal(self.dilation, 1) else (dilation,)
                x = Expr("pad_same")(x, squeeze_ntuple(kernel), strides, *extra)
        function: Expr = getattr(F, f"conv{self.picture.rank}d")
        return function(
            x,
            weight,
            stride=unless(strides, 1),
            padding=padding,
            dilation=unless(dilation, 1),
            groups=unless(groups, 1),
        )

    def _stride_one(self) -> Any:
        if not all(isinstance(n, int) for n in (*self.kernel, *self.dilation)):
            return "same"
        pads = [k // 2 * d for k, d in zip(self.kernel, self.dilation) if k is not None and k % 2]
        return squeeze_ntuple(tuple(pads)) if len(pads) == self.picture.rank else "same"


def in_torch_order(rank: int) -> tuple[int, ...]:
    """(*sizes, in, out) as (out, in, *sizes)."""
    return (rank + 1, rank, *range(rank))


@op(*CONV, x="inputs", input="inputs")
def conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Tensor:
    x, kernel = tensor(inputs, "the input"), tensor(kernel, "the kernel")
    made = Convolution(x, kernel, strides, padding, data_format, dilation_rate)
    picture, (ins, filters) = made.picture, kernel.shape[-2:]
    order = in_torch_order(picture.rank)

    def render(e: Expr, k: Expr) -> Expr:
        if same(picture.channels, ins) and ins is not None:
            groups: Any = 1
        elif picture.channels is None or ins is None:
            groups = e.shape[1] // k.shape[picture.rank]
        else:
            groups = picture.channels // ins
        return made.render(e, k, k.permute(*order), groups)

    return mixed(
        render,
        [x, kernel],
        picture.shape(made.sizes(), filters),
        x.dtype,
        picture.layout,
        [picture.layout, Layout.LAST],
    )


@op("tf.nn.conv2d", "tf.nn.conv1d", "tf.nn.conv3d", "tf.nn.convolution", filter="filters")
def tf_conv(
    input: Any,
    filters: Any,
    strides: Any = None,
    padding: Any = "VALID",
    data_format: Any = None,
    dilations: Any = None,
    stride: Any = None,
    dilation_rate: Any = None,
    use_cudnn_on_gpu: Any = None,
) -> Tensor:
    """TensorFlow's own; the strides may be named for all axes."""
    given = strides if strides is not None else 1 if stride is None else stride
    return conv(input, filters, given, padding, data_format, dilations or dilation_rate or 1)


@op(
    "keras.ops.depthwise_conv",
    "keras.backend.depthwise_conv2d",
    x="inputs",
    depthwise_kernel="kernel",
)
def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Tensor:
    x, kernel = tensor(inputs, "the input"), tensor(kernel, "the kernel")
    made = Convolution(x, kernel, strides, padding, data_format, dilation_rate)
    picture, (ins, multiplier) = made.picture, kernel.shape[-2:]
    rank = picture.rank

    def render(e: Expr, k: Expr) -> Expr:
        weight = k.permute(rank, rank + 1, *range(rank)).flatten(0, 1).unsqueeze(1)
        return made.render(e, k, weight, k.shape[rank] if ins is None else ins)

    return mixed(
        render,
        [x, kernel],
        picture.shape(made.sizes(), _times(ins, multiplier)),
        x.dtype,
        picture.layout,
        [picture.layout, Layout.LAST],
    )


def _times(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a * b


@op("tf.nn.depthwise_conv2d", "tf.nn.depthwise_conv2d_native")
def tf_depthwise_conv(
    input: Any,
    filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    rate: Any = None,
) -> Tensor:
    return depthwise_conv(input, filter, strides, padding, data_format, dilations or rate or 1)


@op("keras.ops.separable_conv", "keras.backend.separable_conv2d", x="inputs")
def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Tensor:
    x = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(x, pointwise_kernel, 1, "valid", data_format)


@op("tf.nn.separable_conv2d")
def tf_separable_conv(
    input: Any,
    depthwise_filter: Any,
    pointwise_filter: Any,
    strides: Any,
    padding: Any,
    data_format: Any = None,
    dilations: Any = None,
    rate: Any = None,
) -> Tensor:
    return separable_conv(
        input,
        depthwise_filter,
        pointwise_filter,
        strides,
        padding,
        data_format,
        dilations or rate or 1,
    )


# -- transposed convolutions ----------------------------------------------------------------------


def _transposed(
    x: Tensor,
    kernel: Tensor,
    picture: Picture,
    sizes: Sizes | None,
    settings: tuple[Any, Any, str, Any],
) -> Tensor:
    """``sizes`` are those of the result, where the source gives them; else Keras's for the padding."""
    strides, dilation, padding, output_padding = settings
    order = in_torch_order(picture.rank)
    axes = list(zip(picture.sizes, kernel.shape[:-2], strides, dilation))
    lengths = [
        None if None in axis[:2] else _length(*axis, padding, output_padding) for axis in axes
    ]
    shape = sizes.shape if sizes is not None else tuple(lengths)

    def at_run_time(e: Expr, k: Expr, i: int) -> Any:
        length: Any
        reach: Any
        length, reach, stride, rate = axes[i]
        length = e.shape[i + 2] if length is None else as_expr(length)
        reach = k.shape[i] if reach is None else as_expr(reach)
        return _length(length, reach, stride, rate, padding, output_padding)

    def render(e: Expr, k: Expr, *given: Expr) -> Expr:
        if sizes is not None:
            size: tuple[Any, ...] = tuple(sizes.exprs(given))
        else:
            size = tuple(
                n if n is not None else at_run_time(e, k, i) for i, n in enumerate(lengths)
            )
        return Expr("conv_transpose")(
            e,
            k.permute(*order),
            size,
            squeeze_ntuple(strides),
            padding,
            dilation=unless(squeeze_ntuple(dilation), 1),
        )

    inputs = [] if sizes is None else sizes.inputs
    return mixed(
        render,
        [x, kernel, *inputs],
        picture.shape(shape, kernel.shape[-2]),
        x.dtype,
        picture.layout,
        [picture.layout, Layout.LAST, *[Layout.LAST] * len(inputs)],
    )


def _length(size: Any, kernel: Any, stride: Any, dilation: Any, padding: str, extra: Any) -> Any:
    """Keras's size of the result of a transposed convolution, of numbers or expressions."""
    reach = kernel if is_plain(dilation) and dilation == 1 else (kernel - 1) * dilation + 1
    if extra is None and padding == "same":
        return size * stride
    if extra is None:
        more = max(reach - stride, 0) if isinstance(reach, int) else Expr("max")(reach - stride, 0)
        return size * stride + more
    whole = (size - 1) * stride + reach + extra
    return whole - reach // 2 * 2 if padding == "same" else whole


@op("keras.ops.conv_transpose")
def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Any = 1,
    padding: Any = "valid",
    output_padding: Any = None,
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Tensor:
    x, kernel = tensor(inputs, "the input"), tensor(kernel, "the kernel")
    picture = Picture.of(x, data_format)
    settings = (
        picture.window(strides),
        picture.window(dilation_rate),
        str(decided(padding, "the padding")).lower(),
        output_padding,
    )
    return _transposed(x, kernel, picture, None, settings)


@op("keras.backend.conv2d_transpose", "keras.backend.conv3d_transpose")
def backend_conv_transpose(
    x: Any,
    kernel: Any,
    output_shape: Any,
    strides: Any = 1,
    padding: Any = "valid",
    data_format: Any = None,
    dilation_rate: Any = 1,
) -> Tensor:
    return tf_conv_transpose(x, kernel, output_shape, strides, padding, data_format, dilation_rate)


@op(
    "tf.nn.conv2d_transpose",
    "tf.nn.conv1d_transpose",
    "tf.nn.conv3d_transpose",
    "tf.nn.conv_transpose",
    filter="filters",
    value="input",
)
def tf_conv_transpose(
    input: Any,
    filters: Any,
    output_shape: Any,
    strides: Any,
    padding: Any = "SAME",
    data_format: Any = None,
    dilations: Any = None,
) -> Tensor:
    x, kernel = tensor(input, "the input"), tensor(filters, "the kernel")
    picture = Picture.of(x, data_format)
    if isinstance(output_shape, Sym) or not isinstance(output_shape, (list, tuple)):
        raise RuleError("KT203", "a transposed convolution whose output shape is computed")
    sizes = Sizes.of(tuple(output_shape)[2:] if picture.first else tuple(output_shape)[1:-1])
    settings = (
        picture.window(strides),
        picture.window(1 if dilations is None else dilations),
        str(decided(padding, "the padding")).lower(),
        None,
    )
    return _transposed(x, kernel, picture, sizes, settings)
