"""What is done to matrices: norms, decompositions, solutions, diagonals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Dim, Layout, Shape, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axes_of, axis_of, op, tensor
from kt_translate.ops.nn import statistic
from kt_translate.ops.values import broadcast
from kt_translate.pytorch.expr import Expr, torch, unless

LINALG = torch.linalg


def _names(*names: str) -> tuple[str, ...]:
    return tuple(p for n in names for p in (f"keras.ops.{n}", f"keras.ops.linalg.{n}"))


def _on(x: Any, shape: Shape, render: Callable[[Expr], Expr]) -> Tensor:
    return derived(render, [x], shape, x.dtype)


# -- norms ----------------------------------------------------------------------------------------


@op(*_names("norm"), "tf.norm", "tf.linalg.norm", tensor="x")
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: Any = False) -> Tensor:
    x = tensor(x, "the argument of norm")
    order = decided(ord, "the order of the norm")
    axes = axes_of(axis, x.rank)
    order = None if order == "euclidean" or (order == "fro" and len(axes) == 2) else order
    if axis is None and order is not None and len(axes) > 2:
        raise RuleError("KT203", "the norm of a whole tensor with an order of its own")
    if len(axes) == 2 and order is not None:
        if x.layout is not Layout.LAST:
            x = derived(lambda e: e, [x], x.shape, x.dtype)
        return statistic(
            x, axes, keepdims, lambda e, _, keep: LINALG.matrix_norm(e, order, axes, keepdim=keep)
        )

    def render(e: Expr, dims: Any, keep: Any) -> Expr:
        orders = [] if order in (None, 2) else [order]
        return LINALG.vector_norm(
            e, *orders, dim=unless(dims if axis is not None else None, None), keepdim=keep
        )

    return statistic(x, axis, keepdims, render)


# -- one matrix in --------------------------------------------------------------------------------


def _square(name: str, *paths: str) -> None:
    function: Expr = getattr(LINALG, name)

    def of(x: Any) -> Tensor:
        x = tensor(x, f"the argument of {name}")
        return _on(x, x.shape, function)

    op(*paths, input="x", tensor="x")(of)


_square("inv", *_names("inv"), "tf.linalg.inv", "tf.matrix_inverse")
_square("matrix_exp", "tf.linalg.expm")


def _number(name: str, render: Callable[[Expr], Expr], *paths: str) -> None:
    def of(x: Any) -> Tensor:
        x = tensor(x, f"the argument of {name}")
        return _on(x, x.shape[:-2], render)

    op(*paths, input="x", matrix="x")(of)


_number("det", LINALG.det, *_names("det"), "tf.linalg.det", "tf.matrix_determinant")
_number("logdet", lambda e: LINALG.slogdet(e).logabsdet, *_names("logdet"), "tf.linalg.logdet")


@op(*_names("slogdet"), "tf.linalg.slogdet", input="x")
def slogdet(x: Any) -> tuple[Tensor, Tensor]:
    x = tensor(x, "the argument of slogdet")
    return (
        _on(x, x.shape[:-2], lambda e: LINALG.slogdet(e).sign),
        _on(x, x.shape[:-2], lambda e: LINALG.slogdet(e).logabsdet),
    )


@op(*_names("cholesky"), "tf.linalg.cholesky", "tf.cholesky", input="x")
def cholesky(x: Any, upper: Any = False) -> Tensor:
    x = tensor(x, "the argument of cholesky")
    up = bool(decided(upper, "upper"))
    return _on(x, x.shape, lambda e: LINALG.cholesky(e, upper=unless(up, False)))


@op(*_names("pinv"), "tf.linalg.pinv")
def pinv(x: Any, rcond: Any = None) -> Tensor:
    x = tensor(x, "the argument of pinv")
    shape = (*x.shape[:-2], x.shape[-1], x.shape[-2])
    return _on(x, shape, lambda e: LINALG.pinv(e, rtol=unless(rcond, None)))


def _least(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        return min(a, b)
    if a is None or b is None:
        return None
    return Sym.choose(Sym.binary("<", a, b), a, b)  # type: ignore[no-any-return]


@op(*_names("qr"))
def qr(x: Any, mode: Any = "reduced") -> tuple[Tensor, Tensor]:
    x = tensor(x, "the argument of qr")
    rows, columns = x.shape[-2:]
    inner = _least(rows, columns) if decided(mode, "the mode") == "reduced" else rows
    made = unless(mode, "reduced")
    return (
        _on(x, (*x.shape[:-1], inner), lambda e: LINALG.qr(e, mode=made).Q),
        _on(x, (*x.shape[:-2], inner, columns), lambda e: LINALG.qr(e, mode=made).R),
    )


@op("tf.linalg.qr", "tf.qr")
def tf_qr(input: Any, full_matrices: Any = False) -> tuple[Tensor, Tensor]:
    return qr(input, "complete" if decided(full_matrices, "full_matrices") else "reduced")


@op(*_names("svd"))
def svd(x: Any, full_matrices: Any = True, compute_uv: Any = True) -> Any:
    """(u, s, v transposed)."""
    x = tensor(x, "the argument of svd")
    rows, columns = x.shape[-2:]
    few = _least(rows, columns)
    if not decided(compute_uv, "compute_uv"):
        return _on(x, (*x.shape[:-2], few), LINALG.svdvals)
    full = bool(decided(full_matrices, "full_matrices"))
    option = unless(full, True)
    return (
        _on(
            x,
            (*x.shape[:-1], rows if full else few),
            lambda e: LINALG.svd(e, full_matrices=option).U,
        ),
        _on(x, (*x.shape[:-2], few), LINALG.svdvals),
        _on(
            x,
            (*x.shape[:-2], columns if full else few, columns),
            lambda e: LINALG.svd(e, full_matrices=option).Vh,
        ),
    )


@op("tf.linalg.svd", "tf.svd")
def tf_svd(tensor: Any, full_matrices: Any = False, compute_uv: Any = True) -> Any:
    """(s, u, v): TensorFlow's order, and v itself."""
    made = svd(tensor, full_matrices, compute_uv)
    if isinstance(made, Tensor):
        return made
    u, s, vh = made
    v = derived(lambda e: e.mT, [vh], (*vh.shape[:-2], vh.shape[-1], vh.shape[-2]), vh.dtype)
    return s, u, v


