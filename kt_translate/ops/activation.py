"""Activations as functions: keras.activations.*, keras.ops.*, tf.nn.*, K.*."""

from __future__ import annotations

import math
from typing import Any

from kt_translate.graph.precision import rounded
from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.activation_table import ACTIVATIONS, activation_expr
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError, is_plain
from kt_translate.ops.arguments import along, axes_of, axis_of, elementwise, op, tensor
from kt_translate.ops.op import precise_to
from kt_translate.pytorch.expr import Expr, F, torch, unless

KERAS, OPS, TF, K = "keras.activations.", "keras.ops.", "tf.nn.", "keras.backend."


def activated(x: Any, name: str, **arguments: Any) -> Tensor:
    """The activation ``name`` of every element."""
    x = tensor(x, f"the argument of {name}")
    return elementwise(x, lambda e: activation_expr(name, e, **arguments), label=name)


def _plain(name: str, *paths: str) -> None:
    def function(x: Any) -> Tensor:
        return activated(x, name)

    op(*paths, features="x", input="x")(function)


for _name in (
    "relu6",
    "selu",
    "silu",
    "hard_sigmoid",
    "log_sigmoid",
    "sparse_sigmoid",
    "hard_silu",
    "hard_tanh",
    "tanh_shrink",
    "softplus",
    "softsign",
    "sparse_plus",
):
    _plain(_name, KERAS + _name, OPS + _name)
_plain("silu", KERAS + "swish", OPS + "swish")
_plain("hard_silu", KERAS + "hard_swish", OPS + "hard_swish")
_plain("tanh", KERAS + "tanh", TF + "tanh")
_plain("mish", KERAS + "mish")
_plain("exponential", KERAS + "exponential")
_plain("relu6", TF + "relu6")
_plain("selu", TF + "selu")
_plain("softplus", TF + "softplus", K + "softplus", "tf.math.softplus")
_plain("softsign", TF + "softsign", K + "softsign", "tf.math.softsign")
_plain("log_sigmoid", "tf.math.log_sigmoid", "tf.log_sigmoid")


@op(K + "hard_sigmoid")
def backend_hard_sigmoid(x: Any) -> Tensor:
    """The backend kept Keras 2's."""
    x = tensor(x, "the argument of hard_sigmoid")
    return elementwise(x, lambda e: activation_expr("hard_sigmoid", e, flavour="2"))


@op(KERAS + "linear")
def linear(x: Any) -> Any:
    return x


