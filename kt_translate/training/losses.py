"""The loss of ``model.compile`` as the body of ``loss_fn``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kt_translate.diagnostics import Log, Place
from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import Expr, F, torch
from kt_translate.training.arguments import NotTranslatable, Setting, decided, number, setting
from kt_translate.training.catalogue import CROSS_ENTROPIES, FORMS, SIGNATURES
from kt_translate.training.loss_forms import LossForm, LossRequest, OutputFacts

__all__ = [
    "LossCode",
    "LossesCode",
    "OutputFacts",
    "canonical_loss",
    "loss_rule",
    "losses_rule",
    "users_loss",
]


@dataclass(frozen=True)
class LossCode:
    """A function of (logits or output, target), and the method of the module that it needs."""

    body: list[str]
    docstring: str
    on: str  # "forward" or "logits"
    support: tuple[str, ...] = ()
    args: tuple[str, str] = ("output", "target")


@dataclass(frozen=True)
class LossesCode:
    """Losses of several outputs: a function for each, and their weighted sum."""

    functions: dict[str, LossCode]
    body: list[str]
    docstring: str
    on: str
    support: tuple[str, ...] = field(default=())
    args: tuple[str, str] = ("outputs", "targets")


ALIASES = {
    "mse": "meansquarederror",
    "mae": "meanabsoluteerror",
    "mape": "meanabsolutepercentageerror",
    "msle": "meansquaredlogarithmicerror",
    "bce": "binarycrossentropy",
    "kld": "kldivergence",
    "kullbackleiblerdivergence": "kldivergence",
    "huberloss": "huber",
    "cosineproximity": "cosinesimilarity",
}
NOT_OWN = "write loss_fn(output, target) by hand; Keras averages over the last axis first"


def loss_rule(
    value: Any, output: OutputFacts, flavour: str, log: Log, place: Place
) -> LossCode | None:
    """Translate the loss of a model's only output; None and KT502 where that is not possible."""
    try:
        return _loss(value, output, flavour)
    except NotTranslatable as problem:
        log.add("KT502", place, f"loss not translated: {problem.message}", problem.hint or NOT_OWN)
        return None


def losses_rule(
    value: Any,
    weights: Any,
    outputs: Mapping[str, OutputFacts],
    flavour: str,
    log: Log,
    place: Place,
    *,
    by_name: bool = False,
    suffix: str = "",
) -> LossesCode | None:
    """Translate the losses of several outputs, in the model's order.

    ``by_name``: the model gives a dict of them, not a tuple. ``suffix``: of the functions' names.
    """
    try:
        chosen = _per_output(value, list(outputs), "loss")
        factors = _per_output(weights, list(outputs), "loss_weights")
        return _sum(chosen, factors, outputs, flavour, by_name, suffix)
    except NotTranslatable as problem:
        log.add("KT502", place, f"loss not translated: {problem.message}", problem.hint or NOT_OWN)
        return None


def users_loss(
    name: str, statements: list[str], value: Expr, *, whole: bool = False, reduction: str = "mean"
) -> LossCode:
    """A loss of the source, as a function of ``output`` and ``target``: Keras averages what it gives, or adds it up.

    ``whole``: it gives a single number.
    """
    total = getattr(value, reduction)()
    body = [*statements, f"return {value if whole else total}"]
    title = "The lambda" if "lambda" in name else f"``{name}``"
    over = "of the batch" if whole else f"{reduction} over the batch"
    return LossCode(body, f"{title} of the source, {over}.", "forward")


def canonical_loss(loss: Setting) -> str:
    """The name under which a loss is known here, whatever Keras's name for it was."""
    name = loss.name.lower().replace("_", "")
    return ALIASES.get(name, name)


