"""Each loss of Keras in PyTorch: the statements, and the expression of the losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import OMIT, Expr, F, unless
from kt_translate.training.arguments import NotTranslatable, decided, number


@dataclass(frozen=True)
class OutputFacts:
    """What a loss must know of the model's output."""

    ends_in: str | None  # "softmax" or "sigmoid", if what goes into it can be had
    rank: int  # with the batch
    last_dim: int | None  # Keras's last axis
    channels_first: bool = False  # in torch it is (N, C, ...)
    masked: bool = False

    @property
    def class_dim(self) -> int:
        """Torch's dimension for Keras's last axis."""
        return 1 if self.channels_first else -1

    def torch_dim(self, axis: int) -> int:
        """Torch's dimension for an axis of Keras's."""
        axis = axis % self.rank
        if axis == self.rank - 1:
            return self.class_dim
        return axis + 1 if self.channels_first and axis else axis


@dataclass(frozen=True)
class LossRequest:
    """A loss with its arguments, and what it is computed from."""

    given: dict[str, Any]
    output: OutputFacts
    flavour: str
    x: Expr  # the output, or the logits
    folded: bool  # x went into a final softmax or sigmoid
    reduction: str

    @property
    def dim(self) -> int:
        """Torch's dimension for the loss's axis."""
        return self.output.torch_dim(decided(self.given.get("axis", -1), "axis"))

    @property
    def from_logits(self) -> bool:
        return self.folded or bool(decided(self.given["from_logits"], "from_logits"))


@dataclass(frozen=True)
class LossForm:
    """``losses("none")`` is an expression of all losses, ``losses("mean")`` of their mean."""

    title: str
    statements: list[str]
    losses: Callable[[str], Expr]
    elementwise: bool = True
    support: tuple[str, ...] = ()

    def reduced(self, request: LossRequest) -> Expr:
        """The one number: Keras averages elementwise losses over the last axis in any case."""
        if request.reduction != "sum":
            return self.losses("mean")
        losses = self.losses("none")
        if self.elementwise:
            losses = losses.mean(dim=request.dim)
        return Expr(f"{losses}.sum()")


TARGET = Expr("target")
ONE_MINUS_EPSILON = Expr("1 - 1e-7", 10)


def explicit(losses: Expr) -> Callable[[str], Expr]:
    return lambda reduction: losses.mean() if reduction == "mean" else losses


def function(name: str, *args: Any, **kwargs: Any) -> Callable[[str], Expr]:
    """A loss of ``torch.nn.functional``."""
    call = getattr(F, name)
    return lambda reduction: call(*args, **kwargs, reduction=unless(reduction, "mean"))


def matching(request: LossRequest) -> tuple[list[str], Expr]:
    """Statements and expression for the target in the output's type, and in its shape.

    Keras aligns targets (N,) with outputs (N, 1); PyTorch would broadcast them to (N, N).
    """
    x = request.x
    if request.output.last_dim in (1, None):
        return [f"target = {TARGET.reshape(x.shape).to(x.dtype)}"], TARGET
    return [], TARGET.to(x.dtype)


def named(request: LossRequest) -> list[str]:
    """The same as statements, for targets that are used more than once."""
    statements, target = matching(request)
    return statements or [f"target = {target}"]


def smoothed(request: LossRequest, target: Expr, classes: Any) -> Expr:
    smoothing = request.given["label_smoothing"]
    if known(smoothing) == 0:
        return target
    s = number(smoothing)
    return Expr.binary("+", target * (1 - s), s / classes)


