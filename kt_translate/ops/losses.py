"""Losses as functions: the losses of the samples, not averaged."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import axis_of, op, tensor
from kt_translate.ops.values import as_tensor
from kt_translate.pytorch.expr import Expr, F

ONE_MINUS = Expr("1 - 1e-7", 10)


def _clipped(x: Expr) -> Expr:
    return x.clamp(Expr("1e-7"), ONE_MINUS)


def _both(target: Any, output: Any) -> tuple[Tensor, Tensor, Layout]:
    target, output = as_tensor(target), tensor(output, "the output")
    return target, output, output.layout if target.rank == output.rank else Layout.LAST


def _typed(target: Tensor, output: Tensor, t: Expr, x: Expr) -> Expr:
    return t if target.dtype == output.dtype else t.to(x.dtype)


def _elementwise(target: Any, output: Any, render: Any) -> Tensor:
    target, output, layout = _both(target, output)
    return derived(
        lambda t, x: render(_typed(target, output, t, x), x),
        [target, output],
        output.shape,
        output.dtype,
        layout,
        layout,
    )


def _over_classes(target: Any, output: Any, axis: Any, render: Any) -> Tensor:
    """``render(target, output, dim)`` takes the classes' axis away."""
    target, output, layout = _both(target, output)
    at = axis_of(axis, output.rank)
    if at != output.rank - 1:
        layout = Layout.LAST
    dim = output.seen_in(layout).dim(-1 if at == output.rank - 1 else at)
    return derived(
        lambda t, x: render(_typed(target, output, t, x), x, dim),
        [target, output],
        (*output.shape[:at], *output.shape[at + 1 :]),
        output.dtype,
        Layout.LAST,
        layout,
    )


def _logits(output: Any, from_logits: Any, activation: str) -> tuple[Any, bool]:
    """Keras looks for the logits behind a softmax or sigmoid."""
    if decided(from_logits, "from_logits"):
        return output, True
    if isinstance(output, Tensor) and output.activation == activation and output.logits is not None:
        return output.logits, True
    return output, False


# -- binary ---------------------------------------------------------------------------------------


def _of_logits(t: Expr, x: Expr) -> Expr:
    return F.binary_cross_entropy_with_logits(x, t, reduction="none")


@op("keras.ops.binary_crossentropy", y_true="target", y_pred="output")
def binary_crossentropy(target: Any, output: Any, from_logits: Any = False) -> Tensor:
    output, logits = _logits(output, from_logits, "sigmoid")
    if logits:
        return _elementwise(target, output, _of_logits)
    return _elementwise(
        target, output, lambda t, x: F.binary_cross_entropy(_clipped(x), t, reduction="none")
    )


@op("keras.backend.binary_crossentropy")
def backend_binary_crossentropy(target: Any, output: Any, from_logits: Any = False) -> Tensor:
    if decided(from_logits, "from_logits"):
        return _elementwise(target, output, _of_logits)
    return _elementwise(target, output, lambda t, x: Expr("binary_crossentropy_shifted")(x, t))


