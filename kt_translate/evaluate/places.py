"""What a layer is called with: its inputs by their places, all else by name."""

from __future__ import annotations

from typing import Any

from kt_translate.layers.layer import Layer

_INPUTS = ("inputs", "x", "sequence", "sequences", "states", "query", "value", "key")


def in_place(
    rule: Layer, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a call, as `call` of the layer names those that are no inputs."""
    order = rule.call_order()
    further = {n: v for n, v in zip(order, args) if n not in _INPUTS}
    named = {k: kwargs[k] for k in _INPUTS if kwargs.get(k) is not None}
    if "mask" in kwargs and isinstance(kwargs["mask"], (list, tuple)):
        kwargs = {k: v for k, v in kwargs.items() if k != "mask" or any(m is not None for m in v)}
    inputs = args[: len(args) - len(further)]
    options = {k: v for k, v in kwargs.items() if k not in named}
    return [*inputs, *named.values()], {**further, **options}
