"""Losses and metrics that are code of the source: run on two tensors, and written down as what they do."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kt_translate.diagnostics import Log, Place
from kt_translate.emit.support import words
from kt_translate.evaluate.attributes import LOSSES
from kt_translate.evaluate.calls import bind_arguments
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.values import External, Function, Instance, Unknown
from kt_translate.graph.nodes import Plan
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.region import CURRENT, Node, Region
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.writer import Writer
from kt_translate.pytorch.expr import Expr
from kt_translate.training.losses import LossCode, users_loss
from kt_translate.training.metrics import MetricCode, users_metric
from kt_translate.training.schedules import OwnSchedule

SCHEDULES = ("keras.optimizers.schedules.LearningRateSchedule",)
RATES = ("learning_rate", "lr")
REDUCTIONS = {
    **dict.fromkeys(("auto", "mean", "sum_over_batch_size", "mean_with_sample_weight"), "mean"),
    "sum": "sum",
}
HINT = "write loss_fn(output, target) by hand; Keras averages over the last axis first"


class NotPlain(Exception):
    """The loss does something that is not written down as a function."""


def with_own_code(
    ev: Interpreter,
    given: dict[str, Any],
    outputs: dict[str, Tensor],
    flavour: str,
    log: Log,
    place: Place,
) -> dict[str, Any]:
    """The arguments of ``compile``, with what is code of the source among them already translated."""

    def loss(value: Any, output: Tensor) -> Any:
        if not isinstance(value, (Function, Instance)):
            return value
        return attempt("KT502", "loss not translated", lambda: own_loss(ev, value, output, flavour))

    def metric(value: Any, output: Tensor) -> Any:
        if isinstance(value, (list, tuple)):
            return [metric(inner, output) for inner in value]
        if not isinstance(value, Function):
            return value
        return attempt("KT503", "metric left out", lambda: own_metric(ev, value, output))

    def attempt(code: str, what: str, translate: Callable[[], Any]) -> Any:
        try:
            return translate()
        except (NotPlain, RuleError, Raised, LimitReached, Break, Continue) as problem:
            log.add(code, place, f"{what}: {problem}", HINT if code == "KT502" else "")
            return None

    def each(value: Any, translate: Callable[[Any, Tensor], Any]) -> Any:
        """The settings of all outputs."""
        if isinstance(value, dict):
            known = {
                name: translate(v, outputs[name]) for name, v in value.items() if name in outputs
            }
            return {**value, **known}
        if len(outputs) == 1:
            return translate(value, *outputs.values())
        if isinstance(value, (list, tuple)) and len(value) == len(outputs):
            return [translate(v, o) for v, o in zip(value, outputs.values())]
        return value

    def schedule(value: Any) -> Any:
        if not isinstance(value, Instance):
            return value
        return (
            attempt("KT501", "optimizer not translated", lambda: own_schedule(ev, value)) or value
        )

    settings = {"loss": loss, "metrics": metric, "weighted_metrics": metric}
    found = {name: each(given.get(name), translate) for name, translate in settings.items()}
    if "optimizer" in given:
        found["optimizer"] = _scheduled(given["optimizer"], schedule)
    return {**given, **found}


def _scheduled(optimizer: Any, schedule: Callable[[Any], Any]) -> Any:
    """An optimizer with ``schedule(rate)`` as its learning rate."""
    if not isinstance(optimizer, KerasObject):
        return optimizer
    kwargs = {name: schedule(v) if name in RATES else v for name, v in optimizer.kwargs.items()}
    args = [*map(schedule, optimizer.args[:1]), *optimizer.args[1:]]
    return replace(optimizer, args=args, kwargs=kwargs)


def own_loss(ev: Interpreter, value: Function | Instance, output: Tensor, flavour: str) -> LossCode:
    """The loss as a function of ``output`` and ``target``.

    Keras gives functions targets (N,) as (N, 1) for such an output; Keras 3 does not do so for classes.
    """
    function, before = _function_of(ev, value)
    reduction = reduction_of(value, flavour) if isinstance(value, Instance) else "mean"
    statements, result, rank = traced(ev, function, before, output)
    if output.shape[-1] == 1 and (flavour != "3" or isinstance(value, Function)):
        statements[0] = "target = target.reshape(output.shape).to(output.dtype)"
    title = value.cls.name if isinstance(value, Instance) else function.name
    return users_loss(title, statements, result, whole=rank == 0, reduction=reduction)


def reduction_of(loss: Instance, flavour: str) -> str:
    """What becomes of the losses of all samples: their "mean" or "sum"."""
    started = loss.attributes.get("super()", KerasObject("losses.Loss", [], {}))
    order = ("name", "reduction") if flavour == "3" else ("reduction", "name")
    given = dict(zip(order, started.args)) | started.kwargs
    said = given.get("reduction", "auto")
    said = getattr(said, "path", said)
    word = said.rpartition(".")[2].lower() if isinstance(said, str) else said
    if word not in REDUCTIONS:
        raise NotPlain(f"reduction={word!r} of {loss.cls.name} gives no single number")
    return REDUCTIONS[word]


def own_metric(ev: Interpreter, function: Function, output: Tensor) -> MetricCode:
    """The metric of a function ``(y_true, y_pred)``."""
    statements, result, _ = traced(ev, function, [], output)
    name = "lambda" if "lambda" in function.name else function.name
    return users_metric(name, statements, result)


def traced(
    ev: Interpreter, function: Function, before: list[Any], output: Tensor
) -> tuple[list[str], Expr, int]:
    """What a function of targets and outputs does: its statements, its result, the rank of that.

    Targets are taken to be shaped like outputs, or without the classes where they are class numbers.
    """
    aligned = "target"
    shape = output.shape
    if takes_class_numbers(ev, function):
        if output.layout is Layout.FIRST and output.rank > 2:
            raise NotPlain(f"{function.name} takes class numbers for pictures")
        shape, aligned = output.shape[:-1], "target.reshape(output.shape[:-1])"
    target = Tensor(shape, "float32", output.layout)
    given = Tensor(output.shape, output.dtype, output.layout)
    target.facts["input"], given.facts["input"] = "target", "output"
    body, returns, result = _written(ev, function, before, [target, given])
    return [f"target = {aligned}.to(output.dtype)", *body], returns, result.rank


def own_schedule(ev: Interpreter, value: Instance) -> OwnSchedule:
    """The learning rate as a function of the step."""
    call = value.cls.lookup("__call__")
    if not isinstance(call, Function) or value.cls.keras_base() not in SCHEDULES:
        raise NotPlain(f"{value.cls.name} is not a schedule of Keras's kind")
    step = Tensor((), "float32")
    step.facts["input"] = "step"
    body, returns, _ = _written(ev, call, [value], [step])
    return OwnSchedule(value.cls.name, tuple(body), returns)


def _written(
    ev: Interpreter, function: Function, before: list[Any], tensors: list[Tensor]
) -> tuple[list[str], Expr, Tensor]:
    """What a function of tensors does, after other arguments: its statements, the text of its result, and that."""
    region = Region()
    region.add(Node([], tensors, function.line))
    noted = len(ev.log.diagnostics)
    CURRENT.append(region)
    try:
        result = ev.run_body(function, bind_arguments(ev, function, [*before, *tensors], {}))
    finally:
        CURRENT.pop()
    if not isinstance(result, Tensor) or len(ev.log.diagnostics) > noted:
        del ev.log.diagnostics[noted:]
        why = result.why if isinstance(result, Unknown) else "it does not give a tensor"
        raise NotPlain(f"{function.name}: {why}")
    plan = Plan(function.name, "function", region, tensors, result, line=function.line)
    code = Writer(plan, "Own", _no_class).write()
    if code.init:
        raise NotPlain(f"{function.name} has weights or modules of its own")
    atom = isinstance(ast.parse(code.returns, mode="eval").body, (ast.Call, ast.Name))
    return code.body, Expr(code.returns) if atom else Expr.raw(code.returns), result


def takes_class_numbers(ev: Interpreter, function: Function) -> bool:
    """Whether the function hands its targets to a sparse cross-entropy, as far as its names tell."""
    text = ev.source.code(function.node)
    used = [ev.module.names.get(name) for name in words(text)]
    paths = [value.path for value in used if isinstance(value, (KerasObject, External))]
    return any("sparse" in said.lower() for said in (text, *paths))


def _function_of(ev: Interpreter, value: Function | Instance) -> tuple[Function, list[Any]]:
    """The function that computes the loss, and what it takes in front."""
    if isinstance(value, Function):
        return value, []
    call = value.cls.lookup("call")
    if not isinstance(call, Function) or value.cls.keras_base() not in LOSSES:
        raise NotPlain(f"{value.cls.name} is not a loss of Keras's kind")
    if isinstance(value.cls.lookup("__call__"), Function):
        raise NotPlain(f"{value.cls.name} says itself what becomes of the losses")
    return call, [value]


def _no_class(plan: Plan) -> ClassCode:
    raise NotPlain(f"it calls {plan.name}, which becomes a module")