def binary_crossentropy(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    target = smoothed(request, target, 2)
    title = "Binary cross-entropy"
    if request.from_logits:
        losses = function("binary_cross_entropy_with_logits", request.x, target)
        return LossForm(title, statements, losses)
    x = request.x
    clipped = x.clamp(Expr("1e-7"), ONE_MINUS_EPSILON)
    if request.flavour == "3":
        return LossForm(title, statements, function("binary_cross_entropy", clipped, target))
    statements += [f"target = {target}"] if target != TARGET else []
    statements.append(f"{x} = {clipped}")
    right, wrong = (x + Expr("1e-7")).log(), (1 - x + Expr("1e-7")).log()
    return LossForm(title, statements, explicit(-(TARGET * right + (1 - TARGET) * wrong)))


def categorical_crossentropy(request: LossRequest) -> LossForm:
    title = "Categorical cross-entropy of one-hot targets"
    x, dim = request.x, request.dim
    target = TARGET.to(x.dtype)
    if request.from_logits and request.output.ends_in != "sigmoid":
        if dim == -1 and request.output.rank > 2:
            x, target = x.flatten(0, -2), target.flatten(0, -2)
        elif dim not in (1, -1):
            raise NotTranslatable("the classes are on an axis that is neither first nor last")
        smoothing = request.given["label_smoothing"]
        option = OMIT if known(smoothing) == 0 else number(smoothing)
        losses = function("cross_entropy", x, target, label_smoothing=option)
        return LossForm(title, [], losses, elementwise=False)
    statements = [f"target = {smoothed(request, target, x.shape[dim])}"]
    if request.from_logits:
        per_sample = Expr("softmax_cross_entropy")(x, TARGET, dim=dim)
        support = ("softmax_cross_entropy",)
        return LossForm(title, statements, explicit(per_sample), False, support)
    normal = x / x.sum(dim=dim, keepdim=True)
    statements.append(f"{x} = {normal.clamp(Expr('1e-7'), ONE_MINUS_EPSILON)}")
    per_sample = -(TARGET * x.log()).sum(dim=dim)
    return LossForm(title, statements, explicit(per_sample), elementwise=False)


def sparse_categorical_crossentropy(request: LossRequest) -> LossForm:
    if request.dim != request.output.class_dim:
        raise NotTranslatable("sparse cross-entropy takes classes on the last axis only")
    x = request.x
    if not request.from_logits:
        x = x.clamp(Expr("1e-7"), ONE_MINUS_EPSILON).log()
    title = "Categorical cross-entropy of class numbers"
    statements = []
    if request.output.channels_first and request.output.rank > 2:
        shape = Expr(f"(len({request.x}), *{request.x}.shape[2:])")
        statements.append(f"target = {TARGET.reshape(shape).long()}")
        target = TARGET
    else:
        x = x.flatten(0, -2) if request.output.rank > 2 else x
        target = TARGET.flatten().long()
    ignored = request.given["ignore_class"]
    if known(ignored) is None:
        losses = function("cross_entropy", x, target)
        return LossForm(title, statements, losses, elementwise=False)
    statements += [] if target == TARGET else [f"target = {target}"]
    index = number(ignored)
    total = F.cross_entropy(x, TARGET, ignore_index=index, reduction="sum")
    if request.reduction == "sum":
        return LossForm(title, statements, lambda _: total, elementwise=False)
    valid = Expr.binary("!=", TARGET, index)
    mean = total / Expr(f"({valid})").sum().clamp(min=1)
    title += f" but {index}"
    return LossForm(title, statements, lambda _: mean, elementwise=False)


def mean_squared_error(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    return LossForm("Squared error", statements, function("mse_loss", request.x, target))


def mean_absolute_error(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    return LossForm("Absolute error", statements, function("l1_loss", request.x, target))


def huber(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    delta = number(request.given["delta"])
    option = OMIT if known(request.given["delta"]) == 1 else delta
    losses = function("huber_loss", request.x, target, delta=option)
    return LossForm("Huber loss", statements, losses)


def log_cosh(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    statements.append(f"error = {request.x - target}")
    losses = Expr("torch").logaddexp(Expr("error"), -Expr("error")) - Expr("math.log(2)")
    return LossForm("Logarithm of the hyperbolic cosine of the error", statements, explicit(losses))


def mean_absolute_percentage_error(request: LossRequest) -> LossForm:
    relative = (TARGET - request.x) / TARGET.abs().clamp(min=Expr("1e-7"))
    title = "Absolute error in percent of the target"
    return LossForm(title, named(request), explicit(100 * relative.abs()))


def mean_squared_logarithmic_error(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    logs = [x.clamp(min=Expr("1e-7")).log1p() for x in (request.x, target)]
    title = "Squared error of the logarithms"
    return LossForm(title, statements, function("mse_loss", *logs))


def poisson(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    options = {"log_input": False, "eps": Expr("1e-7")}
    losses = function("poisson_nll_loss", request.x, target, **options)
    return LossForm("Poisson loss", statements, losses)


def kl_divergence(request: LossRequest) -> LossForm:
    x = request.x
    statements = [
        f"target = {TARGET.to(x.dtype).clamp(Expr('1e-7'), 1)}",
        f"{x} = {x.clamp(Expr('1e-7'), 1)}",
    ]
    losses = (TARGET * (TARGET / x).log()).sum(dim=request.dim)
    return LossForm("Kullback-Leibler divergence", statements, explicit(losses), elementwise=False)


def cosine_similarity(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    eps = Expr("1e-7" if request.flavour == "3" else "1e-6")
    dim = request.dim
    unit = [F.normalize(v, dim=unless(dim, 1), eps=eps) for v in (request.x, target)]
    losses = -(unit[0] * unit[1]).sum(dim=dim)
    title = "Cosine of the angle between output and target, negated"
    return LossForm(title, statements, explicit(losses), elementwise=False)


def hinge(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    losses = F.relu(1 - Expr("signed_labels")(target) * request.x)
    return LossForm("Hinge loss", statements, explicit(losses), support=("signed_labels",))


def squared_hinge(request: LossRequest) -> LossForm:
    statements, target = matching(request)
    losses = F.relu(1 - Expr("signed_labels")(target) * request.x).square()
    return LossForm("Squared hinge loss", statements, explicit(losses), support=("signed_labels",))


def categorical_hinge(request: LossRequest) -> LossForm:
    x, dim = request.x, request.output.class_dim
    statements = [
        f"target = {TARGET.to(x.dtype)}",
        f"positive = {(TARGET * x).sum(dim=dim)}",
        f"negative = {((1 - TARGET) * x).amax(dim=dim)}",
    ]
    losses = F.relu(Expr("negative") - Expr("positive") + 1)
    return LossForm("Categorical hinge loss", statements, explicit(losses), elementwise=False)


def categorical_focal_crossentropy(request: LossRequest) -> LossForm:
    given, x, dim = request.given, request.x, request.dim
    target = smoothed(request, TARGET.to(x.dtype), x.shape[dim])
    if decided(given["from_logits"], "from_logits"):
        x = F.softmax(x, dim=dim)
    name = "categorical_focal_crossentropy"
    alpha, gamma = number(given["alpha"]), number(given["gamma"])
    losses = Expr(name)(x, target, alpha=alpha, gamma=gamma, dim=dim)
    return LossForm("Categorical focal cross-entropy", [], explicit(losses), False, (name,))


def binary_focal_crossentropy(request: LossRequest) -> LossForm:
    given, x = request.given, request.x
    statements, target = matching(request)
    smooth = smoothed(request, target, 2)
    statements += [f"target = {smooth}"] if smooth != TARGET else []
    if request.from_logits:
        losses = F.binary_cross_entropy_with_logits(x, TARGET, reduction="none")
        softmax = request.output.ends_in == "softmax"
        x = F.softmax(x, dim=request.output.class_dim) if softmax else x.sigmoid()
    else:
        clipped = x.clamp(Expr("1e-7"), ONE_MINUS_EPSILON)
        losses = F.binary_cross_entropy(clipped, TARGET, reduction="none")
    balanced = decided(given["apply_class_balancing"], "apply_class_balancing")
    alpha = number(given["alpha"]) if balanced else OMIT
    statements.append(f"losses = {losses}")
    name = "binary_focal_crossentropy"
    focal = Expr(name)(Expr("losses"), x, TARGET, gamma=number(given["gamma"]), alpha=alpha)
    return LossForm("Binary focal cross-entropy", statements, explicit(focal), support=(name,))


def dice(request: LossRequest) -> LossForm:
    x, dims = request.x, summed_dims(request)
    overlap = (TARGET * x).sum(**dims)
    losses = 1 - 2 * overlap / (TARGET.sum(**dims) + x.sum(**dims) + Expr("1e-7"))
    form = explicit(losses) if dims else lambda _: losses
    return LossForm("Dice loss", named(request), form, elementwise=False)


def tversky(request: LossRequest) -> LossForm:
    x, dims = request.x, summed_dims(request)
    missed = number(request.given["alpha"]) * (TARGET * (1 - x)).sum(**dims)
    wrong = number(request.given["beta"]) * ((1 - TARGET) * x).sum(**dims)
    overlap = Expr("overlap")
    statements = [*named(request), f"overlap = {(TARGET * x).sum(**dims)}"]
    losses = 1 - overlap / (overlap + missed + wrong + Expr("1e-7"))
    form = explicit(losses) if dims else lambda _: losses
    return LossForm("Tversky loss", statements, form, elementwise=False)


def summed_dims(request: LossRequest) -> dict[str, Any]:
    axis = known(request.given["axis"])
    if axis is None:
        return {}
    axes = axis if isinstance(axis, (tuple, list)) else (axis,)
    return {"dim": tuple(request.output.torch_dim(decided(a, "axis")) for a in axes)}


def generalized_cross_entropy(request: LossRequest) -> LossForm:
    if request.output.rank != 2:
        raise NotTranslatable("this loss is known for outputs (N, classes) only")
    q = number(request.given["q"])
    chosen = request.x.gather(1, TARGET.reshape(-1, 1).long())
    title = "Generalized cross-entropy of class numbers"
    return LossForm(title, [], explicit((1 - chosen**q) / q), elementwise=False)


def ctc(request: LossRequest) -> LossForm:
    losses = Expr("ctc_losses")(request.x, TARGET)
    return LossForm("CTC loss", [], explicit(losses), False, ("ctc_losses",))


REDUCED = {"reduction": "sum_over_batch_size", "name": None, "dtype": None}
LOGITS = {"from_logits": False, "label_smoothing": 0.0, "axis": -1}
FOCAL = {"alpha": 0.25, "gamma": 2.0, **LOGITS, **REDUCED}
SIGNATURES: dict[str, dict[str, Any]] = {
    "binarycrossentropy": {**LOGITS, **REDUCED},
    "categoricalcrossentropy": {**LOGITS, **REDUCED},
    "sparsecategoricalcrossentropy": {
        "from_logits": False,
        "ignore_class": None,
        "reduction": "sum_over_batch_size",
        "axis": -1,
        "name": None,
        "dtype": None,
    },
    "cosinesimilarity": {"axis": -1, **REDUCED},
    "huber": {"delta": 1.0, **REDUCED},
    "categoricalfocalcrossentropy": FOCAL,
    "binaryfocalcrossentropy": {"apply_class_balancing": False, **FOCAL},
    "dice": {**REDUCED, "axis": None},
    "tversky": {"alpha": 0.5, "beta": 0.5, **REDUCED, "axis": None},
    "categoricalgeneralizedcrossentropy": {"q": 0.5, **REDUCED},
}
FORMS: dict[str, Callable[[LossRequest], LossForm]] = {
    "binarycrossentropy": binary_crossentropy,
    "categoricalcrossentropy": categorical_crossentropy,
    "sparsecategoricalcrossentropy": sparse_categorical_crossentropy,
    "meansquarederror": mean_squared_error,
    "meanabsoluteerror": mean_absolute_error,
    "huber": huber,
    "logcosh": log_cosh,
    "meanabsolutepercentageerror": mean_absolute_percentage_error,
    "meansquaredlogarithmicerror": mean_squared_logarithmic_error,
    "poisson": poisson,
    "kldivergence": kl_divergence,
    "cosinesimilarity": cosine_similarity,
    "hinge": hinge,
    "squaredhinge": squared_hinge,
    "categoricalhinge": categorical_hinge,
    "categoricalfocalcrossentropy": categorical_focal_crossentropy,
    "binaryfocalcrossentropy": binary_focal_crossentropy,
    "dice": dice,
    "tversky": tversky,
    "categoricalgeneralizedcrossentropy": generalized_cross_entropy,
    "ctc": ctc,
}
for _name in FORMS:
    SIGNATURES.setdefault(_name, REDUCED)
CROSS_ENTROPIES = {
    "binarycrossentropy",
    "categoricalcrossentropy",
    "sparsecategoricalcrossentropy",
    "binaryfocalcrossentropy",
}
