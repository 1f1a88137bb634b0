"""Sizes of results that are read off the class: ``nn.Conv2d(self.inner.out_channels, 8, 3)``."""

from __future__ import annotations

from typing import Any

import libcst as cst

from kt_translate.evaluate.values import Function
from kt_translate.graph.sym import UNKNOWN, Symbol, known, symbols_in
from kt_translate.graph.tensor import Dim, Tensor


def name_of(result: Tensor) -> str:
    """The attribute with the last size of a result."""
    return "out_channels" if result.rank > 3 else "out_features"


def read_off(name: str, said: Any, function: Function, is_open: bool) -> Symbol:
    """The channels of a call's result, as the attribute of its class. ``said``: in the terms of who calls.

    Nothing else tells those that are open. Where that is not enough, the function is run in place.
    """
    if is_open or is_left_open(said):
        return Symbol(name, UNKNOWN, "carried", left_by=function.node)
    return Symbol(name, known(said), "local", said)


def is_left_open(said: Any) -> bool:
    """Whether only a class that is called says a size."""
    return any(s.kind == "carried" and _of_call(s) for s in symbols_in(said))


def can_expose(result: Any, unsaid: set[Symbol]) -> bool:
    """Whether what nothing says of a result are its channels, which a class that is called has."""
    sizes = result.shape[:-1] if isinstance(result, Tensor) else ()
    return bool(sizes) and all(map(_of_call, unsaid)) and unsaid.isdisjoint(symbols_in(sizes))


def _of_call(symbol: Symbol) -> bool:
    return isinstance(symbol.left_by, cst.FunctionDef)


def with_channels(result: Tensor, channels: Dim) -> Tensor:
    """A result, its channels said so."""
    return Tensor((*result.shape[:-1], channels), result.dtype, result.given_layout)