@op(*_names("eigh"), "tf.linalg.eigh", "tf.self_adjoint_eig", tensor="x")
def eigh(x: Any) -> tuple[Tensor, Tensor]:
    x = tensor(x, "the argument of eigh")
    return (
        _on(x, x.shape[:-1], lambda e: LINALG.eigh(e).eigenvalues),
        _on(x, x.shape, lambda e: LINALG.eigh(e).eigenvectors),
    )


@op("tf.linalg.eigvalsh", tensor="x")
def eigvalsh(x: Any) -> Tensor:
    return eigh(x)[0]


# -- solutions ------------------------------------------------------------------------------------


def _solved(a: Any, b: Any, render: Callable[[Expr, Expr], Expr]) -> Tensor:
    a, b = tensor(a, "the matrix"), tensor(b, "the right side")
    if b.rank == a.rank - 1:
        return derived(
            lambda e, f: render(e, f.unsqueeze(-1)).squeeze(-1), [a, b], b.shape, a.dtype
        )
    shape = (*broadcast(a.shape[:-2], b.shape[:-2]), a.shape[-1], b.shape[-1])
    return derived(render, [a, b], shape, a.dtype)


@op(*_names("solve"))
def solve(a: Any, b: Any) -> Tensor:
    return _solved(a, b, lambda e, f: LINALG.solve(e, f))


@op("tf.linalg.solve", "tf.matrix_solve")
def tf_solve(matrix: Any, rhs: Any, adjoint: Any = False) -> Tensor:
    flip = bool(decided(adjoint, "adjoint"))
    return _solved(matrix, rhs, lambda e, f: LINALG.solve(e.mT if flip else e, f))


