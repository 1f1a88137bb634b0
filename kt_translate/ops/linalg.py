"""Products of matrices and tensors: matmul, dot, batch_dot, tensordot, einsum, and their like."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import same
from kt_translate.graph.tensor import Dim, Shape, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axis_of, elementwise, is_float, op, tensor
from kt_translate.ops.values import as_tensor, broadcast
from kt_translate.pytorch.expr import Expr, torch


def wider(a: str, b: str) -> str:
    """The type of a product: floats win, then the wider one."""
    if is_float(a) != is_float(b):
        return a if is_float(a) else b
    order = (
        "bool",
        "uint8",
        "int8",
        "int16",
        "int32",
        "int64",
        "float16",
        "bfloat16",
        "float32",
        "float64",
    )
    rank = {name: i for i, name in enumerate(order)}
    return max(a, b, key=lambda name: rank.get(name, 99))


def _typed(x: Tensor, y: Tensor, a: Expr, b: Expr) -> tuple[Expr, Expr]:
    """Both in one type, as torch wants them for a product. Whole numbers may be wider than Keras's: an arange is."""
    if x.dtype == y.dtype and is_float(x.dtype):
        return a, b
    if wider(x.dtype, y.dtype) == x.dtype:
        return a, b.to(a.dtype)
    return a.to(b.dtype), b


def _product(x: Tensor, y: Tensor, shape: Shape, render: Any) -> Tensor:
    return derived(lambda a, b: render(*_typed(x, y, a, b)), [x, y], shape, wider(x.dtype, y.dtype))


# -- matrices -------------------------------------------------------------------------------------


def product(a: Any, b: Any, flip_a: bool = False, flip_b: bool = False) -> Tensor:
    """``a @ b`` over the last two axes, either of them transposed."""
    x, y = (as_tensor(m) if isinstance(m, (list, tuple)) else m for m in (a, b))
    x, y = tensor(x, "the left matrix"), tensor(y, "the right matrix")
    if x.rank == 0 or y.rank == 0:
        raise RuleError("KT204", "a matrix product of a number")
    left = (*x.shape[:-2], x.shape[-1], x.shape[-2]) if flip_a else x.shape
    right = (*y.shape[:-2], y.shape[-1], y.shape[-2]) if flip_b else y.shape
    shape: Shape = broadcast(left[:-2], right[:-2])
    shape += left[-2:-1] if x.rank > 1 else ()
    shape += right[-1:] if y.rank > 1 else ()

    whole = not (is_float(x.dtype) or is_float(y.dtype))
    outer = min(x.rank, y.rank) > 1 and same(left[-1], 1) and same(right[-2], 1)
    if whole and outer:  # no GPU has a matrix product of whole numbers

        def spread(e: Expr, f: Expr) -> Expr:
            return (e.mT if flip_a else e) * (f.mT if flip_b else f)

        return derived(spread, [x, y], shape, wider(x.dtype, y.dtype))

    def render(e: Expr, f: Expr) -> Expr:
        return (e.mT if flip_a else e) @ (f.mT if flip_b else f)

    return _product(x, y, shape, render)


@op("keras.ops.matmul")
def matmul(x1: Any, x2: Any) -> Tensor:
    return product(x1, x2)


@op("tf.matmul", "tf.linalg.matmul", "tf.batch_matmul")
def tf_matmul(
    a: Any,
    b: Any,
    transpose_a: Any = False,
    transpose_b: Any = False,
    adjoint_a: Any = False,
    adjoint_b: Any = False,
    a_is_sparse: Any = False,
    b_is_sparse: Any = False,
    output_type: Any = None,
) -> Tensor:
    flips = [decided(v, "transpose") for v in (transpose_a, adjoint_a, transpose_b, adjoint_b)]
    return product(a, b, bool(flips[0] or flips[1]), bool(flips[2] or flips[3]))


@op("tf.linalg.matvec")
def matvec(a: Any, b: Any, transpose_a: Any = False) -> Tensor:
    x, y = tensor(a, "the matrix"), tensor(b, "the vector")
    flip = bool(decided(transpose_a, "transpose_a"))
    rows = x.shape[-1] if flip else x.shape[-2]
    shape = (*broadcast(x.shape[:-2], y.shape[:-1]), rows)
    return _product(x, y, shape, lambda e, f: ((e.mT if flip else e) @ f.unsqueeze(-1)).squeeze(-1))


