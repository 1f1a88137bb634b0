"""What a builder asks Keras Tuner for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class HyperParameters:
    """The hyperparameters of Keras Tuner: the value given for a name, else the default.

    An object of Keras Tuner's own can take its place.
    """

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self.values = dict(values or {})

    def Choice(self, name: str, values: Sequence[Any], default: Any = None, **_: Any) -> Any:
        return self.values.get(name, values[0] if default is None else default)

    def Int(self, name: str, min_value: int, *_: Any, default: Any = None, **__: Any) -> Any:
        return self.values.get(name, min_value if default is None else default)

    def Float(self, name: str, min_value: float, *_: Any, default: Any = None, **__: Any) -> Any:
        return self.values.get(name, min_value if default is None else default)

    def Boolean(self, name: str, default: bool = False, **_: Any) -> Any:
        return self.values.get(name, default)

    def Fixed(self, name: str, value: Any, **_: Any) -> Any:
        return self.values.get(name, value)
