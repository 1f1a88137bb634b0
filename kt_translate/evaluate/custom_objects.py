"""What a source gives a name among Keras's own: ``get_custom_objects().update({"mish": Activation(mish)})``.

Keras 2 finds it by that name wherever a layer is told an activation, an initializer or the like; Keras 3 does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.graph.sym import Sym
from kt_translate.layers.layer import REGISTRY

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

PATHS = (
    "utils.get_custom_objects",
    "utils.generic_utils.get_custom_objects",
    "saving.get_custom_objects",
)
_SETTINGS = ("activation", "initializer", "regularizer", "constraint")


def meant(ev: Interpreter, value: Any) -> Any:
    """What a setting means, which may be such a name."""
    name = value.value if isinstance(value, Sym) else value
    if ev.flavour == "3" or not isinstance(name, str) or name not in ev.custom_objects:
        return value
    return ev.custom_objects[ev.demand(value, "what is registered by name")]


def settings(
    ev: Interpreter, layer: str, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of a layer with what their names mean, among them those that Keras takes by default."""
    if not ev.custom_objects:
        return args, kwargs
    said = {k: meant(ev, v) if k.endswith(_SETTINGS) else v for k, v in kwargs.items()}
    for name, default in REGISTRY[layer].signature()[len(args) :] if layer in REGISTRY else ():
        if name not in said and meant(ev, default) is not default:
            said[name] = meant(ev, default)
    return [meant(ev, a) for a in args], said
