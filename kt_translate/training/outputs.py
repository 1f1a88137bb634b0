"""What ``model.compile`` says of each output of a model: losses, their weights, metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kt_translate.diagnostics import Log, Place
from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import Expr
from kt_translate.training.arguments import NotTranslatable, number
from kt_translate.training.loss_forms import OutputFacts
from kt_translate.training.losses import LossCode, LossesCode, loss_rule, losses_rule
from kt_translate.training.metrics import MetricCode, metric_rule

Outputs = Mapping[str, OutputFacts]


def compiled_loss(
    given: Mapping[str, Any],
    outputs: Outputs,
    by_name: bool,
    flavour: str,
    log: Log,
    place: Place,
    suffix: str = "",
) -> LossCode | LossesCode | None:
    """The loss, for one output or the sum for several; None if there is none or it has no translation."""
    value, weights = given.get("loss"), given.get("loss_weights")
    if value is None:
        return None
    if len(outputs) > 1 or by_name:
        return losses_rule(
            value, weights, outputs, flavour, log, place, by_name=by_name, suffix=suffix
        )
    ((name, output),) = outputs.items()
    code = loss_rule(of_output(value, name), output, flavour, log, place)
    weight = of_output(weights, name)
    if code is None or known(weight) in (None, 1):
        return code
    total = code.body[-1].removeprefix("return ")
    return replace(code, body=[*code.body[:-1], f"return {number(weight) * Expr.raw(total)}"])


def of_output(value: Any, name: str) -> Any:
    """The setting of a model's only output, out of a list or dict of one."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return value[0]
    if isinstance(value, dict) and len(value) == 1 and "class_name" not in value:
        return value.get(name, next(iter(value.values())))
    return value


def compiled_metrics(
    given: Mapping[str, Any], outputs: Outputs, by_name: bool, flavour: str, log: Log, place: Place
) -> list[MetricCode]:
    """The metrics of all outputs, under Keras's names; several outputs put theirs in front."""
    found: list[MetricCode] = []
    names = list(outputs)
    for argument in ("metrics", "weighted_metrics"):
        try:
            asked = metrics_of(given.get(argument), names, flavour)
        except NotTranslatable as problem:
            log.add("KT503", place, f"metrics left out: {problem.message}", problem.hint)
            continue
        for index, (name, metrics) in enumerate(zip(names, asked, strict=True)):
            loss = loss_of(given.get("loss"), names, index)
            for metric in [m for m in metrics if m is not None]:
                code = metric_rule(metric, loss, outputs[name], flavour, log, place)
                if code is not None and (len(names) > 1 or by_name):
                    code = code.of_output(name, name if by_name else index)
                if code is not None:
                    found.append(code.renamed([other.name for other in found]))
    return found


def metrics_of(value: Any, names: list[str], flavour: str) -> list[list[Any]]:
    """The metrics of each output."""
    if value is None:
        return [[] for _ in names]
    if isinstance(value, dict) and "class_name" not in value:
        if surplus := {known(key) for key in value} - set(names):
            if len(names) == 1 and len(value) == 1:
                return [listed(next(iter(value.values())))]
            raise NotTranslatable(f"no output is named {', '.join(sorted(map(str, surplus)))}")
        by_output = {known(key): metrics for key, metrics in value.items()}
        return [listed(by_output.get(name)) for name in names]
    metrics = listed(value)
    nested = any(isinstance(metric, (list, tuple)) for metric in metrics)
    if len(names) == 1:
        return [[inner for metric in metrics for inner in listed(metric)]]
    if not nested and (flavour != "3" or len(metrics) != len(names)):
        return [metrics for _ in names]
    if len(metrics) != len(names):
        raise NotTranslatable(f"there are {len(metrics)} entries for {len(names)} outputs")
    return [listed(metric) for metric in metrics]


def listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def loss_of(value: Any, names: list[str], index: int) -> Any:
    """The loss of one output, as the source says it; None where it does not say."""
    if isinstance(value, dict) and "class_name" not in value:
        return next((v for k, v in value.items() if known(k) == names[index]), None)
    if isinstance(value, (list, tuple)):
        return value[index] if index < len(value) else None
    return value