@op(*_names("solve_triangular"))
def solve_triangular(a: Any, b: Any, lower: Any = False) -> Tensor:
    upper = not decided(lower, "lower")
    return _solved(a, b, lambda e, f: LINALG.solve_triangular(e, f, upper=upper))


@op("tf.linalg.triangular_solve", "tf.matrix_triangular_solve")
def triangular_solve(matrix: Any, rhs: Any, lower: Any = True, adjoint: Any = False) -> Tensor:
    flip = bool(decided(adjoint, "adjoint"))
    upper = (not decided(lower, "lower")) != flip
    return _solved(
        matrix, rhs, lambda e, f: LINALG.solve_triangular(e.mT if flip else e, f, upper=upper)
    )


# -- diagonals ------------------------------------------------------------------------------------


def _diagonal_length(rows: Dim, columns: Dim, offset: int) -> Dim:
    if isinstance(rows, int) and isinstance(columns, int):
        return max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    return rows if offset == 0 and rows is not None and rows == columns else None


def _diagonal(x: Any, offset: Any, axis1: Any, axis2: Any) -> tuple[Tensor, Any]:
    x = tensor(x, "the argument of diagonal")
    a, b = axis_of(axis1, x.rank), axis_of(axis2, x.rank)
    k = decided(offset, "the offset")
    shape = tuple(s for i, s in enumerate(x.shape) if i not in (a, b))
    length = _diagonal_length(x.shape[a], x.shape[b], k)
    dims = {"dim1": unless(a, 0), "dim2": unless(b, 1)}
    return x, (shape, length, lambda e: e.diagonal(offset=unless(k, 0), **dims))


