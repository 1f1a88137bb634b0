"""Layers that make one tensor of several."""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import reduce
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.layers.activations import dim_of
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
    is_plain,
    same,
    torch,
)
from kt_translate.layers.spatial import plain


def joined(masks: list[Tensor], shape: Shape, sign: str = "|") -> Tensor:
    """A mask that is true where any of them is, or (``&``) where all are."""
    different = list(dict.fromkeys(masks))
    if len(different) == 1:
        return different[0]

    def render(*parts: Expr) -> Expr:
        return reduce(lambda a, b: Expr.binary(sign, a, b), parts)

    return derived(render, different, shape, "bool", label="mask")


def broadcast(a: Dim, b: Dim) -> Dim:
    """The size that two sizes of an axis give together."""
    if a is None or b is None:
        return None
    if same(a, 1):
        return b
    if same(b, 1) or same(a, b):
        return a
    if is_plain(a) and is_plain(b):
        raise RuleError("KT204", f"sizes {a} and {b} do not go together")
    if not isinstance(a, Sym) or not isinstance(b, Sym):
        return b if isinstance(a, Sym) else a  # the known one says more
    if known(a) == 1 and known(b) != 1:
        return b
    # Equal, or Keras would have said no: what is shorter to say.
    shorter = b.weight < a.weight and known(b) not in (1, UNKNOWN)
    return b if shorter else a


class Merge(Layer, abstract=True):
    """Layers that work element by element; the layout is that of the first input that has all axes."""

    def layout_of(self, tensors: tuple[Tensor, ...]) -> Layout:
        rank = max(t.rank for t in tensors)
        return next(t.layout for t in tensors if t.rank == rank) if rank > 2 else Layout.LAST

    def wants(self, *tensors: Tensor) -> list[Layout]:
        if len(tensors) < self.fewest:
            raise RuleError(
                "KT204", f"{type(self).__name__} takes a list of {self.fewest} or more tensors"
            )
        layout = self.layout_of(tensors)
        return [layout if t.rank > 2 else Layout.LAST for t in tensors]

    fewest = 1

    def output_shape(self, *shapes: Shape) -> Shape:
        rank = max(map(len, shapes))
        full = [(*shape[:1], *[1] * (rank - len(shape)), *shape[1:]) for shape in shapes]
        batch = next((s[0] for s in shapes if s[0] is not None), None)
        return (batch, *(reduce(broadcast, dims) for dims in list(zip(*full, strict=True))[1:]))

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        shape = self.output_shape(*(t.shape for t in tensors))
        dtype = self.output_dtype(*(t.dtype for t in tensors))
        return [Tensor(shape, dtype, self.layout_of(tensors), self.output_mask(*tensors))]

    def output_dtype(self, *dtypes: str) -> str:
        floats = [d for d in dtypes if d.startswith(("float", "bfloat", "complex"))]
        return floats[0] if floats else "float32"

    def output_mask(self, *tensors: Tensor) -> Tensor | None:
        masks = [t.mask for t in tensors if t.mask is not None]
        shape = tensors[0].shape[:-1]
        if self.flavour == "2":
            return joined(masks, shape, "&") if masks else None
        return joined(masks, shape) if len(masks) == len(tensors) else None

    def aligned(self, call: Call) -> list[Expr]:
        """The inputs with as many axes as the one with most: Keras puts new ones after the batch."""
        rank = max(t.rank for t in call.tensors)
        layout = self.layout_of(tuple(call.tensors))
        out = []
        for x, tensor in zip(call.inputs, call.tensors, strict=True):
            missing = rank - tensor.rank
            kept = 2 if layout is Layout.FIRST and tensor.rank > 1 else 1
            index = (*[slice(None)] * kept, *[None] * missing)
            out.append(x[index] if missing else x)
        return out

    def aligned_masks(self, call: Call) -> list[Expr | None]:
        """The masks with an axis for the channels; of inputs that got new axes Keras takes none."""
        if self.flavour == "2":  # which computes as if there were none
            return [None] * len(call.tensors)
        rank = max(t.rank for t in call.tensors)
        masks: list[Expr | None] = []
        for mask, tensor in zip(call.masks, call.tensors, strict=True):
            if mask is not None and tensor.rank == rank:
                masks.append(
                    mask.unsqueeze(1 if tensor.layout is Layout.FIRST and rank > 2 else -1)
                )
            else:
                masks.append(None)
        return masks

    def forward(self, call: Call) -> Expr:
        return self.merge(self.aligned(call), self.aligned_masks(call) if self.heeds else [])

    def merge(self, inputs: list[Expr], masks: list[Expr | None]) -> Expr:
        raise NotImplementedError

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None


