"""Preparing pictures and numbers: Resizing, CenterCrop, Normalization and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.graph.precision import EXACT, resized, rounded
from kt_translate.graph.sym import Sym, known
from kt_translate.layers.augmentation import Picture
from kt_translate.layers.layer import (
    Call,
    Dim,
    Expr,
    F,
    Layer,
    Layout,
    RuleError,
    Shape,
    Tensor,
    as_text,
    is_plain,
    same,
    squeeze_ntuple,
    torch,
    unless,
)
from kt_translate.layers.spatial import name_of, plain


class Sized(Picture, abstract=True):
    """Gives pictures a fixed size."""

    if TYPE_CHECKING:
        height: Any
        width: Any

    @property
    def size(self) -> tuple[Any, Any]:
        return self.height, self.width

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, _, channels = self.split(shapes[0])
        return self.join(batch, self.size, channels)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None


_MODES: dict[str, dict[str, Any]] = {
    "bilinear": {"mode": "bilinear"},
    "nearest": {"mode": "nearest-exact"},
    "bicubic": {"mode": "bicubic", "antialias": True},
}


class Resizing(Sized):
    """``keras.layers.Resizing``; whole numbers are rounded and stay whole."""

    height: Any
    width: Any
    interpolation: Any = "bilinear"
    crop_to_aspect_ratio: Any = False
    pad_to_aspect_ratio: Any = False
    fill_mode: Any = "constant"
    fill_value: Any = 0.0
    antialias: Any = False
    data_format: Any = None

    only = {"fill_mode": ("constant",)}

    def keras_precision(self) -> float:
        return resized(self.interpolation)

    def check(self) -> None:
        super().check()
        plain(self, "interpolation")
        allowed = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5", "area")
        if self.interpolation not in allowed:
            raise RuleError(
                "KT203",
                f"Resizing(interpolation={self.interpolation!r}) is not supported; supported: "
                + ", ".join(allowed),
            )
        for field in ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "antialias"):
            plain(self, field)
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise RuleError("KT204", "Resizing cannot both crop and pad to the aspect ratio")

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def forward(self, call: Call) -> Expr:
        dtype = call.tensor.dtype
        if dtype.startswith(("float", "bfloat")):
            return self.resized(self.fitted(call.x))
        y = self.resized(self.fitted(call.x).float()).round()
        if dtype == "uint8":
            y = y.clamp(0, 255)
        return y.to(getattr(torch, dtype))

    def fitted(self, x: Expr) -> Expr:
        """The picture with the proportions of the new size, if these are asked for."""
        if self.crop_to_aspect_ratio:
            return Expr("crop_to_aspect")(x, self.size)
        if self.pad_to_aspect_ratio:
            return Expr("pad_to_aspect")(x, self.size, unless(self.fill_value, 0.0))
        return x

    def resized(self, x: Expr) -> Expr:
        name = self.interpolation
        if name == "bicubic" and not self.antialias:
            return Expr("resize_bicubic")(x, self.size)
        if name == "area":
            return Expr("resize_area")(x, self.size)
        if name.startswith("lanczos"):
            antialias = unless(bool(self.antialias), False)
            return Expr("resize_lanczos")(x, self.size, radius=int(name[-1]), antialias=antialias)
        settings = dict(_MODES[name])
        if name == "bilinear" and self.antialias:
            settings["antialias"] = True
        return F.interpolate(x, size=squeeze_ntuple(self.size), **settings)


class CenterCrop(Sized):
    """``keras.layers.CenterCrop``; a smaller picture is resized."""

    height: Any
    width: Any
    data_format: Any = None

    def forward(self, call: Call) -> Expr:
        x = self.floating(call)
        sizes = self.split(call.tensor.shape)[1]
        if not is_plain((sizes, self.size)) or None in sizes:
            return Expr("center_crop")(x, self.size)
        if any(n < wanted for n, wanted in zip(sizes, self.size)):
            return Expr("center_crop")(x, self.size)
        starts = [(n - wanted) // 2 for n, wanted in zip(sizes, self.size)]
        index = (Ellipsis, *(slice(s, s + wanted) for s, wanted in zip(starts, self.size)))
        return x[index]


class AutoContrast(Picture):
    """``keras.layers.AutoContrast``: in training and at inference."""

    value_range: Any = (0, 255)

    def forward(self, call: Call) -> Expr:
        settings = [] if same(tuple(self.value_range), (0, 255)) else [tuple(self.value_range)]
        return Expr("auto_contrast")(self.floating(call), *settings)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None


class MaxNumBoundingBoxes(Picture):
    """``keras.layers.MaxNumBoundingBoxes``: pictures pass as they are."""

    max_number: Any
    fill_value: Any = -1

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def forward(self, call: Call) -> Expr:
        return call.x

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None


class Normalization(Layer):
    """``keras.layers.Normalization``: given numbers, or weights that `adapt` finds."""

    masking = "pass"

    axis: Any = -1
    mean: Any = None
    variance: Any = None
    invert: Any = False

    def keras_precision(self) -> float:
        return EXACT if self.flavour == "2" else rounded(self.mean, self.variance)

    def check(self) -> None:
        axis = plain(self, "axis")
        self.axes = (
            () if axis is None else tuple(axis) if isinstance(axis, (list, tuple)) else (axis,)
        )
        if (self.mean is None) != (self.variance is None):
            raise RuleError("KT204", "Normalization takes both a mean and a variance, or neither")
        rank = _rank(self.mean)
        if rank != _rank(self.variance) or rank > len(self.axes):
            raise RuleError(
                "KT204", f"Normalization: mean and variance do not fit axis={as_text(axis)}"
            )

    def wants(self, *tensors: Tensor) -> list[Layout]:
        (x,) = tensors
        last = self.kept(x) in ((), (x.rank - 1,))
        return [Layout.KEEP if last else Layout.LAST]

    def kept(self, x: Tensor) -> tuple[int, ...]:
        if any(not -x.rank <= a < x.rank for a in self.axes):
            raise RuleError("KT204", f"Normalization(axis={self.axis}) of {x.rank} axes")
        kept = tuple(sorted(a % x.rank for a in self.axes))
        if 0 in kept:
            raise RuleError("KT203", "Normalization over the axis of the batch is not supported")
        return kept

    def broadcast(self, x: Tensor, sizes: dict[int, Dim]) -> list[Dim]:
        """The shape in which ``sizes`` (by Keras's axis) go with x, without axes in front."""
        shape: list[Dim] = [sizes.get(axis, 1) for axis in range(x.rank)]
        if x.layout is Layout.FIRST and x.rank > 2:
            shape = [shape[0], shape[-1], *shape[1:-1]]
        while shape and same(shape[0], 1) and len(shape) > 0:
            shape = shape[1:]
        return shape

    def module(self, *tensors: Tensor) -> Expr:
        (x,) = tensors
        kept = self.kept(x)
        invert = unless(self.invert, False)
        if self.mean is None:
            if any(x.shape[axis] is None for axis in kept):
                raise RuleError("KT204", "Normalization needs to know the sizes of its axes")
            shape = self.broadcast(x, {axis: x.shape[axis] for axis in kept})
            return Expr("AdaptedNormalization")(*shape, invert=invert)
        given = [self.fitting(x, kept, value) for value in (self.mean, self.variance)]
        return Expr("Normalization")(*given, invert=invert)

    def fitting(self, x: Tensor, kept: tuple[int, ...], value: Any) -> Any:
        """Given numbers in the shape in which they go with x."""
        rank = _rank(value)
        if rank == 0:
            return value
        if isinstance(value, Sym) and rank > 1:
            raise RuleError("KT203", "Normalization by rows of numbers that a setting says")
        sizes: dict[int, Dim] = {}
        part = value
        for axis in kept[len(kept) - rank :]:
            sizes[axis], part = (-1, None) if isinstance(part, Sym) else (len(part), part[0])
        numbers = _as_lists(value)
        shape = self.broadcast(x, sizes)
        if len(shape) <= 1:
            return numbers
        return torch.tensor(numbers).view(*shape)


def _as_lists(value: Any) -> Any:
    return [_as_lists(v) for v in value] if isinstance(value, (list, tuple)) else value


def _rank(value: Any) -> int:
    """How many axes given numbers have."""
    value = known(value)
    if isinstance(value, (list, tuple)):
        return 1 + _rank(value[0]) if value else 1
    return 0


class CategoryEncoding(Layer):
    """``keras.layers.CategoryEncoding``."""

    layout = Layout.LAST

    num_tokens: Any = None
    output_mode: Any = "multi_hot"
    sparse: Any = False

    only = {"sparse": (False,)}

    def check(self) -> None:
        self.output_mode = check_mode(self, "one_hot", "multi_hot", "count")
        if self.num_tokens is None:
            raise RuleError("KT204", "CategoryEncoding needs num_tokens")

    def output_dtype(self, *dtypes: str) -> str:
        return "float32"

    def output_shape(self, *shapes: Shape) -> Shape:
        return encoded_shape(self, shapes[0], self.num_tokens)

    def forward(self, call: Call) -> Expr:
        return encoded(self.output_mode, call, call.x, self.num_tokens)


def check_mode(layer: Layer, *modes: str) -> str:
    mode = plain(layer, "output_mode")
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    if mode not in modes:
        raise RuleError(
            "KT203", f"{name_of(layer)}(output_mode={mode!r}) is not one of {', '.join(modes)}"
        )
    return str(mode)


def encoded_shape(layer: Any, shape: Shape, depth: Any) -> Shape:
    """Keras takes together what lies along axis 1; a last axis of 1 gives way to the encoding."""
    if layer.output_mode == "int":
        return shape
    if layer.output_mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and same(shape[-1], 1) else shape), depth)
    if len(shape) < 2:
        raise RuleError(
            "KT203",
            f"{name_of(layer)}(output_mode={layer.output_mode!r}) needs an axis beside the batch",
        )
    return (shape[0], *shape[2:], depth)


