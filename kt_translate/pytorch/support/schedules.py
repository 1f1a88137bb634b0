"""Keras's learning rate schedules; ``step`` is the number of optimizer steps done."""

from __future__ import annotations

import math
from collections.abc import Sequence


def piecewise_constant(step: int, boundaries: Sequence[float], values: Sequence[float]) -> float:
    """Keras's PiecewiseConstantDecay: the value changes on the step after each boundary."""
    return values[sum(step > boundary for boundary in boundaries)]


def polynomial_decay(
    step: int, initial: float, steps: float, end: float, power: float = 1.0, cycle: bool = False
) -> float:
    """Keras's PolynomialDecay, from ``initial`` to ``end`` in ``steps``; stays there or cycles."""
    if cycle:
        steps = steps * max(1, math.ceil(step / steps))
    return (initial - end) * math.pow(1 - min(step, steps) / steps, power) + end


def cosine_decay(step: float, initial: float, steps: float, alpha: float = 0.0) -> float:
    """Keras's CosineDecay: after ``steps`` the rate stays ``alpha * initial``.

    PyTorch's CosineAnnealingLR rises again.
    """
    cosine = 0.5 * (1 + math.cos(math.pi * min(step, steps) / steps))
    return initial * ((1 - alpha) * cosine + alpha)


def warmup_cosine_decay(
    step: int, initial: float, steps: float, alpha: float, warmup_target: float, warmup_steps: float
) -> float:
    """Keras's CosineDecay after a linear warm-up from ``initial`` to ``warmup_target``."""
    if step < warmup_steps:
        return initial + (warmup_target - initial) * step / warmup_steps
    return cosine_decay(step - warmup_steps, warmup_target, steps, alpha)


def cosine_decay_restarts(
    step: int,
    initial: float,
    first: float,
    t_mul: float = 2.0,
    m_mul: float = 1.0,
    alpha: float = 0.0,
) -> float:
    """Keras's CosineDecayRestarts: periods of ``first * t_mul**i`` steps, from ``m_mul**i``."""
    done = step / first
    if t_mul == 1:
        restarts = math.floor(done)
        done -= restarts
    else:
        restarts = math.floor(math.log(1 - done * (1 - t_mul)) / math.log(t_mul))
        done = (done - (1 - t_mul**restarts) / (1 - t_mul)) / t_mul**restarts
    cosine = 0.5 * m_mul**restarts * (1 + math.cos(math.pi * done))
    return initial * ((1 - alpha) * cosine + alpha)