@op("tf.nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy(labels: Any = None, logits: Any = None) -> Tensor:
    return _elementwise(labels, logits, _of_logits)


@op("tf.nn.weighted_cross_entropy_with_logits", targets="labels")
def weighted_cross_entropy(labels: Any, logits: Any, pos_weight: Any) -> Tensor:
    if isinstance(pos_weight, Tensor):
        raise RuleError("KT203", "pos_weight that is a tensor is not supported")
    weight = Expr("torch").as_tensor(pos_weight)
    return _elementwise(
        labels,
        logits,
        lambda t, x: F.binary_cross_entropy_with_logits(x, t, pos_weight=weight, reduction="none"),
    )


# -- categorical ----------------------------------------------------------------------------------


def _softmax_entropy(t: Expr, x: Expr, dim: int) -> Expr:
    return Expr("softmax_cross_entropy")(x, t, dim=dim)


@op("keras.ops.categorical_crossentropy")
def categorical_crossentropy(
    target: Any, output: Any, from_logits: Any = False, axis: Any = -1
) -> Tensor:
    output, logits = _logits(output, from_logits, "softmax")
    return backend_categorical_crossentropy(target, output, logits, axis)


@op("keras.backend.categorical_crossentropy")
def backend_categorical_crossentropy(
    target: Any, output: Any, from_logits: Any = False, axis: Any = -1
) -> Tensor:
    if decided(from_logits, "from_logits"):
        return _over_classes(target, output, axis, _softmax_entropy)
    return _over_classes(
        target, output, axis, lambda t, x, dim: Expr("scaled_crossentropy")(x, t, dim)
    )


@op(
    "tf.nn.softmax_cross_entropy_with_logits",
    "tf.nn.softmax_cross_entropy_with_logits_v2",
    dim="axis",
)
def softmax_cross_entropy(labels: Any = None, logits: Any = None, axis: Any = -1) -> Tensor:
    return _over_classes(labels, logits, axis, _softmax_entropy)


def _sparse(target: Any, output: Any, probabilities: bool) -> Tensor:
    target, output = as_tensor(target), tensor(output, "the output")
    if target.rank == output.rank and target.shape[-1] == 1:
        ids = target
        target = derived(lambda e: e.squeeze(-1), [ids], ids.shape[:-1], ids.dtype)
    if target.rank != output.rank - 1:
        raise RuleError("KT203", "sparse cross-entropy of targets with another rank")
    first = output.layout is Layout.FIRST

    def render(t: Expr, x: Expr) -> Expr:
        if probabilities:
            x = _clipped(x).log()
        if not first and output.rank > 2:
            x = x.movedim(-1, 1)
        return F.cross_entropy(x, t if target.dtype == "int64" else t.long(), reduction="none")

    made = derived(render, [target, output], output.shape[:-1], output.dtype)
    made.node.wants = [Layout.LAST, output.layout]  # type: ignore[union-attr]
    return made


@op("keras.ops.sparse_categorical_crossentropy", "keras.backend.sparse_categorical_crossentropy")
def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: Any = False, axis: Any = -1, ignore_class: Any = None
) -> Tensor:
    rank = tensor(output, "the output").rank
    if axis_of(axis, rank) != rank - 1 or ignore_class is not None:
        raise RuleError("KT203", "sparse cross-entropy with axis or ignore_class")
    output, logits = _logits(output, from_logits, "softmax")
    return _sparse(target, output, not logits)


@op("tf.nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy(labels: Any = None, logits: Any = None) -> Tensor:
    return _sparse(labels, logits, False)


# -- keras.losses as functions --------------------------------------------------------------------


def _mean_over_last(target: Any, output: Any, render: Any) -> Tensor:
    """Losses averaged over the last axis, as the functions of keras.losses give them."""
    return _over_classes(target, output, -1, lambda t, x, dim: render(t, x).mean(dim=dim))


@op(
    "keras.losses.mean_squared_error",
    "keras.losses.mse",
    "keras.losses.MSE",
    "keras.metrics.mse",
    "keras.metrics.mean_squared_error",
)
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    return _mean_over_last(y_true, y_pred, lambda t, x: (x - t).square())


@op(
    "keras.losses.mean_absolute_error",
    "keras.losses.mae",
    "keras.losses.MAE",
    "keras.metrics.mae",
    "keras.metrics.mean_absolute_error",
)
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    return _mean_over_last(y_true, y_pred, lambda t, x: (x - t).abs())


@op("keras.losses.binary_crossentropy", "keras.metrics.binary_crossentropy")
def loss_binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: Any = False, label_smoothing: Any = 0.0, axis: Any = -1
) -> Tensor:
    losses = binary_crossentropy(_smoothed(y_true, label_smoothing, 2), y_pred, from_logits)
    at = axis_of(axis, losses.rank)
    layout = losses.layout if at == losses.rank - 1 else Layout.LAST
    dim = losses.seen_in(layout).dim(-1 if at == losses.rank - 1 else at)
    shape = (*losses.shape[:at], *losses.shape[at + 1 :])
    return derived(lambda e: e.mean(dim=dim), [losses], shape, losses.dtype, wants=layout)