class Add(Merge):
    """``keras.layers.Add``."""

    def merge(self, inputs: list[Expr], masks: list[Expr | None]) -> Expr:
        return reduce(lambda a, b: a + b, inputs)


class Subtract(Merge):
    """``keras.layers.Subtract``: of two tensors."""

    fewest = 2

    def merge(self, inputs: list[Expr], masks: list[Expr | None]) -> Expr:
        if len(inputs) != 2:
            raise RuleError("KT204", "Subtract takes two tensors")
        return inputs[0] - inputs[1]


class Multiply(Merge):
    """``keras.layers.Multiply``: masked elements count as 1."""

    heeds = True

    def merge(self, inputs: list[Expr], masks: list[Expr | None]) -> Expr:
        if any(masks):
            return Expr("multiply_masked")(tuple(inputs), tuple(masks))
        return reduce(lambda a, b: a * b, inputs)


class Average(Merge):
    """``keras.layers.Average``."""

    def merge(self, inputs: list[Expr], masks: list[Expr | None]) -> Expr:
        return reduce(lambda a, b: a + b, inputs) / len(inputs)


class Maximum(Merge):
    """``keras.layers.Maximum``: masked elements do not count."""

    heeds = True
    function = Expr("maximum")

    def merge(self, inputs: list[Expr], masks: list[Expr | None]) -> Expr:
        if any(masks):
            return Expr("merge_masked")(self.function, tuple(inputs), tuple(masks))
        return reduce(self.function, inputs)


class Minimum(Maximum):
    """``keras.layers.Minimum``: masked elements do not count."""

    function = Expr("minimum")


class Concatenate(Merge):
    """``keras.layers.Concatenate``."""

    axis: Any = -1

    renamed = {"concat_axis": "axis"}

    def output_shape(self, *shapes: Shape) -> Shape:
        axis = plain(self, "axis")
        first, *others = shapes
        if any(len(s) != len(first) for s in others) or not -len(first) <= axis < len(first):
            raise RuleError(
                "KT204", f"Concatenate(axis={axis}) of shapes {', '.join(map(str, shapes))}"
            )
        merged = list(first)
        for i in range(len(first)):
            sizes = [s[i] for s in shapes]
            if i != axis % len(first):
                merged[i] = reduce(self.agree, sizes)
            else:
                known_sizes = [size for size in sizes if size is not None]
                whole = len(known_sizes) == len(sizes)
                merged[i] = reduce(lambda a, b: a + b, known_sizes) if whole else None
        return tuple(merged)

    @staticmethod
    def agree(a: Dim, b: Dim) -> Dim:
        if is_plain(a) and is_plain(b) and None not in (a, b) and a != b:
            raise RuleError("KT204", f"Concatenate of tensors with {a} and {b} along another axis")
        return a if a is not None else b

    def output_mask(self, *tensors: Tensor) -> Tensor | None:
        if all(t.mask is None for t in tensors):
            return None
        last = self.axis % tensors[0].rank == tensors[0].rank - 1
        if last and self.flavour == "2":
            return super().output_mask(*tensors)
        masks = [t.mask if t.mask is not None else all_true(t) for t in tensors]
        if last:  # one that is not masked makes all of it present
            unmasked = [m for m, t in zip(masks, tensors, strict=True) if t.mask is None]
            return unmasked[0] if unmasked else joined(masks, tensors[0].shape[:-1])
        axis = self.axis % tensors[0].rank

        def render(*parts: Expr) -> Expr:
            return torch.cat(parts, dim=axis)

        return derived(
            render, masks, self.output_shape(*(t.shape for t in tensors))[:-1], "bool", label="mask"
        )

    def forward(self, call: Call) -> Expr:
        return torch.cat(tuple(call.inputs), dim=dim_of(call.tensor, self.axis))


