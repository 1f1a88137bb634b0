"""Losses that take the output as it is: distances, hinges, overlaps."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import OMIT, Expr, F, unless
from kt_translate.training.arguments import NotTranslatable, decided, number
from kt_translate.training.loss_forms import (
    TARGET,
    LossForm,
    LossRequest,
    explicit,
    function,
    matching,
    named,
)


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
    losses = (unit[0] * unit[1]).sum(dim=dim)
    title = "Cosine of the angle between output and target, negated"
    return LossForm(title, statements, explicit(losses, True), elementwise=False)


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


def dice(request: LossRequest) -> LossForm:
    x, dims = request.x, summed_dims(request)
    overlap = (TARGET * x).sum(**dims)
    losses = 1 - 2 * overlap / (TARGET.sum(**dims) + x.sum(**dims) + Expr("1e-7"))
    form = explicit(losses) if dims else lambda _: losses
    return LossForm("Dice loss", named(request), form, elementwise=False, whole=not dims)


def tversky(request: LossRequest) -> LossForm:
    x, dims = request.x, summed_dims(request)
    missed = number(request.given["alpha"]) * (TARGET * (1 - x)).sum(**dims)
    wrong = number(request.given["beta"]) * ((1 - TARGET) * x).sum(**dims)
    overlap = Expr("overlap")
    statements = [*named(request), f"overlap = {(TARGET * x).sum(**dims)}"]
    losses = 1 - overlap / (overlap + missed + wrong + Expr("1e-7"))
    form = explicit(losses) if dims else lambda _: losses
    return LossForm("Tversky loss", statements, form, elementwise=False, whole=not dims)


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
