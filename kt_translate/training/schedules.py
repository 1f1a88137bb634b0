"""Keras's learning rate schedules as `LambdaLR`, which multiplies the optimizer's own rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.sym import known
from kt_translate.pytorch.expr import OMIT, Expr, unless
from kt_translate.training.arguments import NotTranslatable, Setting, decided, number, setting

REQUIRED = object()
STEP = Expr("step")

DECAY = {"initial_learning_rate": REQUIRED, "decay_steps": REQUIRED, "decay_rate": REQUIRED}
SCHEDULES: dict[str, dict[str, Any]] = {
    "ExponentialDecay": {**DECAY, "staircase": False, "name": None},
    "InverseTimeDecay": {**DECAY, "staircase": False, "name": None},
    "PiecewiseConstantDecay": {"boundaries": REQUIRED, "values": REQUIRED, "name": None},
    "PolynomialDecay": {
        "initial_learning_rate": REQUIRED,
        "decay_steps": REQUIRED,
        "end_learning_rate": 0.0001,
        "power": 1.0,
        "cycle": False,
        "name": None,
    },
    "CosineDecay": {
        "initial_learning_rate": REQUIRED,
        "decay_steps": REQUIRED,
        "alpha": 0.0,
        "name": None,
        "warmup_target": None,
        "warmup_steps": 0,
    },
    "CosineDecayRestarts": {
        "initial_learning_rate": REQUIRED,
        "first_decay_steps": REQUIRED,
        "t_mul": 2.0,
        "m_mul": 1.0,
        "alpha": 0.0,
        "name": None,
    },
}


@dataclass(frozen=True)
class OwnSchedule:
    """A schedule of the source: statements on a tensor called ``step``, and the rate that they give."""

    name: str
    statements: tuple[str, ...]
    rate: Expr

    @property
    def lines(self) -> tuple[str, ...]:
        """The function."""
        return (
            "def learning_rate(count: int) -> float:",
            f'    """``{self.name}`` of the source."""',
            "    step = torch.tensor(float(count))",
            *(f"    {line}" for line in self.statements),
            f"    return float({self.rate})",
        )


@dataclass(frozen=True)
class LearningRate:
    """The optimizer's own rate, and how the scheduler changes it."""

    rate: Expr
    scheduler: str | None = None
    support: tuple[str, ...] = ()
    schedule: OwnSchedule | None = None


def learning_rate(value: Any, decay: Any = None) -> LearningRate:
    """Translate a number or a schedule; ``decay`` is that of Keras 2's old optimizers."""
    if isinstance(value, KerasObject):
        return _schedule(setting(value, "learning rate schedule"))
    if isinstance(value, OwnSchedule):
        made = "torch.optim.lr_scheduler.LambdaLR(optimizer, learning_rate)"
        return LearningRate(Expr("1.0"), made, schedule=value)
    try:
        said = isinstance(known(value), (int, float)) or hasattr(value, "expr")
    except RuleError:  # of an object that the generated code cannot have
        said = False
    if not said:
        raise NotTranslatable("the learning rate is computed by code of the user's own")
    rate = number(value)
    if decay is None or known(decay) == 0:
        return LearningRate(rate)
    return LearningRate(rate, _lambda(1 / (1 + number(decay) * STEP)))


def _schedule(schedule: Setting) -> LearningRate:
    name = {"PiecewiseConstant": "PiecewiseConstantDecay"}.get(schedule.name, schedule.name)
    if name not in SCHEDULES:
        raise NotTranslatable(f"the learning rate schedule {schedule.name} is not known")
    given = schedule.bind(SCHEDULES[name])
    if missing := [key for key, value in given.items() if value is REQUIRED]:
        raise NotTranslatable(f"{schedule.name} lacks {', '.join(missing)}")
    return TRANSLATIONS[name](given)


def _exponential(given: dict[str, Any]) -> LearningRate:
    factor = number(given["decay_rate"]) ** _periods(given)
    return LearningRate(number(given["initial_learning_rate"]), _lambda(factor))


def _inverse_time(given: dict[str, Any]) -> LearningRate:
    factor = 1 / (1 + number(given["decay_rate"]) * _periods(given))
    return LearningRate(number(given["initial_learning_rate"]), _lambda(factor))


def _periods(given: dict[str, Any]) -> Expr:
    steps = number(given["decay_steps"])
    return STEP // steps if decided(given["staircase"], "staircase") else STEP / steps


def _piecewise(given: dict[str, Any]) -> LearningRate:
    boundaries, values = given["boundaries"], given["values"]
    if not isinstance(values, (list, tuple)) or not isinstance(boundaries, (list, tuple)):
        raise NotTranslatable("the values of PiecewiseConstantDecay are not known from the source")
    rate = number(values[0])
    lr = Expr("piecewise_constant")(STEP, *(_list(numbers) for numbers in (boundaries, values)))
    return LearningRate(rate, _lambda(lr / rate), ("piecewise_constant",))


def _list(numbers: Any) -> Expr:
    return Expr(f"[{', '.join(str(number(n)) for n in numbers)}]")


def _polynomial(given: dict[str, Any]) -> LearningRate:
    rate = number(given["initial_learning_rate"])
    lr = Expr("polynomial_decay")(
        STEP,
        rate,
        steps=number(given["decay_steps"]),
        end=number(given["end_learning_rate"]),
        power=_option(given["power"], 1.0),
        cycle=unless(decided(given["cycle"], "cycle"), False),
    )
    return LearningRate(rate, _lambda(lr / rate), ("polynomial_decay",))


def _cosine(given: dict[str, Any]) -> LearningRate:
    initial, steps = number(given["initial_learning_rate"]), number(given["decay_steps"])
    if known(given["warmup_target"]) is None:
        lr = Expr("cosine_decay")(STEP, initial, steps=steps, alpha=_option(given["alpha"], 0.0))
        return LearningRate(initial, _lambda(lr / initial), ("cosine_decay",))
    target = number(given["warmup_target"])
    lr = Expr("warmup_cosine_decay")(
        STEP,
        initial,
        steps=steps,
        alpha=number(given["alpha"]),
        warmup_target=target,
        warmup_steps=number(given["warmup_steps"]),
    )
    return LearningRate(target, _lambda(lr / target), ("warmup_cosine_decay",))


def _restarts(given: dict[str, Any]) -> LearningRate:
    rate = number(given["initial_learning_rate"])
    lr = Expr("cosine_decay_restarts")(
        STEP,
        rate,
        first=number(given["first_decay_steps"]),
        t_mul=_option(given["t_mul"], 2.0),
        m_mul=_option(given["m_mul"], 1.0),
        alpha=_option(given["alpha"], 0.0),
    )
    return LearningRate(rate, _lambda(lr / rate), ("cosine_decay_restarts",))


def _option(value: Any, default: float) -> Any:
    return OMIT if unless(value, default) is OMIT else number(value)


def _lambda(factor: Expr) -> str:
    return f"torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: {factor})"


TRANSLATIONS = {
    "ExponentialDecay": _exponential,
    "InverseTimeDecay": _inverse_time,
    "PiecewiseConstantDecay": _piecewise,
    "PolynomialDecay": _polynomial,
    "CosineDecay": _cosine,
    "CosineDecayRestarts": _restarts,
}
