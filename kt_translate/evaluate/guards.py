"""What a rule refuses is told, and is not known from there on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.diagnostics import RuleError
from kt_translate.evaluate.values import Unknown

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def guarded(ev: Interpreter, compute: Callable[[], Any], node: Any = None) -> Any:
    """What is computed; a diagnostic at ``node`` and an unknown where a rule refuses it."""
    try:
        return compute()
    except RuleError as error:
        ev.note(error.code, error.message, error.hint, node)
        return Unknown(error.message, ev.line)
