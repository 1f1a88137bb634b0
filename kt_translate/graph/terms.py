"""Settings in other terms: without the names given on the way, in closed form, and what their text names."""

from __future__ import annotations

from typing import Any

from kt_translate.diagnostics import RuleError
from kt_translate.graph.operators import Symbol
from kt_translate.graph.sym import substitute, symbols_in


def closed(value: Any) -> Any:
    """The same with what loops leave said in closed form, where there is one, and without names given on the way."""
    value = expand(value)
    found = {s for s in symbols_in(value) if s.kind == "carried" and s.origin is not None}
    return closed(substitute(value, {s: s.origin for s in found})) if found else value


def shown(value: Any) -> str:
    """The text for people to read; what it says of what takes too long to say is no code."""
    try:
        return str(value)
    except RuleError:
        return "a size that takes pages to say"


def expand(value: Any, only: set[Symbol] | None = None) -> Any:
    """The same without the names (or some of them) that the source gave to parts of it on the way."""
    found = {s for s in symbols_in(value) if s.kind == "local" and (only is None or s in only)}
    return expand(substitute(value, {s: s.origin for s in found}), only) if found else value
