"""Products, norms and decompositions, against Keras and TensorFlow."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops.harness import check, floats, ints, rejects, written

A, B = (2, 3, 4), (2, 4, 5)
PRODUCTS = [
    ("ops.matmul(x, y)", A, B),
    ("ops.matmul(x, y)", A, (4, 5)),
    ("ops.matmul(x, y)", A, (4,)),
    ("ops.matmul(x, y)", (2, 1, 3, 4), (5, 4, 2)),
    ("x @ y", A, B),
    ("tf.matmul(x, y)", A, B),
    ("tf.matmul(x, y, transpose_b=True)", A, (2, 6, 4)),
    ("tf.matmul(x, y, transpose_a=True)", A, (2, 3, 5)),
    ("tf.linalg.matmul(x, y, adjoint_b=True)", (2, 3, 5, 4), (2, 3, 6, 4)),
    ("tf.linalg.matvec(x, y)", A, (2, 4)),
    ("ops.dot(x, y)", (3, 4), (4, 5)),
    ("ops.dot(x, y)", A, (4, 5)),
    ("ops.dot(x, y)", A, (6, 4, 5)),
    ("ops.dot(x, y)", A, (4,)),
    ("ops.dot(x, y)", (4,), (4,)),
    ("ops.dot(x, 2.0)", A),
    ("K.dot(x, y)", (3, 4), (4, 5)),
    ("K.dot(x, y)", A, (4, 5)),
    ("K.dot(x, y)", A, (6, 4, 5)),
    ("K.batch_dot(x, y)", A, B),
    ("K.batch_dot(x, y, axes=[2, 2])", A, (2, 5, 4)),
    ("K.batch_dot(x, y, axes=1)", A, (2, 3, 5)),
    ("K.batch_dot(x, y, axes=(1, 1))", (2, 4), (2, 4)),
    ("K.batch_dot(x, y, axes=(1, 2))", (2, 4), (2, 3, 4)),
    ("K.batch_dot(x, y, axes=(2, 1))", A, (2, 4)),
    ("K.batch_dot(x, y)", (2, 3, 5, 4), (2, 6, 4, 3)),
    ("K.batch_dot(x, y, axes=(2, 3))", (2, 3, 4, 5), (2, 6, 3, 4)),
    ("tf.tensordot(a=x, b=y, axes=1)", A, (4, 5)),
    ("ops.tensordot(x, y, axes=1)", A, (4, 5)),
    ("ops.tensordot(x, y)", A, (3, 4, 5)),
    ("ops.tensordot(x, y, axes=[[2], [1]])", A, (6, 4)),
    ("tf.tensordot(x, y, axes=[[1, 2], [1, 0]])", A, (4, 3, 5)),
    ("tf.tensordot(x, y, [[2], [0]])", A, (4, 5)),
    ("ops.einsum('bij,bjk->bik', x, y)", A, B),
    ("ops.einsum('bij, jk -> bik', x, y)", A, (4, 5)),
    ("tf.einsum('...ij,...jk->...ik', x, y)", A, B),
    ("tf.einsum('b...i,ij->b...j', x, y)", (2, 3, 5, 4), (4, 6)),
    ("tf.einsum('ij,jk', x, y)", (3, 4), (4, 5)),
    ("tf.einsum('bhwc,bkc->bhwk', x, y)", (2, 3, 4, 5), (2, 6, 5)),
    ("tf.einsum('bii->bi', x)", (2, 4, 4)),
    ("ops.outer(x, y)", (3,), (4,)),
    ("ops.inner(x, y)", A, (5, 4)),
    ("ops.vdot(x, y)", A, A),
    ("ops.kron(x, y)", (2, 3), (4, 5)),
    ("ops.cross(x, y)", (4, 3), (4, 3)),
    ("tf.linalg.cross(x, y)", (4, 3), (4, 3)),
    ("tf.linalg.matrix_transpose(x)", A),
    ("tf.linalg.matrix_transpose(a=x)", A),
]


@pytest.mark.parametrize("case", PRODUCTS, ids=lambda c: f"{c[0]} {c[1]}")
def test_products(case: tuple) -> None:
    check(
        case[0],
        *case[1:],
        sizes=("known", "symbolic", "open") if "cross" not in case[0] else ("known",),
    )


def test_types() -> None:
    check("ops.matmul(x, y)", ints(2, 3), floats(3, 4), gradient=False)
    check("tf.matmul(tf.range(4)[None], x)", ints(4, 3), gradient=False)
    check("tf.matmul(tf.reshape(tf.range(4), (-1, 1)), x)", ints(1, 3), gradient=False)
    assert written("ops.matmul(x, y)", (None, 3, 4), (4, 5)) == "v0_0 = x @ y; v0_0"


NORMS = [
    "ops.norm(x, axis=-1)",
    "ops.norm(x, axis=1, keepdims=True)",
    "ops.norm(x, ord=1, axis=1)",
    "ops.norm(x, ord='fro', axis=(1, 2))",
    "ops.linalg.norm(x, ord=1, axis=(1, 2))",
    "tf.norm(x)",
    "tf.norm(x, axis=-1)",
    "tf.norm(x, axis=[1, 2])",
    "tf.norm(x, ord=1, axis=1, keepdims=True)",
    "tf.linalg.norm(x, axis=2)",
    "tf.norm(x, ord='euclidean', axis=1)",
]


@pytest.mark.parametrize("text", NORMS)
@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5)])
def test_norms(text: str, shape: tuple) -> None:
    check(text, shape, tolerance=1e-11)


def test_norm_of_all() -> None:
    check("ops.norm(x)", (3, 4))
    check("ops.norm(x)", (5,))
    check("ops.norm(x, ord='fro')", (3, 4))


SPD = np.einsum("nij,nkj->nik", floats(2, 4, 4), floats(2, 4, 4)) + 4 * np.eye(4)
MATRICES = [
    "ops.inv(x)",
    "ops.linalg.inv(x)",
    "tf.linalg.inv(x)",
    "ops.det(x)",
    "tf.linalg.det(x)",
    "ops.linalg.cholesky(x)",
    "tf.linalg.cholesky(x)",
    "ops.slogdet(x)",
    "ops.logdet(x)",
    "tf.linalg.logdet(x)",
    "ops.svd(x, compute_uv=False)",
    "tf.linalg.svd(x, compute_uv=False)",
    "ops.eigh(x)[0]",
    "tf.linalg.eigh(x)[0]",
    "tf.linalg.pinv(x)",
    "tf.linalg.expm(x / 10)",
    "tf.linalg.trace(x)",
    "tf.linalg.diag_part(x)",
    "ops.trace(x, axis1=1, axis2=2)",
    "ops.diagonal(x, axis1=1, axis2=2)",
    "ops.diagonal(x, offset=1, axis1=1, axis2=2)",
    "tf.linalg.band_part(x, -1, 0)",
    "tf.linalg.band_part(x, 0, -1)",
    "tf.linalg.band_part(x, 1, 2)",
    "tf.linalg.band_part(x, -1, -1)",
    "tf.linalg.LinearOperatorLowerTriangular(x).to_dense()",
]


@pytest.mark.parametrize("text", MATRICES)
def test_matrices(text: str) -> None:
    # TensorFlow gives the gradient of eigh for the lower half of the matrix, twice
    check(text, SPD, sizes=("known",), tolerance=1e-9, layouts=False, gradient="eigh" not in text)


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("tf.matmul(*ops.qr(x))", [(2, 5, 3)]),
        ("tf.matmul(*tf.linalg.qr(x))", [(2, 3, 5)]),
        ("ops.solve(x, y)", [SPD, (2, 4, 3)]),
        ("tf.linalg.solve(x, y)", [SPD, (2, 4, 3)]),
        ("tf.linalg.triangular_solve(x, y)", [SPD, (2, 4, 3)]),
        ("ops.solve_triangular(x, y, lower=True)", [SPD, (2, 4, 3)]),
        ("tf.linalg.cholesky_solve(tf.linalg.cholesky(x), y)", [SPD, (2, 4, 3)]),
        ("ops.lstsq(x, y)", [(5, 3), (5, 2)]),
        ("ops.lstsq(x, y)", [(5, 3), (5,)]),
        ("ops.linalg.matrix_rank(x)", [(2, 5, 3)]),
        ("ops.cholesky_inverse(x)", [np.linalg.cholesky(SPD[0])]),
        ("ops.real(ops.polar(ops.abs(x), y))", [(2, 3), (2, 3)]),
        ("ops.view_as_complex(x)", [(4, 3, 2)]),
        ("ops.view_as_real(ops.view_as_complex(x))", [(4, 3, 2)]),
        ("ops.diag(x)", [(4,)]),
        ("ops.diag(x, k=-1)", [(4,)]),
        ("ops.diag(x)", [(4, 5)]),
        ("tf.linalg.diag(x)", [(3, 4)]),
        ("tf.linalg.set_diag(x, y)", [(2, 4, 4), (2, 4)]),
    ],
)
def test_more(text: str, shapes: list) -> None:
    check(
        text,
        *shapes,
        sizes=("known",),
        tolerance=1e-7 if "complex" in text else 1e-9,
        layouts=False,
        gradient=not any(
            name in text for name in ("lstsq", "rank", "complex", "polar", "cholesky_inverse")
        ),
    )


def test_refused() -> None:
    assert "batch axis" in rejects("K.batch_dot(x, y, axes=0)", (2, 3, 4), (2, 3, 4))
    assert "rank" in rejects("ops.einsum('ab->a', x)", (2, 3, 4))