def _smoothed(target: Any, smoothing: Any, classes: Any) -> Any:
    if not decided(smoothing, "label_smoothing"):
        return target
    target = tensor(target, "the target")
    if classes is None:
        raise RuleError("KT203", "label_smoothing over a number of classes that is not known")
    share = Sym.binary("/", smoothing, classes) if isinstance(classes, Sym) else smoothing / classes
    return derived(
        lambda e: e * (1 - smoothing) + share,
        [target],
        target.shape,
        target.dtype,
        target.layout,
        Layout.KEEP,
    )


@op("keras.losses.categorical_crossentropy", "keras.metrics.categorical_crossentropy")
def loss_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: Any = False, label_smoothing: Any = 0.0, axis: Any = -1
) -> Tensor:
    classes = tensor(y_pred, "the output").shape[-1]
    return categorical_crossentropy(
        _smoothed(y_true, label_smoothing, classes), y_pred, from_logits, axis
    )


@op("keras.losses.sparse_categorical_crossentropy", "keras.metrics.sparse_categorical_crossentropy")
def loss_sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: Any = False, ignore_class: Any = None, axis: Any = -1
) -> Tensor:
    return sparse_categorical_crossentropy(y_true, y_pred, from_logits, axis, ignore_class)


@op(
    "keras.losses.kl_divergence",
    "keras.losses.kld",
    "keras.losses.KLD",
    "keras.losses.kullback_leibler_divergence",
)
def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    def render(t: Expr, x: Expr, dim: int) -> Expr:
        t, x = t.clamp(Expr("1e-7"), 1), x.clamp(Expr("1e-7"), 1)
        return (t * (t / x).log()).sum(dim=dim)

    return _over_classes(y_true, y_pred, -1, render)


@op("keras.losses.cosine_similarity", "keras.losses.cosine_proximity")
def cosine_similarity(y_true: Any, y_pred: Any, axis: Any = -1) -> Tensor:
    """Keras's sign: -1 where both are alike."""

    def render(t: Expr, x: Expr, dim: int) -> Expr:
        unit = [F.normalize(v, dim=dim, eps=Expr("1e-7")) for v in (t, x)]
        return -(unit[0] * unit[1]).sum(dim=dim)

    return _over_classes(y_true, y_pred, axis, render)


@op("keras.losses.huber")
def huber(y_true: Any, y_pred: Any, delta: Any = 1.0) -> Tensor:
    return _mean_over_last(
        y_true, y_pred, lambda t, x: F.huber_loss(x, t, reduction="none", delta=delta)
    )


# -- connectionist temporal classification --------------------------------------------------------


@op("keras.backend.ctc_batch_cost")
def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Tensor:
    inputs = [
        tensor(v, "the argument of ctc_batch_cost")
        for v in (y_true, y_pred, input_length, label_length)
    ]
    return derived(
        lambda *given: Expr("ctc_batch_cost")(*given),
        inputs,
        (inputs[1].shape[0], 1),
        inputs[1].dtype,
    )


@op("keras.ops.ctc_loss")
def ctc_loss(
    target: Any, output: Any, target_length: Any, output_length: Any, mask_index: Any = 0
) -> Tensor:
    inputs = [
        tensor(v, "the argument of ctc_loss")
        for v in (target, output, target_length, output_length)
    ]

    def render(t: Expr, x: Expr, labels: Expr, steps: Expr) -> Expr:
        return F.ctc_loss(
            F.log_softmax(x, dim=-1).transpose(0, 1),
            t.long(),
            steps.long(),
            labels.long(),
            blank=mask_index,
            reduction="none",
        )

    return derived(render, inputs, inputs[1].shape[:1], inputs[1].dtype)


@op("tf.nn.sampled_softmax_loss", "tf.nn.nce_loss")
def sampled(
    weights: Any,
    biases: Any,
    labels: Any,
    inputs: Any,
    num_sampled: Any,
    num_classes: Any,
    num_true: Any = 1,
) -> Tensor:
    raise RuleError("KT203", "losses of sampled classes are not supported")
