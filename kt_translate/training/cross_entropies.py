"""Cross-entropies: of logits where Keras finds them, else of probabilities that are clipped."""

from __future__ import annotations

from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import OMIT, Expr, F
from kt_translate.training.arguments import NotTranslatable, decided, number
from kt_translate.training.loss_forms import (
    ONE_MINUS_EPSILON,
    TARGET,
    LossForm,
    LossRequest,
    explicit,
    function,
    matching,
    smoothed,
)


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
    return LossForm(title, statements, explicit(TARGET * right + (1 - TARGET) * wrong, True))


def categorical_crossentropy(request: LossRequest) -> LossForm:
    title = f"Categorical cross-entropy of one-hot targets{request.output.shape()}"
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
    per_sample = (TARGET * x.log()).sum(dim=dim)
    return LossForm(title, statements, explicit(per_sample, True), elementwise=False)


def sparse_categorical_crossentropy(request: LossRequest) -> LossForm:
    if request.dim != request.output.class_dim:
        raise NotTranslatable("sparse cross-entropy takes classes on the last axis only")
    x = request.x
    if not request.from_logits:
        x = x.clamp(Expr("1e-7"), ONE_MINUS_EPSILON).log()
    title = f"Categorical cross-entropy of class numbers{request.output.shape(classes=False)}"
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
    title += f" other than {index}"
    return LossForm(title, statements, lambda _: mean, elementwise=False)


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
