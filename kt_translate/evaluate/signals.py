"""What leaves a statement otherwise than by running through it, and the bounds of evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MAX_STEPS = 60_000
MAX_IDLE = 20_000  # of the statements of a loop in which no model grows
MAX_DEPTH = 80
MAX_FRAMES = 8_000  # of Python itself, which takes many for each level of the source
MAX_TURNS = 5_000


class Signal(Exception):
    """What the evaluation of a statement ends with otherwise."""


class Return(Signal):
    """A return statement, on its way out of the function."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Break(Signal):
    """A break statement."""


class Continue(Signal):
    """A continue statement."""


class Raised(Signal):
    """The source raises an exception here."""

    def __init__(self, text: str, check: Any = None) -> None:
        super().__init__(text)
        self.text = text
        self.check = check  # of settings, that led to it


class LimitReached(Signal):
    """The evaluation took more steps or went deeper than a model's construction does."""


class TooDeep(LimitReached):
    """Functions that call each other, without an end as it seems."""


class Idle(BaseException):
    """A loop runs on and on, and no model grows in it: it prepares data, trains or samples.

    Not an Exception: what guards against errors of the source must let it through.
    """


@contextmanager
def as_the_source_would() -> Iterator[None]:
    """What Python raises while the evaluator computes for the source is an exception of the source."""
    try:
        yield
    except Exception as error:
        raise Raised(f"{type(error).__name__}: {error}") from error