def encoded(mode: str, call: Call, x: Expr, depth: Any, dtype: Any = None) -> Expr:
    """The expression for numbers ``x`` in the shape of the call's input."""
    arguments = [x, depth] if dtype is None else [x, depth, dtype]
    if mode == "one_hot":
        if call.tensor.rank > 1 and same(call.tensor.shape[-1], 1):
            arguments[0] = x.squeeze(-1)
        return Expr("one_hot")(*arguments)
    hot = Expr("one_hot")(*arguments)
    if mode == "multi_hot":
        return hot.amax(1)
    weights = call.options.get("count_weights")
    return (hot if weights is None else hot * weights.unsqueeze(-1)).sum(1)


class Discretization(Layer):
    """``keras.layers.Discretization`` with given boundaries; learnt ones are in no weight file."""

    bin_boundaries: Any = None
    num_bins: Any = None
    epsilon: Any = 0.01
    output_mode: Any = "int"
    sparse: Any = False

    inert = ("epsilon",)
    only = {"sparse": (False,)}

    def check(self) -> None:
        self.output_mode = check_mode(self, "int", "one_hot", "multi_hot", "count")
        if self.bin_boundaries is None and self.num_bins is None:
            raise RuleError("KT204", "Discretization needs bin_boundaries or num_bins")
        if self.bin_boundaries is not None and not isinstance(self.bin_boundaries, (list, tuple)):
            raise RuleError("KT203", "Discretization(bin_boundaries=) must be a list of numbers")

    def wants(self, *tensors: Tensor) -> list[Layout]:
        return [Layout.KEEP if self.output_mode == "int" else Layout.LAST]

    def output_dtype(self, *dtypes: str) -> str:
        return "int32" if self.output_mode == "int" else "float32"

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        if self.bin_boundaries is None:
            raise RuleError(
                "KT202",
                "Discretization(num_bins=) learns its boundaries from data; no file keeps them",
                "give the bin_boundaries that it has found",
            )
        shape = encoded_shape(self, tensors[0].shape, len(self.bin_boundaries) + 1)
        layout = tensors[0].layout if self.output_mode == "int" else Layout.LAST
        return [Tensor(shape, self.output_dtype(), layout)]

    def forward(self, call: Call) -> Expr:
        found = Expr("discretize")(call.x, list(self.bin_boundaries))
        if self.output_mode == "int":
            return found
        return encoded(self.output_mode, call, found, len(self.bin_boundaries) + 1)