def all_true(tensor: Tensor) -> Tensor:
    """The mask of a tensor that has none."""
    first = tensor.layout is Layout.FIRST and tensor.rank > 2

    def render(x: Expr) -> Expr:
        return torch.ones_like(x[:, 0] if first else x[..., 0], dtype=torch.bool)

    return derived(render, [tensor], tensor.shape[:-1], "bool", wants=Layout.KEEP, label="mask")


class Dot(Merge):
    """``keras.layers.Dot``: products summed along one axis of either tensor, for each sample."""

    axes: Any
    normalize: Any = False

    def check(self) -> None:
        plain(self, "axes")
        plain(self, "normalize")

    def wants(self, *tensors: Tensor) -> list[Layout]:
        if len(tensors) != 2:
            raise RuleError("KT204", "Dot takes two tensors")
        return [Layout.LAST, Layout.LAST]

    def axes_of(self, a: Shape, b: Shape) -> tuple[int, int]:
        i, j = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        i, j = (i % len(a) if i < 0 else i), (j % len(b) if j < 0 else j)
        if not 0 < i < len(a) or not 0 < j < len(b):
            raise RuleError("KT204", f"Dot(axes={self.axes}) of {len(a)} and {len(b)} axes")
        if is_plain(a[i]) and is_plain(b[j]) and None not in (a[i], b[j]) and a[i] != b[j]:
            raise RuleError("KT204", f"Dot(axes={self.axes}): sizes {a[i]} and {b[j]} do not match")
        return i, j

    def output_shape(self, *shapes: Shape) -> Shape:
        a, b = shapes
        i, j = self.axes_of(a, b)
        shape = (*a[:i], *a[i + 1 :], *b[1:j], *b[j + 1 :])
        return shape if len(shape) > 1 else (*shape, 1)

    def layout_of(self, tensors: tuple[Tensor, ...]) -> Layout:
        return Layout.LAST

    def output_mask(self, *tensors: Tensor) -> Tensor | None:
        return None

    def forward(self, call: Call) -> Expr:
        a, b = call.tensors
        i, j = self.axes_of(a.shape, b.shape)
        x, y = call.inputs
        if self.normalize:
            eps = 1e-6 if self.flavour == "2" else 1e-7
            x, y = F.normalize(x, dim=i, eps=eps), F.normalize(y, dim=j, eps=eps)
        if a.rank == b.rank == 2:
            return (x * y).sum(dim=1, keepdim=True)
        if a.rank == b.rank == 3:
            return (x if i == 2 else x.mT) @ (y if j == 1 else y.mT)
        letters = iter(string.ascii_lowercase[:13] + string.ascii_lowercase[14:])
        shared = next(letters)
        first = ["n", *(next(letters) for _ in a.shape[1:])]
        second = ["n", *(next(letters) for _ in b.shape[1:])]
        first[i] = second[j] = shared
        rest = [c for c in first if c != shared] + [c for c in second[1:] if c != shared]
        return torch.einsum(f"{''.join(first)},{''.join(second)}->{''.join(rest)}", x, y)


MERGES: dict[str, Callable[..., Layer]] = {
    "add": Add,
    "sum": Add,
    "subtract": Subtract,
    "multiply": Multiply,
    "mul": Multiply,
    "average": Average,
    "ave": Average,
    "maximum": Maximum,
    "max": Maximum,
    "minimum": Minimum,
    "concatenate": Concatenate,
    "concat": Concatenate,
    "dot": Dot,
}
"""The functions ``keras.layers.add`` ... and Keras 1's ``merge(mode=...)`` by name."""
