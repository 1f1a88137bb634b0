"""What is left open: loops whose number of turns is not known, and statements of the module that fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate.signals import MAX_IDLE, Idle, Signal
from kt_translate.evaluate.state import State, spoken
from kt_translate.evaluate.values import (
    Array,
    Class,
    External,
    Function,
    Instance,
    LayerValue,
    ModelValue,
    Scope,
    Unknown,
    plain,
)
from kt_translate.graph.region import CURRENT
from kt_translate.graph.sym import Sym, same
from kt_translate.graph.tensor import Tensor
from kt_translate.source.walk import walk

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


Loop = cst.For | cst.While
TRAINING = {"GradientTape", "apply_gradients", "train_on_batch"}


@dataclass
class Trial:
    """A loop that is run to see whether it ends."""

    state: State
    built: int
    limit: int  # of the evaluator's statements, while nothing is built
    ended: bool = False
    training: Loop | None = None

    def builds(self, ev: Interpreter) -> bool:
        """Whether layers were called or models made in it."""
        return _built(ev, self.state) > self.built

    def check(self, ev: Interpreter) -> None:
        """Raise Idle if the loop has run for long and builds nothing."""
        if ev.steps > self.limit and CURRENT[-1] is self.state.region:
            if not self.builds(ev):
                raise Idle
            self.limit = ev.steps + MAX_IDLE

    def turned(self, ev: Interpreter, loop: Loop) -> None:
        """Raise Idle after a turn of a training loop that built nothing: the others would train on, too."""
        if loop is self.training:
            if not self.builds(ev):
                raise Idle
            self.built = _built(ev, self.state)


def _built(ev: Interpreter, state: State) -> int:
    return len(ev.models) + sum(len(r.nodes) for r in state.regions())


def would_build(ev: Interpreter, scope: Scope, turn: Callable[[], None]) -> bool:
    """Whether layers are called or added, or models made, in a turn of a loop. The turn is undone."""
    state = State(ev, scope)
    before = _built(ev, state), [len(m.layers) for m in state.waiting]
    with suppress(Signal):
        turn()
    after = _built(ev, state), [len(m.layers) for m in state.waiting]
    state.restore()
    return after != before


@contextmanager
def turns_unknown(ev: Interpreter, scope: Scope) -> Iterator[Trial]:
    """A loop is run within, by way of trial: what it counted and collected is unknown afterwards."""
    state = State(ev, scope)
    trial = Trial(state, _built(ev, state), ev.steps + MAX_IDLE)
    before = state.places()
    yield trial
    if trial.ended:
        return
    changed: list[Any] = []
    for container, copy in state.containers:
        if isinstance(container, Array):
            if container.step is not copy[0]:  # how often something was put into it is not known
                container.step = container.fill = None
        elif len(container) != len(copy):
            changed.append(container)
            if isinstance(container, list):
                container.append(_counted(ev, many=True))
    for place, value in state.places().items():
        old = before.get(place)
        if place[0] < 0:
            if value is not old:
                ev.note(
                    "KT102",
                    "the number of turns of this loop is not known, and a model grows in it",
                )
        elif (isinstance(value, dict) and any(value is c for c in changed)) or (
            old is not None and value is not old and _counts(value) and not same(value, old)
        ):
            counted = _counted(ev)
            counted.name = spoken(place)
            counted.node = cst.Name(counted.name)
            state.put(place, counted)


@contextmanager
def idle_at_last(ev: Interpreter, scope: Scope, loop: Loop) -> Iterator[Trial]:
    """A loop is run within, to its end or until it is seen to be idle: then it is as if its turns were not known.

    Loops within it are of the same trial, but for those that train: the first of these ends the turns of its own.
    """
    outer, training = ev.trial, _trains(loop)
    if outer is not None and (outer.training is not None or not training):
        yield outer
        return
    with turns_unknown(ev, scope) as trial:
        ev.trial, trial.training = trial, loop if training else None
        try:
            yield trial
            trial.ended = True
        except Idle:
            pass
        finally:
            ev.trial = outer


@lru_cache(maxsize=1024)
def _trains(loop: Loop) -> bool:
    """Whether turns of a loop take steps of an optimizer."""
    return any(isinstance(n, cst.Attribute) and n.attr.value in TRAINING for n in walk(loop.body))


def _counts(value: Any) -> bool:
    return isinstance(value, (Sym, Tensor)) or plain(value)


def _counted(ev: Interpreter, many: bool = False) -> Unknown:
    return Unknown("what a loop over unknown data leaves", ev.line, many)


# -- statements that fail ---------------------------------------------------------------------------


def matters(ev: Interpreter, statement: Any, scope: Scope) -> bool:
    """Whether a model may hang on a statement of the module: it speaks of one, or of what could build one."""
    text = ev.source.code(statement)
    if isinstance(statement, cst.SimpleStatementLine) and isinstance(statement.body[0], cst.Assert):
        return False
    found = [scope.names.get(name) for name in re.findall(r"[A-Za-z_]\w*", text)]
    return any(
        isinstance(v, (Tensor, LayerValue, ModelValue, Function, Class, Instance))
        or (
            isinstance(v, External)
            and v.path.startswith(("keras.layers", "keras.models", "keras.Model"))
        )
        for v in found
    )


def forget_targets(ev: Interpreter, statement: Any, scope: Scope, why: str) -> None:
    """Leave the names that a failed statement was to bind unknown."""
    for small in (
        getattr(statement, "body", ()) if isinstance(statement, cst.SimpleStatementLine) else ()
    ):
        targets = [t.target for t in small.targets] if isinstance(small, cst.Assign) else []
        if isinstance(small, cst.AnnAssign):
            targets = [small.target]
        for target in targets:
            if isinstance(target, (cst.Name, cst.Tuple, cst.List)):
                ev.assign(target, Unknown(why, ev.line), scope)
