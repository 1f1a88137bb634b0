"""Pooling: windows, whole pictures, and pictures of a given size."""

from __future__ import annotations

from typing import Any, ClassVar

from kt_translate.layers.layer import (
    Call,
    Expr,
    F,
    Layout,
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
    lower,
    name_of,
    plain,
    same_pads,
    torch_class,
    windows,
)


class Pooling(Spatial, abstract=True):
    """The best or the mean of each window."""

    renamed = {
        "pool_length": "pool_size",
        "stride": "strides",
        "border_mode": "padding",
        "dim_ordering": "data_format",
    }
    stem: ClassVar[str]  # MaxPool or AvgPool
    function: ClassVar[str]  # max_pool or avg_pool
    inside: ClassVar[dict[str, Any]] = (
        {}
    )  # what keeps padded elements out, where torch's function pads

    pool_size: Any
    strides: Any = None
    padding: Any = "valid"
    data_format: Any = None

    def check(self) -> None:
        super().check()
        self.padding = lower(self.padding)
        if is_plain(self.padding) and self.padding not in ("valid", "same"):
            raise RuleError(
                "KT203", f"{name_of(self)}(padding={self.padding!r}): it is 'valid' or 'same'"
            )

    def _windows(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        kernel = self.each("pool_size")
        return kernel, kernel if self.strides is None else self.each("strides")

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, sizes, channels = self.split(shapes[0])
        axes = zip(sizes, *self._windows())
        return self.join(batch, tuple(windows(n, k, s, self.padding) for n, k, s in axes), channels)

    def _arguments(self) -> dict[str, Any]:
        kernel, stride = self._windows()
        arguments = {"kernel_size": squeeze_ntuple(kernel)}
        if squeeze_ntuple(stride) != arguments["kernel_size"]:
            arguments["stride"] = squeeze_ntuple(stride)
        return arguments

    def _torch_arguments(self, tensor: Tensor) -> dict[str, Any] | None:
        """Arguments with which torch's own pooling pads as Keras does, if there are any."""
        arguments = self._arguments()
        if self.padding == "valid":
            return arguments
        if isinstance(self.padding, Sym):
            return None
        pads = [
            _same_in_torch(*axis) for axis in zip(self.split(tensor.shape)[1], *self._windows())
        ]
        if None in pads:
            return None
        amounts, ceil = zip(*(p for p in pads if p is not None))
        if any(amounts):
            arguments |= {"padding": squeeze_ntuple(amounts), **self.inside}
        if any(ceil):
            arguments["ceil_mode"] = True
            arguments |= self.inside if any(amounts) else {}
        return arguments

    def module(self, *tensors: Tensor) -> Expr | None:
        arguments = self._torch_arguments(tensors[0])
        return (
            None
            if arguments is not None and is_plain(list(arguments.values()))
            else self.standalone(*tensors)
        )

    def standalone(self, *tensors: Tensor) -> Expr:
        arguments = self._torch_arguments(tensors[0])
        plain_class = torch_class(nn, self.stem, self.rank)
        if arguments is not None:
            return plain_class(**arguments)
        same = Expr(f"Same{self.stem}{self.rank}d")(**self._arguments())
        if not isinstance(self.padding, Sym):
            return same
        return Expr.conditional(
            Expr.binary("==", self.padding.expr, Expr("'same'")),
            same,
            plain_class(**self._arguments()),
        )

    def forward(self, call: Call) -> Expr:
        if self.module(*call.tensors) is not None:
            return call.module(call.x)
        arguments = self._torch_arguments(call.tensor) or {}
        return torch_class(F, f"{self.function}", self.rank)(call.x, **arguments)


def _same_in_torch(size: Any, kernel: Any, stride: Any) -> tuple[int, bool] | None:
    """(padding, ceil_mode) that place the windows of one axis as "same" does, if any do.

    With strides, ceil_mode adds the window that reaches over the end, where Keras puts an odd
    element.
    """
    if not is_plain((kernel, stride)):
        return None
    if stride == 1 and kernel % 2:
        return kernel // 2, False
    if kernel <= 2 and stride > 1:
        return 0, kernel == 2
    if size is None or not is_plain(size):
        return None
    before, after = same_pads(size, kernel, stride)
    if before == after:
        return before, False
    return (before, True) if stride > 1 else None


class MaxPooling(Pooling, abstract=True):
    """The largest element of each window."""

    stem = "MaxPool"
    function = "max_pool"

    pool_size: Any = 2


class AveragePooling(Pooling, abstract=True):
    """The mean of each window, padded elements not counted."""

    stem = "AvgPool"
    function = "avg_pool"
    inside = {"count_include_pad": False}
    flavours = {"2": {"pool_size": 2}}


class MaxPooling1D(MaxPooling, aliases=("MaxPool1D",)):
    """``keras.layers.MaxPooling1D``."""

    rank = 1


class MaxPooling2D(MaxPooling, aliases=("MaxPool2D",)):
    """``keras.layers.MaxPooling2D``."""

    rank = 2
    pool_size: Any = (2, 2)


class MaxPooling3D(MaxPooling, aliases=("MaxPool3D",)):
    """``keras.layers.MaxPooling3D``."""

    rank = 3
    pool_size: Any = (2, 2, 2)


class AveragePooling1D(AveragePooling, aliases=("AvgPool1D",)):
    """``keras.layers.AveragePooling1D``."""

    rank = 1


class AveragePooling2D(AveragePooling, aliases=("AvgPool2D",)):
    """``keras.layers.AveragePooling2D``."""

    rank = 2


class AveragePooling3D(AveragePooling, aliases=("AvgPool3D",)):
    """``keras.layers.AveragePooling3D``."""

    rank = 3


class GlobalPooling(Spatial, abstract=True):
    """One number for each channel; works in either layout."""

    layout = Layout.KEEP
    renamed = {"dim_ordering": "data_format"}
    method: ClassVar[str]

    data_format: Any = None
    keepdims: Any = False

    def check(self) -> None:
        super().check()
        self.keepdims = bool(plain(self, "keepdims"))

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, _, channels = self.split(shapes[0])
        return self.join(batch, (1,) * self.rank, channels) if self.keepdims else (batch, channels)

    def _dims(self, tensor: Tensor) -> Any:
        first = 2 if self.channels_first else 1
        return squeeze_dims(tuple(tensor.dim(axis) for axis in range(first, first + self.rank)))

    def forward(self, call: Call) -> Expr:
        reduced: Expr = getattr(call.x, self.method)(
            dim=self._dims(call.tensor), keepdim=unless(self.keepdims, False)
        )
        return reduced


def squeeze_dims(dims: tuple[int, ...]) -> Any:
    return dims[0] if len(dims) == 1 else dims


class GlobalAveragePooling(GlobalPooling, abstract=True):
    """The mean over all positions."""

    method = "mean"

    def standalone(self, *tensors: Tensor) -> Expr | None:
        if tensors[0].layout is not Layout.FIRST and not self.channels_first:
            return None
        pool = torch_class(nn, "AdaptiveAvgPool", self.rank)(1)
        return pool if self.keepdims else nn.Sequential(pool, nn.Flatten())


class GlobalMaxPooling(GlobalPooling, abstract=True):
    """The maximum over all positions; equal ones share the gradient, unlike in adaptive pooling."""

    method = "amax"


class GlobalAveragePooling1D(GlobalAveragePooling, aliases=("GlobalAvgPool1D",)):
    """``keras.layers.GlobalAveragePooling1D``; masked steps do not count."""

    heeds = True
    call_arguments = ("inputs", "mask")
    rank = 1

    def wants(self, *tensors: Tensor) -> list[Layout]:
        return [Layout.LAST] if tensors[0].mask is not None else super().wants(*tensors)

    def forward(self, call: Call) -> Expr:
        mask = call.options.get("mask")
        mask = call.masks[0] if mask is None else mask
        if mask is None:
            return super().forward(call)
        steps_first = call.tensor.layout is Layout.FIRST or self.channels_first
        x = call.x.transpose(1, 2) if steps_first else call.x
        mean = Expr("masked_mean")(x, mask, keepdim=unless(self.keepdims, False))
        return mean.transpose(1, 2) if steps_first and self.keepdims else mean

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None if tensors[0].mask is not None else super().standalone(*tensors)


class GlobalAveragePooling2D(GlobalAveragePooling, aliases=("GlobalAvgPool2D",)):
    """``keras.layers.GlobalAveragePooling2D``."""

    rank = 2


class GlobalAveragePooling3D(GlobalAveragePooling, aliases=("GlobalAvgPool3D",)):
    """``keras.layers.GlobalAveragePooling3D``."""

    rank = 3


class GlobalMaxPooling1D(GlobalMaxPooling, aliases=("GlobalMaxPool1D",)):
    """``keras.layers.GlobalMaxPooling1D``; a mask is ignored."""

    rank = 1


class GlobalMaxPooling2D(GlobalMaxPooling, aliases=("GlobalMaxPool2D",)):
    """``keras.layers.GlobalMaxPooling2D``."""

    rank = 2


class GlobalMaxPooling3D(GlobalMaxPooling, aliases=("GlobalMaxPool3D",)):
    """``keras.layers.GlobalMaxPooling3D``."""

    rank = 3


class AdaptivePooling(Spatial, abstract=True):
    """Pooling to a given size, with torch's own windows."""

    stem: ClassVar[str]
    function: ClassVar[str]

    output_size: Any
    data_format: Any = None

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, _, channels = self.split(shapes[0])
        return self.join(batch, self.each("output_size"), channels)

    def module(self, *tensors: Tensor) -> Expr | None:
        return None if is_plain(self.output_size) else self.standalone(*tensors)

    def standalone(self, *tensors: Tensor) -> Expr:
        return torch_class(nn, self.stem, self.rank)(squeeze_ntuple(self.each("output_size")))

    def forward(self, call: Call) -> Expr:
        if not is_plain(self.output_size):
            return call.module(call.x)
        return torch_class(F, self.function, self.rank)(
            call.x, squeeze_ntuple(self.each("output_size"))
        )


class AdaptiveAveragePooling(AdaptivePooling, abstract=True):
    """The mean of each window."""

    stem = "AdaptiveAvgPool"
    function = "adaptive_avg_pool"


class AdaptiveMaxPooling(AdaptivePooling, abstract=True):
    """The largest element of each window."""

    stem = "AdaptiveMaxPool"
    function = "adaptive_max_pool"


class AdaptiveAveragePooling1D(AdaptiveAveragePooling):
    """``keras.layers.AdaptiveAveragePooling1D``."""

    rank = 1


class AdaptiveAveragePooling2D(AdaptiveAveragePooling):
    """``keras.layers.AdaptiveAveragePooling2D``."""

    rank = 2


class AdaptiveAveragePooling3D(AdaptiveAveragePooling):
    """``keras.layers.AdaptiveAveragePooling3D``."""

    rank = 3


class AdaptiveMaxPooling1D(AdaptiveMaxPooling):
    """``keras.layers.AdaptiveMaxPooling1D``."""

    rank = 1


class AdaptiveMaxPooling2D(AdaptiveMaxPooling):
    """``keras.layers.AdaptiveMaxPooling2D``."""

    rank = 2


class AdaptiveMaxPooling3D(AdaptiveMaxPooling):
    """``keras.layers.AdaptiveMaxPooling3D``."""

    rank = 3