@op("keras.ops.diagonal")
def diagonal(x: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Tensor:
    x, (shape, length, render) = _diagonal(x, offset, axis1, axis2)
    return _on(x, (*shape, length), render)


@op(
    "tf.linalg.diag_part",
    "tf.matrix_diag_part",
    "tf.linalg.tensor_diag_part",
    "tf.diag_part",
    input="x",
)
def diag_part(x: Any, k: Any = 0) -> Tensor:
    return diagonal(x, k, -2, -1)


@op("keras.ops.trace")
def trace(x: Any, offset: Any = 0, axis1: Any = 0, axis2: Any = 1) -> Tensor:
    x, (shape, _, render) = _diagonal(x, offset, axis1, axis2)
    return _on(x, shape, lambda e: render(e).sum(dim=-1))


@op("tf.linalg.trace", "tf.trace")
def tf_trace(x: Any) -> Tensor:
    return trace(x, 0, -2, -1)


@op("keras.ops.diag", "numpy.diag")
def diag(x: Any, k: Any = 0) -> Tensor:
    x = tensor(x, "the argument of diag")
    offset = decided(k, "k")
    if x.rank == 2:
        return diagonal(x, offset)
    size = x.shape[0]
    long = None if size is None else size + abs(offset)
    return _on(x, (long, long), lambda e: torch.diag(e, *([offset] if offset else [])))


@op("tf.linalg.diag", "tf.matrix_diag", diagonal="x")
def diag_embed(x: Any, k: Any = 0) -> Tensor:
    x = tensor(x, "the argument of diag")
    offset = decided(k, "k")
    size = x.shape[-1]
    long = None if size is None else size + abs(offset)
    return _on(
        x, (*x.shape[:-1], long, long), lambda e: torch.diag_embed(e, offset=unless(offset, 0))
    )


@op("tf.linalg.tensor_diag", "tf.diag", "keras.ops.diagflat", diagonal="x")
def diagflat(x: Any, k: Any = 0) -> Tensor:
    x = tensor(x, "the argument of diagflat")
    if x.rank != 1:
        raise RuleError("KT203", "the diagonal matrix of a tensor of several axes")
    return diag(x, k)


@op("tf.linalg.set_diag", "tf.matrix_set_diag")
def set_diag(input: Any, diagonal: Any) -> Tensor:
    x, y = tensor(input, "the matrix"), tensor(diagonal, "the diagonal")
    return derived(
        lambda e, f: torch.diagonal_scatter(e, f, dim1=-2, dim2=-1), [x, y], x.shape, x.dtype
    )


@op("tf.linalg.band_part", "tf.matrix_band_part")
def band_part(input: Any, num_lower: Any, num_upper: Any) -> Tensor:
    """The matrix within ``num_lower`` diagonals below and ``num_upper`` above; all of them if negative."""
    x = tensor(input, "the argument of band_part")
    low, up = decided(num_lower, "num_lower"), decided(num_upper, "num_upper")

    def render(e: Expr) -> Expr:
        if low >= 0:
            e = e.triu(*([-low] if low else []))
        return e.tril(*([up] if up else [])) if up >= 0 else e

    return _on(x, x.shape, render)


# -- complex --------------------------------------------------------------------------------------


@op(*_names("eig"), "tf.linalg.eig", tensor="x")
def eig(x: Any) -> tuple[Tensor, Tensor]:
    x = tensor(x, "the argument of eig")
    dtype = "complex64"
    return (
        derived(lambda e: LINALG.eig(e).eigenvalues, [x], x.shape[:-1], dtype),
        derived(lambda e: LINALG.eig(e).eigenvectors, [x], x.shape, dtype),
    )


@op("tf.linalg.eigvals", tensor="x")
def eigvals(x: Any) -> Tensor:
    return eig(x)[0]


@op("keras.ops.polar")
def polar(abs_: Any, angle: Any) -> Tensor:
    r, phi = tensor(abs_, "the length"), tensor(angle, "the angle")
    return derived(lambda e, f: torch.polar(e, f), [r, phi], r.shape, "complex64")


@op("keras.ops.view_as_complex")
def view_as_complex(x: Any) -> Tensor:
    x = tensor(x, "the argument of view_as_complex")
    return derived(lambda e: torch.view_as_complex(e.contiguous()), [x], x.shape[:-1], "complex64")


@op("keras.ops.view_as_real")
def view_as_real(x: Any) -> Tensor:
    x = tensor(x, "the argument of view_as_real")
    return derived(lambda e: torch.view_as_real(e), [x], (*x.shape, 2), "float32")


# -- further solutions ----------------------------------------------------------------------------


@op(*_names("cholesky_inverse"))
def cholesky_inverse(x: Any, upper: Any = False) -> Tensor:
    x = tensor(x, "the argument of cholesky_inverse")
    up = unless(bool(decided(upper, "upper")), False)
    return _on(x, x.shape, lambda e: torch.cholesky_inverse(e, upper=up))


@op("tf.linalg.cholesky_solve", "tf.cholesky_solve")
def cholesky_solve(chol: Any, rhs: Any) -> Tensor:
    return _solved(chol, rhs, lambda e, f: torch.cholesky_solve(f, e))


@op(*_names("lstsq"))
def lstsq(a: Any, b: Any, rcond: Any = None) -> Tensor:
    a, b = tensor(a, "the matrix"), tensor(b, "the right side")
    if a.rank != 2:
        raise RuleError("KT203", "lstsq of several matrices is not supported")
    shape = (a.shape[-1], *b.shape[1:])
    return derived(
        lambda e, f: LINALG.pinv(e, rtol=unless(rcond, None)) @ f, [a, b], shape, a.dtype
    )


@op(*_names("matrix_rank"), "tf.linalg.matrix_rank", a="x")
def matrix_rank(x: Any, tol: Any = None) -> Tensor:
    x = tensor(x, "the argument of matrix_rank")
    return derived(
        lambda e: LINALG.matrix_rank(e, tol=unless(tol, None)).to(torch.int32),
        [x],
        x.shape[:-2],
        "int32",
    )
