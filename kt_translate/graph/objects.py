"""Objects and functions of Keras that are settings: optimizers, schedules, losses, metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class KerasObject:
    """What ``keras.optimizers.Adam(1e-3)`` makes: its path below ``keras``, and the arguments."""

    path: str
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass
class KerasFunction:
    """A function or class of Keras, not called: ``keras.losses.mean_squared_error``."""

    path: str
