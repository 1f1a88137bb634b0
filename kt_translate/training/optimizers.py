"""The optimizer of ``model.compile`` as the body of ``make_optimizer``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kt_translate.diagnostics import Log, Place
from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import OMIT, Expr
from kt_translate.training.arguments import NotTranslatable, Setting, decided, number, setting
from kt_translate.training.schedules import LearningRate, OwnSchedule, learning_rate


@dataclass(frozen=True)
class OptimizerCode:
    """What ``make_optimizer(model)`` returns, and ``make_scheduler(optimizer)`` if there is one."""

    expression: str
    support: tuple[str, ...] = ()
    scheduler: str | None = None
    schedule: OwnSchedule | None = None  # the function of the source that the scheduler calls


Code = tuple[Expr, tuple[str, ...]]  # an expression and the support code that it uses


@dataclass(frozen=True)
class Request:
    """An optimizer with all its arguments, and what else its translation depends on."""

    given: dict[str, Any]
    rate: Expr
    legacy: bool  # the optimizer that Keras 2 had before 2.11
    lookups: bool  # embeddings are to be treated apart

    def uses(self, argument: str) -> bool:
        """Options of Keras's optimizers are off where they are None, False or 0."""
        value = self.given[argument]
        return not isinstance(known(value), (bool, int, float, type(None))) or bool(known(value))


ADAM = {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
OWN_ARGUMENTS: dict[str, dict[str, Any]] = {
    "sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "adam": {**ADAM, "amsgrad": False},
    "adamw": {"learning_rate": 0.001, "weight_decay": 0.004, **ADAM, "amsgrad": False},
    "rmsprop": {
        "learning_rate": 0.001,
        "rho": 0.9,
        "momentum": 0.0,
        "epsilon": 1e-7,
        "centered": False,
    },
    "adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    "adamax": ADAM,
    "nadam": ADAM,
    "lion": {"learning_rate": None, "beta_1": 0.9, "beta_2": 0.99},
}
# The first Keras's, in its own order.
_FIRST_ADAM = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "decay": None}
FIRST_ARGUMENTS: dict[str, dict[str, Any]] = {
    "sgd": {"learning_rate": 0.01, "momentum": 0.0, "decay": None, "nesterov": False},
    "adam": {"learning_rate": 0.001, **_FIRST_ADAM, "amsgrad": False},
    "rmsprop": {
        "learning_rate": 0.001,
        "rho": 0.9,
        "epsilon": 1e-8,
        "decay": None,
        "momentum": 0.0,
        "centered": False,
    },
    "adagrad": {
        "learning_rate": 0.01,
        "epsilon": 1e-8,
        "decay": None,
        "initial_accumulator_value": 0,
    },
    "adadelta": {"learning_rate": 1.0, "rho": 0.95, "epsilon": 1e-8, "decay": None},
    "adamax": {"learning_rate": 0.002, **_FIRST_ADAM},
    "nadam": {
        "learning_rate": 0.002,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "schedule_decay": 0.004,
        "decay": None,
    },
}
SHARED_ARGUMENTS: dict[str, Any] = {
    "weight_decay": None,
    "clipnorm": None,
    "clipvalue": None,
    "global_clipnorm": None,
    "use_ema": False,
    "ema_momentum": 0.99,
    "ema_overwrite_frequency": None,
    "loss_scale_factor": None,
    "gradient_accumulation_steps": None,
    "name": None,
    "jit_compile": None,
    "lr": None,
    "decay": None,
}
CLIPPING = {
    "clipnorm": ("clip_each_gradient", "norm"),
    "global_clipnorm": ("clip_all_gradients", "norm"),
    "clipvalue": ("clip_gradient_values", "value"),
}
LOOKUP_CLIPPING = {"clipnorm": "clip_each_lookup", "global_clipnorm": "clip_all_lookups"}
MODEL = Expr("model")


def optimizer_rule(
    value: Any, flavour: str, log: Log, place: Place, *, lookups: bool = False
) -> OptimizerCode | None:
    """Translate the optimizer; None and KT501 where that is not exactly possible.

    ``lookups``: the model has embeddings whose gradients come from nothing but lookups.
    """
    try:
        return _optimizer(_without_scaling(setting(value, "optimizer")), flavour, lookups)
    except NotTranslatable as problem:
        log.add("KT501", place, f"optimizer not translated: {problem.message}", problem.hint)
        return None


def _without_scaling(optimizer: Setting) -> Setting:
    """What is inside of loss scaling, which changes no result where nothing is float16."""
    if optimizer.name.lower() != "lossscaleoptimizer":
        return optimizer
    inner = (*optimizer.args, (optimizer.kwargs or {}).get("inner_optimizer"))[0]
    return setting(inner, "optimizer")


def _optimizer(optimizer: Setting, flavour: str, lookups: bool) -> OptimizerCode:
    name = optimizer.name.lower()
    if name not in RULES:
        raise NotTranslatable(f"no exact form of {optimizer.name} in PyTorch is known")
    arguments = OWN_ARGUMENTS[name]
    first = flavour == "1"
    if first:
        arguments, flavour = FIRST_ARGUMENTS.get(name, arguments), "2"
    rest = {key: value for key, value in SHARED_ARGUMENTS.items() if key not in arguments}
    given = _completed(optimizer.bind(arguments | rest), flavour)
    old = optimizer.legacy or any(known(given[key]) is not None for key in ("lr", "decay"))
    legacy = flavour == "2" and (first or old)
    rate = learning_rate(given["learning_rate"], given["decay"] if flavour == "2" else None)
    if name == "adamax" and lookups and flavour == "3":
        raise NotTranslatable("Adamax is not done for the single lookups of an embedding")
    clips = any(known(given[key]) is not None for key in CLIPPING)
    lookups = lookups and flavour == "3" and (name in SQUARING or clips)
    expression, support = RULES[name](Request(given, rate.rate, legacy, lookups))
    if lookups:
        expression = Expr("square_each_lookup")(expression, MODEL)
        support = ("square_each_lookup", *support)
    return _clipped(expression, support, given, rate, lookups)


