"""What a condition on settings chooses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kt_translate.graph.sym import Sym


@dataclass(eq=False)
class Choice:
    """``then if test else orelse`` of what is no number: classes of layers, functions, layers, None."""

    test: Sym
    then: Any
    orelse: Any