@op(KERAS + "relu", alpha="negative_slope")
@precise_to(lambda given: rounded(given["negative_slope"]))
def relu(x: Any, negative_slope: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Tensor:
    return activated(
        x, "relu", negative_slope=negative_slope, max_value=max_value, threshold=threshold
    )


@op(K + "relu")
@precise_to(lambda given: rounded(given["alpha"]))
def backend_relu(x: Any, alpha: Any = 0.0, max_value: Any = None, threshold: Any = 0.0) -> Tensor:
    return relu(x, alpha, max_value, threshold)


@op(OPS + "relu", TF + "relu", "tf.relu", features="x")
def plain_relu(x: Any) -> Tensor:
    return activated(x, "relu")


@op(
    KERAS + "leaky_relu",
    OPS + "leaky_relu",
    TF + "leaky_relu",
    features="x",
    alpha="negative_slope",
)
@precise_to(lambda given: rounded(given["negative_slope"]))
def leaky_relu(x: Any, negative_slope: Any = 0.2) -> Tensor:
    return activated(x, "leaky_relu", negative_slope=negative_slope)


@op(KERAS + "elu", OPS + "elu", K + "elu", TF + "elu", features="x")
def elu(x: Any, alpha: Any = 1.0) -> Tensor:
    return activated(x, "elu", alpha=alpha)


@op(KERAS + "celu", OPS + "celu")
def celu(x: Any, alpha: Any = 1.0) -> Tensor:
    return activated(x, "celu", alpha=alpha)


def _of_gelu(given: dict[str, Any]) -> float:
    return ACTIVATIONS["gelu"].precision


@op(OPS + "gelu")
@precise_to(_of_gelu)
def gelu(x: Any, approximate: Any = True) -> Tensor:
    return activated(x, "gelu", approximate=approximate)


@op(KERAS + "gelu", TF + "gelu", features="x")
@precise_to(_of_gelu)
def exact_gelu(x: Any, approximate: Any = False) -> Tensor:
    return activated(x, "gelu", approximate=approximate)


@op(TF + "silu", TF + "swish", features="x")
def silu(x: Any, beta: Any = 1.0) -> Tensor:
    if is_plain(beta) and not isinstance(beta, Tensor) and beta == 1:
        return activated(x, "silu")
    x = tensor(x, "the argument of silu")
    if isinstance(beta, Tensor):
        raise RuleError("KT203", "silu with a tensor for beta is not supported")
    return elementwise(x, lambda e: e * (beta * e).sigmoid())


@op(KERAS + "hard_shrink", OPS + "hard_shrink")
def hard_shrink(x: Any, threshold: Any = 0.5) -> Tensor:
    return activated(x, "hard_shrink", threshold=threshold)


@op(KERAS + "soft_shrink", OPS + "soft_shrink")
def soft_shrink(x: Any, threshold: Any = 0.5) -> Tensor:
    return activated(x, "soft_shrink", threshold=threshold)


@op(KERAS + "threshold", OPS + "threshold")
def threshold(x: Any, threshold: Any, default_value: Any) -> Tensor:
    return activated(x, "threshold", threshold=threshold, default_value=default_value)


@op(KERAS + "squareplus", OPS + "squareplus")
def squareplus(x: Any, b: Any = 4) -> Tensor:
    return activated(x, "squareplus", b=b)


@op(TF + "crelu", features="x")
def crelu(x: Any, axis: Any = -1) -> Tensor:
    x = tensor(x, "the argument of crelu")
    at = axis_of(axis, x.rank)
    shape = list(x.shape)
    size = shape[at]
    shape[at] = None if size is None else size * 2
    dim = x.dim(at if at != x.rank - 1 else -1)
    return derived(
        lambda e: F.relu(torch.cat([e, -e], dim=dim)),
        [x],
        tuple(shape),
        x.dtype,
        x.layout,
        Layout.KEEP,
    )


# -- along an axis --------------------------------------------------------------------------------


@op(
    OPS + "sigmoid",
    KERAS + "sigmoid",
    TF + "sigmoid",
    "tf.sigmoid",
    "tf.math.sigmoid",
    K + "sigmoid",
)
def sigmoid(x: Any) -> Tensor:
    result = activated(x, "sigmoid")
    result.logits, result.activation = x, "sigmoid"
    return result


@op(KERAS + "softmax", OPS + "softmax", K + "softmax")
def softmax(x: Any, axis: Any = -1) -> Tensor:
    x = tensor(x, "the argument of softmax")
    axes = decided(axis, "the axis")
    if isinstance(axes, (tuple, list)) and len(axes) > 1:
        dims = tuple(x.dim(a) for a in axes_of(axes, x.rank))
        return elementwise(x, lambda e: Expr("softmax_over")(e, dims))
    return _softmax(x, axes[0] if isinstance(axes, (tuple, list)) else axes)


def _softmax(x: Tensor, axis: Any) -> Tensor:
    result = along(x, axis, lambda e, dim: F.softmax(e, dim=dim))
    if axis_of(axis, x.rank) == x.rank - 1:
        result.logits, result.activation = x, "softmax"
    return result


@op(TF + "softmax", "tf.math.softmax")
def tf_softmax(logits: Any, axis: Any = None) -> Tensor:
    return _softmax(tensor(logits, "the argument of softmax"), -1 if axis is None else axis)


@op(TF + "log_softmax", "tf.math.log_softmax")
def tf_log_softmax(logits: Any, axis: Any = None) -> Tensor:
    return log_softmax(logits, -1 if axis is None else axis)


@op(KERAS + "log_softmax", OPS + "log_softmax")
def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    x = tensor(x, "the argument of log_softmax")
    return along(x, axis, lambda e, dim: F.log_softmax(e, dim=dim))


@op(KERAS + "sparsemax", OPS + "sparsemax")
def sparsemax(x: Any, axis: Any = -1) -> Tensor:
    x = tensor(x, "the argument of sparsemax")
    return along(x, axis, lambda e, dim: activation_expr("sparsemax", e, dim))


@op(KERAS + "glu", OPS + "glu")
def glu(x: Any, axis: Any = -1) -> Tensor:
    x = tensor(x, "the argument of glu")
    at = axis_of(axis, x.rank)
    shape = list(x.shape)
    size = shape[at]
    shape[at] = None if size is None else size // 2
    dim = x.dim(-1 if at == x.rank - 1 else at)
    return derived(
        lambda e: activation_expr("glu", e, dim), [x], tuple(shape), x.dtype, x.layout, Layout.KEEP
    )


# -- scaled to length 1 ---------------------------------------------------------------------------


def _unit(x: Any, axis: Any, epsilon: Any, order: Any = 2) -> Tensor:
    """x / max(norm, epsilon)."""
    x = tensor(x, "the argument of a normalization")
    # the last axis counted from behind: it reads better, and is right whatever the rank
    axes = tuple(x.dim(-1 if a == x.rank - 1 else a) for a in axes_of(axis, x.rank))
    if len(axes) > 1 and order != 2:
        raise RuleError("KT203", "the norm of a matrix is not supported here")
    dims = axes[0] if len(axes) == 1 else axes
    return elementwise(x, lambda e: F.normalize(e, p=unless(order, 2), dim=dims, eps=epsilon))


@op("tf.math.l2_normalize", "tf.nn.l2_normalize", "tf.linalg.l2_normalize", dim="axis")
def l2_normalize(x: Any, axis: Any = None, epsilon: Any = 1e-12) -> Tensor:
    """TensorFlow's epsilon is one of the squared norm."""
    if isinstance(epsilon, Sym):
        return _unit(x, axis, Sym.binary("**", epsilon, 0.5))
    return _unit(x, axis, Expr("1e-6") if epsilon == 1e-12 else math.sqrt(epsilon))


@op(K + "l2_normalize")
def backend_l2_normalize(x: Any, axis: Any = None) -> Tensor:
    return l2_normalize(x, axis)


@op(OPS + "normalize", "keras.utils.normalize")
def normalize(x: Any, axis: Any = -1, order: Any = 2, epsilon: Any = None) -> Tensor:
    return _unit(
        x,
        axis,
        Expr("1e-7") if epsilon is None else epsilon,
        decided(order, "the order of the norm"),
    )
