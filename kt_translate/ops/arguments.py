"""What the declarations of ops share: reading arguments, sizes of shapes, and nodes with several layouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from kt_translate.graph.region import OpNode, derived
from kt_translate.graph.sym import Sym, known, same
from kt_translate.graph.tensor import Dim, Layout, Shape, Tensor, tensors_in
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.op import op as declared
from kt_translate.ops.values import StaticShape
from kt_translate.pytorch.expr import Expr, as_expr, torch

Rule = TypeVar("Rule", bound=Callable[..., Any])
DEFAULT_FLOAT = torch.get_default_dtype()
_FIRST = {"channels_first", "NCW", "NCHW", "NCDHW"}
_FLOATS = ("float", "bfloat", "complex")


def op(*paths: str, **spellings: str) -> Callable[[Rule], Rule]:
    """The decorator of `kt_translate.ops.op`, for functions whose settings have to be numbers.

    A tensor where a number belongs is refused at once, not when the code is written.
    """

    def declare(function: Rule) -> Rule:
        @wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            for x in tensors_in(result):
                _check_text(x, tensors_in([args, kwargs]))
            return result

        declared(*paths, **spellings)(checked)
        return function

    return declare


def _check_text(x: Tensor, given: list[Tensor]) -> None:
    node = x.node
    if not isinstance(node, OpNode) or x in given:
        return
    inputs = [Expr(f"x{i}") for i in range(len(node.inputs))]
    where = {"device": Expr("device")} if node.device else {}
    if "Tensor(shape=" in str(as_expr(node.render(*inputs, **where))):
        raise RuleError("KT203", "a tensor as a setting that has to be a number")


def tensor(value: Any, what: str = "the argument") -> Tensor:
    """``value``, which must be a tensor of the model."""
    if not isinstance(value, Tensor):
        raise RuleError("KT203", f"{what} is not a tensor of the model")
    return value


def axis_of(axis: Any, rank: int) -> int:
    """``axis`` from 0 on."""
    value = decided(axis, "the axis")
    if not isinstance(value, int) or not -rank <= value < rank:
        raise RuleError("KT204", f"there is no axis {value} among {rank}")
    return value % rank


def axes_of(axes: Any, rank: int) -> tuple[int, ...]:
    """Some axes from 0 on; all of them for None."""
    value = decided(axes, "the axes")
    if value is None:
        return tuple(range(rank))
    if isinstance(value, (list, tuple)):
        return tuple(axis_of(a, rank) for a in value)
    return (axis_of(value, rank),)


def is_float(dtype: str) -> bool:
    return dtype.startswith(_FLOATS)


def floating(dtype: str) -> str:
    """The type of a result that is a float whatever went in."""
    return dtype if is_float(dtype) else "float32"


def as_float(x: Tensor) -> Callable[[Expr], Expr]:
    """What makes the expression of ``x`` a float."""
    return (lambda e: e) if is_float(x.dtype) else (lambda e: e.to(DEFAULT_FLOAT))


def dtype_expr(dtype: Any) -> Expr:
    """``dtype=`` in torch; "float32" is the default, so that a model in double precision stays one."""
    name = getattr(dtype, "path", dtype)
    if name is None or not isinstance(name, str):
        return DEFAULT_FLOAT
    name = name.rpartition(".")[2]
    return DEFAULT_FLOAT if name == "float32" else Expr(f"torch.{name}")


def dtype_name(dtype: Any, default: str = "float32") -> str:
    name = getattr(dtype, "path", dtype)
    return name.rpartition(".")[2] if isinstance(name, str) else default


def elementwise(
    x: Tensor, render: Callable[[Expr], Any], dtype: str | None = None, label: str = "op"
) -> Tensor:
    """Something done to every element."""
    return derived(render, [x], x.shape, dtype or x.dtype, x.layout, Layout.KEEP, label=label)


def along(
    x: Tensor, axis: Any, render: Callable[[Expr, int], Any], dtype: str | None = None
) -> Tensor:
    """Something done along one axis that changes no size; ``render`` is told torch's dimension."""
    dim = x.dim(_axis_as_given(axis, x.rank))
    return derived(lambda e: render(e, dim), [x], x.shape, dtype or x.dtype, x.layout, Layout.KEEP)


def _axis_as_given(axis: Any, rank: int) -> int:
    axis_of(axis, rank)
    return int(decided(axis, "the axis"))


