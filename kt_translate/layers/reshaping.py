"""Layers that move elements: flattening, reshaping, repeating."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.precision import resized
from kt_translate.layers.layer import (
    Call,
    Dim,
    Expr,
    Layer,
    Layout,
    RuleError,
    Shape,
    Sym,
    Tensor,
    as_expr,
    is_plain,
    known,
    nn,
    same,
)
from kt_translate.layers.spatial import Spatial, lower, plain


def product(dims: tuple[Dim, ...]) -> Dim:
    """The number of elements; None where a size is open."""
    total: Any = 1
    for dim in dims:
        if dim is None:
            return None
        total = total * dim
    return total  # type: ignore[no-any-return]


def is_open(size: Any) -> bool:
    """Whether this is the -1 of a target shape."""
    value = known(size)
    return isinstance(value, int) and value == -1


def flat_output(tensor: Tensor, channels_first: bool = False) -> Tensor:
    """The tensor flattened in torch's order; marked where Keras's order is another."""
    output = Tensor((tensor.shape[0], product(tensor.shape[1:])), tensor.dtype)
    if tensor.rank < 3 or not (channels_first or tensor.layout is Layout.FIRST):
        return output
    channels, *spatial = tensor.shape[1:] if channels_first else tensor.torch_shape[1:]
    one_place = all(is_plain(n) and n == 1 for n in spatial)
    one_channel = channels is not None and is_plain(channels) and channels == 1
    if not one_place and not one_channel:
        output.flattened = (channels, *spatial)
    return output


class Flatten(Layer):
    """``keras.layers.Flatten``: in torch's order; the weights that follow are loaded in it."""

    renamed = {"dim_ordering": "data_format"}

    data_format: Any = None

    def check(self) -> None:
        self.data_format = lower(plain(self, "data_format"))

    def wants(self, *tensors: Tensor) -> list[Layout]:
        unknown = None in tensors[0].shape[1:]  # no weights can be loaded in torch's order
        first = self.data_format == "channels_first"
        return [Layout.LAST if first or unknown else Layout.KEEP]

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        return [flat_output(tensors[0], self.data_format == "channels_first")]

    def forward(self, call: Call) -> Expr:
        if call.tensor.rank == 2:
            return call.x
        return call.x.unsqueeze(1) if call.tensor.rank == 1 else call.x.flatten(1)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return nn.Flatten() if tensors[0].rank > 1 else None


