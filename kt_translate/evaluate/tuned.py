"""Hyperparameters that a builder asks Keras Tuner for: ``hp.Int("units", 8, 64)`` stays that in the generated code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from kt_translate.evaluate.values import Native
from kt_translate.graph.nodes import named
from kt_translate.graph.sym import Sym
from kt_translate.graph.tuning import ASKS, Tuned


def method(owner: Sym, name: str) -> Native | None:
    """What asks a parameter for a hyperparameter; None for anything else."""
    if not isinstance(owner.value, Tuned) or name not in ASKS:
        return None
    return Native(name, lambda ev, *args, **kwargs: _asked(owner, name, args, kwargs))


def _asked(owner: Sym, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    said = Sym.asked(owner, name, args, kwargs)
    words = "_".join(_words(args[0] if args else kwargs.get("name")))
    label = re.sub(r"\W+", "_", words).strip("_").lower()
    # a size is said at every layer that has it, and is called by its name there
    return named(said, label) if name == "Int" and label.isidentifier() else said


def _words(name: Any) -> Iterator[str]:
    """The parts of a name that are known."""
    if isinstance(name, str):
        yield name
    elif isinstance(name, Sym) and name.head == "+":
        for part in name.args:
            yield from _words(part)
