"""What attributes of classes and of Keras's objects are, and what the source sets on objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import (
    copies,
    layer_lists,
    layer_parts,
    model_parts,
    modules,
    numbers,
    policies,
    records,
    text,
    tuned,
)
from kt_translate.evaluate.signals import as_the_source_would
from kt_translate.evaluate.values import (
    Array,
    Class,
    Function,
    Instance,
    LayerValue,
    Method,
    ModelValue,
    Native,
    Unknown,
    name_value,
    opaque,
)
from kt_translate.graph.choice import Choice
from kt_translate.graph.nodes import ORDER, WeightNode
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.sym import UNKNOWN, Spaced, Sym, call_symbolic
from kt_translate.graph.tensor import Tensor

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

LOSSES = ("keras.losses.Loss", "keras.Loss")


def of_class(ev: Interpreter, cls: Class, name: str) -> Any:
    """An attribute of a class of the source."""
    if name == "__name__":
        return cls.name
    if name == "__members__":
        return {m.name: m for m in cls.members}
    found = records.of_class(cls, name)
    if isinstance(found, (list, dict, set)):
        modules.run_due(ev, cls, found)
    if isinstance(found, Function) and "classmethod" in found.decorators:
        return Method(found, cls)
    return Unknown(f"{cls.name}.{name}", ev.line) if found is NotImplemented else found


def of_object(owner: KerasObject, name: str) -> Any:
    """Of initializers and the like what makes another one of the same settings; of an InputSpec, what it says."""
    if owner.path == "layers.InputSpec":
        said = dict(zip(("dtype", "shape"), owner.args), **owner.kwargs)
        return said.get(name, len(said["shape"]) if name == "ndim" and "shape" in said else None)
    if (
        owner.path == policies.PATH
        and (said := policies.attribute(owner, name)) is not NotImplemented
    ):
        return said
    if name in ("get_config", "clone"):
        return Native(name, lambda ev: owner)
    if name == "from_config":
        return Native(name, lambda ev, config: config)
    return owner if name == "__class__" else Unknown(f"{name} of {owner.path}")


def of_setting(owner: Sym, name: str) -> Native | None:
    """A method of a text, list or dict that a parameter is, where what it gives can be said."""
    value = owner.value
    if (asks := tuned.method(owner, name)) is not None:
        return asks
    if isinstance(value, (list, dict)) and name == "copy":
        return Native(name, lambda ev: copies.copied(ev, owner, deep=False))
    if isinstance(value, Spaced) and name == "tolist":
        return Native(name, lambda ev: call_symbolic("list", owner))
    known_text = isinstance(value, str) and name in text.METHODS
    some_text = value is UNKNOWN and name in ("lower", "upper", "strip")
    if isinstance(value, dict) and name == "keys":
        return Native(name, lambda ev: owner)  # whatever goes through a dict goes through these
    if known_text or some_text or (isinstance(value, dict) and name == "get"):
        return Native(name, lambda ev, *args: Sym.method(owner, name, *args))
    return None


def set_element(owner: Any, key: Any, value: Any) -> None:
    """``owner[key] = value``."""
    if isinstance(owner, Array):
        owner.fill = None
    if isinstance(owner, dict) or (isinstance(owner, list) and not opaque(key)):
        with as_the_source_would():
            if isinstance(owner, numbers.Numbers):
                alike = isinstance(value, Array) and value.fill is not None
                numbers.put(owner, key, value.fill if alike else value)
            else:
                owner[key] = value


def set_attribute(ev: Interpreter, owner: Any, name: str, value: Any) -> None:
    """``owner.name = value``."""
    name_value(value, name)
    if isinstance(owner, Choice):
        set_attribute(ev, owner.then, name, value)
        set_attribute(ev, owner.orelse, name, value)
    elif isinstance(owner, Instance):
        if isinstance(value, layer_lists.LayerList):
            value.name = value.name or name
        own = owner.attributes.get("super()")
        if isinstance(own, LayerValue) and owner.attributes.get(name) is not value:
            _track_anew(value)
        owner.attributes[name] = value
        if name == "trainable" and isinstance(own, LayerValue):
            model_parts.set_trainable(ev, own, value)
    elif isinstance(owner, (LayerValue, ModelValue)):
        if name == "trainable":
            model_parts.set_trainable(ev, owner, value)
        elif isinstance(owner, ModelValue):
            owner.attributes[name] = value
        else:
            layer_parts.set_attribute(ev, owner, name, value)
    elif isinstance(owner, Class):
        owner.names[name] = value
    elif isinstance(owner, records.Mapping) and not name.startswith("__"):
        owner[name] = value


def _track_anew(value: Any) -> None:
    """A weight of the built-in layer that a class extends, set once more, comes last: Keras 3 lets no one set it."""
    if isinstance(value, Tensor) and isinstance(value.node, WeightNode):
        value.node.use.order = next(ORDER)


def started(instance: Instance) -> Native:
    """``super().__init__`` of an object that is no layer: of a loss, its settings are remembered."""

    def start(ev: Interpreter, *args: Any, **kwargs: Any) -> None:
        if instance.cls.keras_base() in LOSSES:
            instance.attributes["super()"] = KerasObject("losses.Loss", list(args), kwargs)

    return Native("super().__init__", start)