class Reshape(Layer):
    """``keras.layers.Reshape``: in Keras's order of the elements."""

    layout = Layout.LAST

    target_shape: Any

    def check(self) -> None:
        target = self.target_shape
        if isinstance(target, Sym) and isinstance(target.value, (tuple, list)):
            target = tuple(Sym.index(target, i) for i in range(len(target.value)))
        if isinstance(target, (Sym, int)):
            raise RuleError(
                "KT203",
                f"Reshape({target}): the number of axes must be known",
                "give a tuple of sizes",
            )
        self.target_shape = tuple(target)
        if sum(is_open(n) for n in self.target_shape) > 1:
            raise RuleError(
                "KT204", f"Reshape({self.target_shape}): only one size can be left open"
            )

    def wants(self, *tensors: Tensor) -> list[Layout]:
        return [
            (
                Layout.KEEP
                if len(self.target_shape) == 1 or self._joins_places(tensors[0])
                else Layout.LAST
            )
        ]

    def _joins_places(self, tensor: Tensor) -> bool:
        """Whether the spatial axes become one and the channels stay: free in either layout."""
        shape = self.output_shape(tensor.shape)
        channels = shape[-1]
        return (
            tensor.rank > 3
            and len(shape) == 3
            and channels is not None
            and same(channels, tensor.channels)
        )

    def _joins_rows(self, tensor: Tensor) -> bool:
        """Whether all axes but the first become one, as before what is recurrent."""
        steps, features = self.target_shape
        row = product(tensor.shape[2:])
        kept = is_open(steps) or (tensor.shape[1] is not None and same(steps, tensor.shape[1]))
        return kept and row is not None and same(features, row)

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, *sizes = shapes[0]
        target = self.target_shape
        total: Any = product(tuple(sizes))
        if not any(is_open(n) for n in target):
            asked = product(target)
            if is_plain((total, asked)) and total is not None and total != asked:
                raise RuleError("KT204", f"Reshape({target}) of {total} elements")
            return (batch, *target)
        rest: Any = product(tuple(n for n in target if not is_open(n)))
        if total is not None and is_plain((total, rest)) and total % rest:
            raise RuleError(
                "KT204", f"Reshape({target}): {total} elements are not a multiple of {rest}"
            )
        left = None if total is None else _divide(tuple(sizes), total, target, rest)
        return (batch, *(left if is_open(n) else n for n in target))

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        shape = self.output_shape(tensors[0].shape)
        if len(shape) == 2:
            output = flat_output(tensors[0])
            output.shape = shape if output.shape[1] is None else output.shape
            return [output]
        return [Tensor(shape, tensors[0].dtype)]

    def forward(self, call: Call) -> Expr:
        x, tensor, target = call.x, call.tensor, self.target_shape
        shape = self.output_shape(tensor.shape)
        if len(target) == 1:
            return x if tensor.rank == 2 else x.flatten(1) if tensor.rank > 2 else x.unsqueeze(1)
        if self._joins_places(tensor):
            return (
                x.flatten(2).transpose(1, 2)
                if tensor.layout is Layout.FIRST
                else x.flatten(1, tensor.rank - 2)
            )
        if tensor.rank == 2:
            return x.unflatten(1, target)
        if tensor.rank > 3 and len(target) == 2 and self._joins_rows(tensor):
            return x.flatten(2)
        if tensor.rank == 3 and tensor.channels is not None and same(shape[-1], tensor.channels):
            return x.unflatten(1, target[:-1])
        if "(" in str(x):  # said once
            return x.flatten(1).unflatten(1, target)
        return x.reshape(x.shape[0], *target)


def _divide(sizes: tuple[Any, ...], total: Any, target: tuple[Any, ...], rest: Any) -> Any:
    """``total // rest``, by leaving out the sizes that both have where they are symbols."""
    if is_plain((total, rest)):
        return total // rest
    left = list(sizes)
    for n in target:
        match = next((i for i, m in enumerate(left) if same(m, n)), None)
        if match is None and not (is_open(n) or (is_plain(n) and n == 1)):
            return total // rest
        if match is not None:
            left.pop(match)
    return product(tuple(left))


class Permute(Layer):
    """``keras.layers.Permute``: takes its axes from wherever torch has them."""

    dims: Any

    def check(self) -> None:
        dims = plain(self, "dims")
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise RuleError("KT204", f"Permute({self.dims}): the axes are numbered from 1")

    def output_shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) != len(self.dims) + 1:
            raise RuleError("KT204", f"Permute({self.dims}) of a tensor with {len(shapes[0])} axes")
        return (shapes[0][0], *(shapes[0][d] for d in self.dims))

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        return [Tensor(self.output_shape(tensors[0].shape), tensors[0].dtype)]

    def forward(self, call: Call) -> Expr:
        order = [0, *(call.tensor.dim(d) for d in self.dims)]
        moved = [i for i, axis in enumerate(order) if i != axis]
        if not moved:
            return call.x
        return call.x.transpose(*moved) if len(moved) == 2 else call.x.permute(*order)


class RepeatVector(Layer):
    """``keras.layers.RepeatVector``."""

    n: Any

    def output_shape(self, *shapes: Shape) -> Shape:
        if len(shapes[0]) != 2:
            raise RuleError("KT204", f"RepeatVector takes 2 axes, the input has {len(shapes[0])}")
        return (shapes[0][0], self.n, shapes[0][1])

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def forward(self, call: Call) -> Expr:
        one = call.x.unsqueeze(1)
        return one if is_plain(self.n) and self.n == 1 else one.expand(-1, self.n, -1)