@op("keras.ops.dot")
def dot(x1: Any, x2: Any) -> Any:
    """numpy's dot: the last axis of the one with the last but one of the other."""
    if not (isinstance(x1, Tensor) and isinstance(x2, Tensor)):
        x, number = (x1, x2) if isinstance(x1, Tensor) else (x2, x1)
        return elementwise(tensor(x), lambda e: e * number)
    x, y = x1, x2
    if x.rank == 0 or y.rank == 0:
        return _product(x, y, x.shape or y.shape, lambda e, f: e * f)
    if y.rank <= 2:
        return product(x, y)
    shape = (*x.shape[:-1], *y.shape[:-2], y.shape[-1])
    dims = ([x.rank - 1], [y.rank - 2])
    return _product(x, y, shape, lambda e, f: torch.tensordot(e, f, dims=dims))


@op("keras.backend.dot")
def backend_dot(x: Any, y: Any) -> Any:
    return dot(tensor(x), tensor(y))


@op("keras.backend.batch_dot")
def batch_dot(x: Any, y: Any, axes: Any = None) -> Tensor:
    """A product for each sample: one axis of each is summed over, the others of x come first."""
    x, y = tensor(x, "the left tensor"), tensor(y, "the right tensor")
    axes = decided(axes, "the axes")
    if isinstance(axes, int):
        axes = (axes, axes)
    if axes is None:
        axes = (x.rank - 1, y.rank - 1 if y.rank == 2 else y.rank - 2)
    i, j = axis_of(axes[0], x.rank), axis_of(axes[1], y.rank)
    if i == 0 or j == 0:
        raise RuleError("KT204", "batch_dot over the batch axis")
    if x.rank == y.rank == 2:
        shape: Shape = (x.shape[0], 1)
        return _product(x, y, shape, lambda e, f: (e * f).sum(dim=1, keepdim=True))
    shape = (
        x.shape[0],
        *(s for a, s in enumerate(x.shape) if a not in (0, i)),
        *(s for a, s in enumerate(y.shape) if a not in (0, j)),
    )
    if x.rank == y.rank == 3:
        return _product(x, y, shape, lambda e, f: (e if i == 2 else e.mT) @ (f if j == 1 else f.mT))
    equation = _batch_equation(x.rank, y.rank, i, j)
    return _product(x, y, shape, lambda e, f: torch.einsum(equation, e, f))


def _batch_equation(m: int, n: int, i: int, j: int) -> str:
    left = ["n", *"abcde"[: m - 1]]
    right = ["n", *"pqrst"[: n - 1]]
    left[i] = right[j] = "k"
    kept = [c for c in left[1:] + right[1:] if c != "k"]
    return f"{''.join(left)},{''.join(right)}->n{''.join(kept)}"


@op("keras.ops.tensordot", "tf.tensordot", a="x1", b="x2")
def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Tensor:
    x, y = tensor(x1, "the left tensor"), tensor(x2, "the right tensor")
    axes = decided(axes, "the axes")
    if isinstance(axes, int):
        left, right = list(range(x.rank - axes, x.rank)), list(range(axes))
        dims: Any = axes
    else:
        both = [list(a) if isinstance(a, (list, tuple)) else [a] for a in axes]
        left, right = ([axis_of(a, t.rank) for a in found] for found, t in zip(both, (x, y)))
        dims = (left, right)
    shape = (
        *(s for a, s in enumerate(x.shape) if a not in left),
        *(s for a, s in enumerate(y.shape) if a not in right),
    )
    return _product(x, y, shape, lambda e, f: torch.tensordot(e, f, dims=dims))


# -- einsum ---------------------------------------------------------------------------------------


@op("keras.ops.einsum", "tf.einsum", "tf.linalg.einsum", "numpy.einsum", equation="subscripts")
def einsum(subscripts: Any, *operands: Any, optimize: Any = None) -> Tensor:
    text = decided(subscripts, "the equation")
    if not isinstance(text, str):
        raise RuleError("KT203", "einsum without an equation as text")
    found = [tensor(v, "an operand of einsum") for v in operands]
    equation = text.replace(" ", "")
    dtype = found[0].dtype
    for x in found[1:]:
        dtype = wider(dtype, x.dtype)
    widest = next(i for i, x in enumerate(found) if x.dtype == dtype)

    def render(*given: Expr) -> Expr:
        parts = [e if x.dtype == dtype else e.to(given[widest].dtype) for e, x in zip(given, found)]
        return torch.einsum(equation, *parts)

    return derived(render, found, _einsum_shape(equation, found), dtype)