def mixed(
    render: Callable[..., Any],
    inputs: list[Tensor],
    shape: Shape,
    dtype: str,
    layout: Layout,
    wants: list[Layout],
    device: bool = False,
) -> Tensor:
    """`derived` with a layout for each input."""
    output = derived(render, inputs, shape, dtype, layout, device=device)
    node = output.node
    assert isinstance(node, OpNode)
    node.wants = wants
    return output


@dataclass(frozen=True)
class Picture:
    """A batch of pictures, volumes or sequences, wherever its data format puts the channels.

    What is channels last in Keras is wanted channels first in torch; channels first stays as it is.
    """

    batch: Dim
    sizes: tuple[Dim, ...]
    channels: Dim
    first: bool

    @staticmethod
    def of(x: Tensor, data_format: Any = None) -> Picture:
        if decided(data_format, "data_format") in _FIRST:
            return Picture(x.shape[0], x.shape[2:], x.shape[1], True)
        return Picture(x.shape[0], x.shape[1:-1], x.shape[-1], False)

    @property
    def rank(self) -> int:
        return len(self.sizes)

    @property
    def layout(self) -> Layout:
        return Layout.LAST if self.first else Layout.FIRST

    def shape(self, sizes: tuple[Dim, ...], channels: Dim) -> Shape:
        if self.first:
            return (self.batch, channels, *sizes)
        return (self.batch, *sizes, channels)

    def window(self, value: Any) -> tuple[Any, ...]:
        """``strides``, sizes and the like: one number, one for each axis, or TensorFlow's for all axes."""
        if isinstance(value, Sym) and isinstance(value.value, (tuple, list)):
            value = tuple(Sym.index(value, i) for i in range(len(value.value)))
        if not isinstance(value, (tuple, list)):
            return (value,) * self.rank
        if len(value) == self.rank + 2:
            return tuple(value[2:] if self.first else value[1:-1])
        if len(value) == 1:
            return tuple(value) * self.rank
        if len(value) != self.rank:
            raise RuleError("KT204", f"{len(value)} numbers were given for {self.rank} axes")
        return tuple(value)


def is_size(value: Any) -> bool:
    """Whether a value is a whole number, if only by its sample."""
    return isinstance(known(value), int) and not isinstance(known(value), bool)


def numbers_of(value: Any) -> Any:
    """The numbers that a constant tensor was made of, where they can be sizes; anything else as it is."""
    return value.facts.get("numbers", value) if isinstance(value, Tensor) else value


@dataclass(frozen=True)
class Sizes:
    """A shape that was given: numbers, symbols, and sizes that are read off tensors at run time."""

    items: tuple[Any, ...]

    @staticmethod
    def of(value: Any) -> Sizes:
        if isinstance(value, Sym) and isinstance(value.value, (tuple, list)):
            return Sizes(tuple(Sym.index(value, i) for i in range(len(value.value))))
        if isinstance(value, (int, Sym)) or (isinstance(value, Tensor) and value.rank == 0):
            return Sizes((value,))
        value = value.sizes if isinstance(value, StaticShape) else numbers_of(value)
        if not isinstance(value, (tuple, list)):
            raise RuleError("KT203", "a shape that is computed from data is not supported")
        if any(v is None or not isinstance(v, (int, Sym, Tensor)) for v in value):
            raise RuleError("KT203", "a shape with a size that is not known")
        return Sizes(tuple(value))

    @property
    def shape(self) -> Shape:
        return tuple(None if isinstance(v, Tensor) else v for v in self.items)

    @property
    def inputs(self) -> list[Tensor]:
        return [v for v in self.items if isinstance(v, Tensor)]

    def exprs(self, inputs: tuple[Expr, ...]) -> list[Expr]:
        """Each size as an expression; ``inputs`` are those of `inputs`."""
        given = iter(inputs)
        return [next(given) if isinstance(v, Tensor) else as_expr(v) for v in self.items]

    def source(self) -> Tensor | None:
        """The float tensor that the first size read at run time belongs to."""
        for size in self.inputs:
            node = size.node
            if (
                isinstance(node, OpNode)
                and len(node.inputs) == 1
                and is_float(node.inputs[0].dtype)
            ):
                return node.inputs[0]
        return None

    def like(self) -> Tensor | None:
        """The tensor whose shape this is as a whole."""
        x = self.source()
        if x is None or x.rank != len(self.items):
            return None
        for axis, (item, size) in enumerate(zip(self.items, x.shape)):
            if isinstance(item, Tensor):
                node = item.node
                assert isinstance(node, OpNode)
                probe = Expr("x")
                if node.inputs != [x] or str(node.render(probe)) != f"x.shape[{x.dim(axis)}]":
                    return None
            elif not same(item, size):
                return None
        return x