def _completed(given: dict[str, Any], flavour: str) -> dict[str, Any]:
    """With old names and defaults of arguments resolved; refuses what is not done."""
    if given["lr"] is not None:
        given["learning_rate"] = given["lr"]
    if given["learning_rate"] is None:
        given["learning_rate"] = 0.0001 if flavour == "2" else 0.001
    if "epsilon" in given and given["epsilon"] is None:
        given["epsilon"] = 1e-7
    if decided(given["use_ema"], "use_ema"):
        raise NotTranslatable(
            "use_ema=True is not done", "torch.optim.swa_utils.AveragedModel keeps such averages"
        )
    if decided(given["gradient_accumulation_steps"], "gradient_accumulation_steps"):
        raise NotTranslatable(
            "gradient_accumulation_steps is not done",
            "call backward() on loss / n for n batches, then step()",
        )
    return given


def _clipped(
    expression: Expr,
    support: tuple[str, ...],
    given: dict[str, Any],
    rate: LearningRate,
    lookups: bool,
) -> OptimizerCode:
    chosen = [name for name in CLIPPING if known(given[name]) is not None]
    if len(chosen) > 1:
        raise NotTranslatable(f"Keras takes only one of {' and '.join(chosen)}")
    for name in chosen:
        function, argument = CLIPPING[name]
        if lookups and name == "clipvalue":
            raise NotTranslatable("clipvalue is not done for the single lookups of an embedding")
        function = LOOKUP_CLIPPING[name] if lookups else function
        expression = Expr(function)(expression, **{argument: number(given[name])})
        support = (*support, function)
    return OptimizerCode(str(expression), (*support, *rate.support), rate.scheduler, rate.schedule)


def _own(name: str, request: Request, *settings: str) -> Code:
    """A class of the support code: ``settings`` are always said, options where they are in use."""
    given = request.given
    arguments: dict[str, Any] = {"lr": request.rate}
    for key in settings:
        if key == "betas":
            arguments[key] = Expr(f"({number(given['beta_1'])}, {number(given['beta_2'])})")
        else:
            arguments["eps" if key == "epsilon" else key] = number(given[key])
    for key in ("momentum", "nesterov", "centered", "weight_decay", "amsgrad"):
        if key in given and key not in settings and request.uses(key):
            arguments[key] = number(given[key])
    return Expr(name)(MODEL.parameters(), **arguments), (name,)


def _torch(name: str, request: Request, **arguments: Any) -> Code:
    optimizer = getattr(Expr("torch.optim"), name)
    return optimizer(MODEL.parameters(), lr=request.rate, **arguments), ()


def _sgd(request: Request) -> Code:
    if request.lookups or request.uses("momentum") or request.uses("weight_decay"):
        return _own("KerasSGD", request)
    return _torch("SGD", request)


def _rmsprop(request: Request) -> Code:
    given = request.given
    if not request.legacy or request.uses("momentum") or request.uses("weight_decay"):
        return _own("KerasRMSprop", request, "rho", "epsilon")
    centered = number(given["centered"]) if request.uses("centered") else OMIT
    return _torch(
        "RMSprop",
        request,
        alpha=number(given["rho"]),
        eps=number(given["epsilon"]),
        centered=centered,
    )


def _adadelta(request: Request) -> Code:
    if request.lookups or request.uses("weight_decay"):
        return _own("KerasAdadelta", request, "rho", "epsilon")
    given = request.given
    return _torch("Adadelta", request, rho=number(given["rho"]), eps=number(given["epsilon"]))


def _adam(request: Request) -> Code:
    return _own("KerasAdam", request, "betas", "epsilon")


def _adagrad(request: Request) -> Code:
    if request.legacy and not request.uses("weight_decay"):
        given = request.given
        initial = number(given["initial_accumulator_value"])
        settings = {"initial_accumulator_value": initial, "eps": number(given["epsilon"])}
        return _torch("Adagrad", request, **settings)
    return _own("KerasAdagrad", request, "initial_accumulator_value", "epsilon")


def _adamax(request: Request) -> Code:
    return _own("KerasAdamax", request, "betas", "epsilon")


def _nadam(request: Request) -> Code:
    given = request.given
    if request.legacy and known(given["decay"]) is not None:
        raise NotTranslatable("Nadam's own schedule together with decay is not done")
    if request.legacy and not request.uses("weight_decay"):
        betas = Expr(f"({number(given['beta_1'])}, {number(given['beta_2'])})")
        schedule = number(given.get("schedule_decay", 0.004))
        settings = {"betas": betas, "eps": number(given["epsilon"]), "momentum_decay": schedule}
        return _torch("NAdam", request, **settings)
    return _own("KerasNadam", request, "betas", "epsilon")


def _lion(request: Request) -> Code:
    return _own("KerasLion", request, "betas")


SQUARING = {"adam", "adamw", "rmsprop", "adagrad", "adadelta", "nadam"}
RULES: dict[str, Callable[[Request], Code]] = {
    "sgd": _sgd,
    "adam": _adam,
    "adamw": _adam,
    "rmsprop": _rmsprop,
    "adagrad": _adagrad,
    "adadelta": _adadelta,
    "adamax": _adamax,
    "nadam": _nadam,
    "lion": _lion,
}