def _einsum_shape(equation: str, operands: list[Tensor]) -> Shape:
    inputs, arrow, output = equation.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise RuleError("KT204", f"einsum of {len(terms)} terms on {len(operands)} tensors")
    sizes: dict[str, Dim] = {}
    rest: Shape = ()
    for term, x in zip(terms, operands):
        before, dots, after = term.partition("...")
        if not dots and len(term) != x.rank:
            raise RuleError("KT204", f"einsum term {term!r} for a tensor of rank {x.rank}")
        shape = x.shape
        ends = shape[len(shape) - len(after) :] if dots else ()
        for letter, size in [*zip(before, shape), *zip(after, ends)]:
            known = sizes.get(letter)
            sizes[letter] = size if known is None or same(known, 1) else known
        if dots:
            rest = broadcast(rest, shape[len(before) : len(shape) - len(after)])
    if not arrow:
        letters = inputs.replace("...", "").replace(",", "")
        output = "..." * ("..." in inputs) + "".join(
            sorted(c for c in set(letters) if letters.count(c) == 1)
        )
    before, dots, after = output.partition("...")
    middle = rest if dots else ()
    return (*(sizes[c] for c in before), *middle, *(sizes[c] for c in after))


# -- vectors --------------------------------------------------------------------------------------


@op("keras.ops.outer")
def outer(x1: Any, x2: Any) -> Tensor:
    x, y = tensor(x1), tensor(x2)
    shape = (_count(x.shape), _count(y.shape))

    def render(e: Expr, f: Expr) -> Expr:
        return torch.outer(e if x.rank == 1 else e.flatten(), f if y.rank == 1 else f.flatten())

    return _product(x, y, shape, render)


def _count(shape: Shape) -> Dim:
    total: Any = 1
    for size in shape:
        total = None if total is None or size is None else total * size
    return total  # type: ignore[no-any-return]


@op("keras.ops.inner")
def inner(x1: Any, x2: Any) -> Tensor:
    x, y = tensor(x1), tensor(x2)
    return _product(x, y, (*x.shape[:-1], *y.shape[:-1]), torch.inner)


@op("keras.ops.vdot")
def vdot(x1: Any, x2: Any) -> Tensor:
    return _product(tensor(x1), tensor(x2), (), lambda e, f: torch.dot(e.flatten(), f.flatten()))


@op("keras.ops.kron")
def kron(x1: Any, x2: Any) -> Tensor:
    x, y = tensor(x1), tensor(x2)
    n = max(x.rank, y.rank)
    left, right = (1,) * (n - x.rank) + x.shape, (1,) * (n - y.rank) + y.shape
    shape = tuple(None if a is None or b is None else a * b for a, b in zip(left, right))
    return _product(x, y, shape, torch.kron)


@op("keras.ops.cross", "tf.linalg.cross", "tf.cross", b="x2", a="x1")
def cross(
    x1: Any, x2: Any, axisa: Any = -1, axisb: Any = -1, axisc: Any = -1, axis: Any = None
) -> Tensor:
    x, y = tensor(x1), tensor(x2)
    if axis is not None:
        axisa = axisb = axisc = axis
    if not same(axisa, axisb) or not same(axisa, axisc) or x.rank != y.rank:
        raise RuleError("KT203", "a cross product along different axes")
    dim = decided(axisa, "the axis")
    if not (same(x.shape[dim], 3) and same(y.shape[dim], 3)):
        raise RuleError("KT203", "a cross product of vectors that are not of three numbers")
    return _product(
        x, y, broadcast(x.shape, y.shape), lambda e, f: torch.linalg.cross(e, f, dim=dim)
    )


@op("tf.linalg.matrix_transpose", "tf.matrix_transpose", "tf.linalg.adjoint", a="matrix")
def matrix_transpose(matrix: Any) -> Tensor:
    x = tensor(matrix)
    return derived(lambda e: e.mT, [x], (*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