class UpSampling1D(Spatial):
    """``keras.layers.UpSampling1D``."""

    rank = 1
    layout = Layout.KEEP
    renamed = {"length": "size"}

    size: Any = 2

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, (steps,), channels = self.split(shapes[0])
        return batch, None if steps is None else steps * self.size, channels

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def forward(self, call: Call) -> Expr:
        return call.x.repeat_interleave(self.size, dim=call.tensor.dim(1))


class UpSampling(Spatial, abstract=True):
    """Repeats every element along each axis, or interpolates between them."""

    renamed = {"dim_ordering": "data_format"}
    size: Any

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, sizes, channels = self.split(shapes[0])
        return self.join(
            batch,
            tuple(None if n is None else n * s for n, s in zip(sizes, self.each("size"))),
            channels,
        )

    def output_dtype(self, *dtypes: str) -> str:
        return dtypes[0]

    def _nearest(self, tensor: Tensor) -> bool:
        """Whether F.interpolate finds the same elements: it multiplies by 1 / size, rounded."""
        sizes = self.each("size")
        return is_plain(sizes) and max(sizes) <= 8 and tensor.dtype.startswith("float")

    def repeat(self, call: Call) -> Expr:
        """All of it, or as far as a symbol may stand for a large size, axis by axis."""
        if self._nearest(call.tensor):
            return Expr("F.interpolate")(call.x, scale_factor=self.factor())
        x = call.x
        for axis, size in enumerate(self.each("size"), start=2):
            x = x.repeat_interleave(size, dim=axis)
        return x

    def factor(self) -> Any:
        sizes = self.each("size")
        return sizes[0] if all(same(s, sizes[0]) for s in sizes) else sizes


INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area")


class UpSampling2D(UpSampling):
    """``keras.layers.UpSampling2D``."""

    rank = 2

    size: Any = (2, 2)
    data_format: Any = None
    interpolation: Any = "nearest"

    def keras_precision(self) -> float:
        return resized(self.interpolation)

    def check(self) -> None:
        super().check()
        self.interpolation = lower(plain(self, "interpolation"))
        if self.interpolation not in INTERPOLATIONS:
            raise RuleError(
                "KT203", f"UpSampling2D(interpolation={self.interpolation!r}) is not supported"
            )

    def _mode(self) -> dict[str, Any] | None:
        """F.interpolate's arguments where it computes the same.

        With antialias=True torch uses TensorFlow's cubic, and enlarging needs no antialiasing.
        TensorFlow rounds the position to 1/1024, so it has to be a multiple of that.
        """
        if self.interpolation == "bilinear":
            return {"mode": "bilinear"}
        sizes = self.each("size")
        exact = is_plain(sizes) and all(s in (1, 2, 4, 8, 16) for s in sizes)
        return (
            {"mode": "bicubic", "antialias": True}
            if self.interpolation == "bicubic" and exact
            else None
        )

    def forward(self, call: Call) -> Expr:
        if self.interpolation in ("nearest", "area"):  # a new pixel lies within one old one
            return self.repeat(call)
        mode = self._mode()
        if mode is not None:
            return Expr("F.interpolate")(call.x, scale_factor=self.factor(), **mode)
        first, second = self.each("size")
        size = (call.x.shape[2] * as_expr(first), call.x.shape[3] * as_expr(second))
        if self.interpolation == "bicubic":
            return Expr("resize_bicubic")(call.x, size)
        return Expr("resize_lanczos")(call.x, size, radius=int(self.interpolation[-1]))

    def standalone(self, *tensors: Tensor) -> Expr | None:
        if self.interpolation in ("nearest", "area"):
            return nn.Upsample(scale_factor=self.factor()) if self._nearest(tensors[0]) else None
        bilinear = self.interpolation == "bilinear"
        return nn.Upsample(scale_factor=self.factor(), mode="bilinear") if bilinear else None


class UpSampling3D(UpSampling):
    """``keras.layers.UpSampling3D``."""

    rank = 3

    size: Any = (2, 2, 2)
    data_format: Any = None

    def forward(self, call: Call) -> Expr:
        return self.repeat(call)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return nn.Upsample(scale_factor=self.factor()) if self._nearest(tensors[0]) else None