def _loss(value: Any, output: OutputFacts, flavour: str, on_logits: bool = False) -> LossCode:
    """``on_logits``: the module gives what goes into the activation, whatever the loss wants."""
    if isinstance(value, LossCode):
        return value
    loss = setting(value, "loss")
    name = canonical_loss(loss)
    if name in ("crossentropy", "ce") and output.last_dim == 1:
        name = "binarycrossentropy"
    if name not in FORMS:
        raise NotTranslatable(f"{loss.name} is not one of Keras's losses with a known exact form")
    if output.masked:
        raise NotTranslatable("the output carries a mask, which Keras leaves out of the mean")
    given = loss.bind(SIGNATURES[name])
    reduction = decided(given["reduction"], "reduction")
    if reduction not in ("sum_over_batch_size", "mean", "mean_with_sample_weight", "auto", "sum"):
        raise NotTranslatable(f"reduction={reduction!r} gives no single number")
    folded = output.ends_in is not None and name in CROSS_ENTROPIES
    logits = folded or on_logits
    x = Expr("logits" if logits else "output")
    statements = []
    if logits and not folded and output.ends_in is not None:
        x = Expr("output")
        statements.append(f"output = {_activation(output, Expr('logits'))}")
    request = LossRequest(given, output, flavour, x, folded, reduction)
    form = FORMS[name](request)
    return LossCode(
        body=[*statements, *form.statements, f"return {form.reduced(request)}"],
        docstring=_docstring(form, reduction, folded, output),
        on="logits" if logits else "forward",
        support=form.support,
        args=("logits" if logits else "output", "target"),
    )


def function_name(output: str) -> str:
    """What the loss of one output of several is called."""
    return re.sub(r"\W", "_", f"{output}_loss")


def _activation(output: OutputFacts, logits: Expr) -> Expr:
    if output.ends_in == "sigmoid":
        return torch.sigmoid(logits)
    return F.softmax(logits, dim=output.class_dim)


def _docstring(form: LossForm, reduction: str, folded: bool, output: OutputFacts) -> str:
    over = "summed over the batch" if reduction == "sum" else "mean over the batch"
    text = f"{form.title}, {'of the whole batch' if form.whole else over}."
    if not folded:
        return text
    return (
        f"{text}\n\nTakes ``model.logits(x)``: Keras, too, computes this loss from what went into"
        f" the {output.ends_in}."
    )


def _per_output(value: Any, names: list[str], argument: str) -> list[Any]:
    """One setting for each output, from a dict by name, a list in order, or a single one."""
    if isinstance(value, dict) and "class_name" not in value:
        keys = {known(key): item for key, item in value.items()}
        if surplus := keys.keys() - set(names):
            raise NotTranslatable(f"no output is named {', '.join(sorted(map(str, surplus)))}")
        return [keys.get(name) for name in names]
    if isinstance(value, (list, tuple)):
        if len(value) != len(names):
            raise NotTranslatable(f"{argument} has {len(value)} entries for {len(names)} outputs")
        return list(value)
    return [value] * len(names)


def _sum(
    chosen: list[Any],
    factors: list[Any],
    outputs: Mapping[str, OutputFacts],
    flavour: str,
    by_name: bool,
    suffix: str,
) -> LossesCode:
    needed = [(n, v) for n, v in zip(outputs, chosen, strict=True) if v is not None]
    codes = {name: _loss(value, outputs[name], flavour) for name, value in needed}
    if not codes:
        raise NotTranslatable("no output has a loss")
    on = "logits" if any(code.on == "logits" for code in codes.values()) else "forward"
    if on == "logits":
        codes = {name: _loss(value, outputs[name], flavour, True) for name, value in needed}
    total: Expr | None = None
    for index, (name, factor) in enumerate(zip(outputs, factors, strict=True)):
        if name not in codes:
            continue
        key = name if by_name else index
        term = Expr(function_name(name) + suffix)(Expr("outputs")[key], Expr("targets")[key])
        if known(factor) is not None and known(factor) != 1:
            term = number(factor) * term
        total = term if total is None else total + term
    support = tuple(dict.fromkeys(unit for code in codes.values() for unit in code.support))
    functions = {function_name(name) + suffix: code for name, code in codes.items()}
    return LossesCode(
        functions, [f"return {total}"], "The sum of the outputs' losses.", on, support
    )
