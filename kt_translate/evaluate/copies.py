"""Copies of lists and dicts, and models made from models: clones, saved and loaded ones, and what is left when a layer
is taken off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import layer_lists
from kt_translate.evaluate.values import LayerValue, ModelValue, Unknown, plain
from kt_translate.graph.nodes import ModuleUse
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.sym import Sym, call_symbolic, known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def copied(ev: Interpreter, value: Any, deep: bool) -> Any:
    """A list or dict of its own; what the evaluator's values stand for is not copied."""
    if isinstance(value, Sym) and isinstance(value.value, (list, tuple, dict)):
        parts = value.value.values() if isinstance(value.value, dict) else value.value
        if deep or not any(isinstance(v, (list, tuple, dict)) for v in parts):
            return Sym(value.head, value.args, value.value)  # changed, it is no longer the other
        value = ev.demand(value, "what is copied")
    if isinstance(value, dict):
        return {k: copied(ev, v, deep) if deep else v for k, v in value.items()}
    if type(value) in (list, tuple):
        return type(value)(copied(ev, v, deep) if deep else v for v in value)
    return value


class ModelText(Unknown):
    """A model written as text or as a dict."""

    def __init__(self, model: ModelValue, line: int) -> None:
        super().__init__("the description of a model", line)
        self.model = model


def clone(ev: Interpreter, model: Any, *args: Any, **kwargs: Any) -> Any:
    """A model of the same layers with weights of its own."""
    if not isinstance(model, ModelValue):
        return Unknown("a copy of what is not known", ev.line)
    changes = kwargs.get("clone_function") or kwargs.get("call_function") or (*args, None, None)[1]
    if changes is not None:
        ev.note("KT203", "clone_model(clone_function=): layers that are changed as they are copied")
        return Unknown("a copy with other layers", ev.line)
    layer_lists.counted(ev, model.deferred)
    twin = replace(
        model,
        line=ev.line,
        layers=list(model.layers),
        deferred=list(model.deferred),
        use=ModuleUse(model.kind, model.name),
        plan=None,
        variable=None,
        original=model,
        attributes=dict(model.attributes),
    )
    ev.models.append(twin)
    return twin


def from_text(ev: Interpreter, text: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``model_from_json(model.to_json())``."""
    if isinstance(text, ModelText):
        return clone(ev, text.model)
    return _not_here(ev, "this text")


def load(ev: Interpreter, path: Any = None, *args: Any, **kwargs: Any) -> Any:
    """``load_model(path)``: known where the source has saved it itself."""
    where = known(kwargs.get("filepath", path))
    if isinstance(where, str) and where in ev.saved:
        return clone(ev, ev.saved[where])
    return _not_here(ev, repr(where) if isinstance(where, str) else "this file")


def _not_here(ev: Interpreter, what: str) -> Unknown:
    hint = "translate the file that builds the model; load_keras_weights then reads its weights"
    ev.note("KT107", f"the model comes from {what}, not from the source", hint)
    return Unknown("a model from a file", ev.line)


def save(ev: Interpreter, model: ModelValue, path: Any = None, **kwargs: Any) -> None:
    """``model.save(path)``."""
    where = known(kwargs.get("filepath", path))
    if isinstance(where, str):
        ev.saved[where] = model


def save_model(ev: Interpreter, model: Any = None, path: Any = None, **kwargs: Any) -> None:
    """``keras.models.save_model(model, path)``."""
    if isinstance(model, ModelValue):
        save(ev, model, path, **kwargs)


def checkpoints(ev: Interpreter, model: ModelValue, callbacks: Any) -> None:
    """Files that ``fit`` saves the model to."""
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if isinstance(callback, KerasObject) and callback.path == "callbacks.ModelCheckpoint":
            given = dict(zip(("filepath",), callback.args), **callback.kwargs)
            if not given.get("save_weights_only"):
                save(ev, model, given.get("filepath"))


def pop(ev: Interpreter, model: ModelValue) -> None:
    """``model.pop()``."""
    layer = model.layers.pop() if model.layers else None
    if layer in model.deferred:
        model.deferred.remove(layer)
        return
    calls = layer.calls if isinstance(layer, LayerValue) else []
    made = [inputs for inputs, result in calls if result is model.outputs]
    if not made:
        model.attributes["gap"] = ev.line
        ev.note("KT107", "the layer that is taken off here is not known")
        return
    model.outputs, model.plan = made[-1][0], None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "keras.models.clone_model": clone,
    "keras.models.model_from_json": from_text,
    "keras.models.model_from_config": from_text,
    "keras.models.load_model": load,
    "keras.models.save_model": save_model,
    "keras.Model.from_config": from_text,
    "keras.Sequential.from_config": from_text,
}
METHODS: dict[str, Callable[..., Any]] = {
    "save": save,
    "pop": pop,
    "to_json": lambda ev, model, **k: ModelText(model, ev.line),
    "get_config": lambda ev, model: ModelText(model, ev.line),
}


def items_said(ev: Interpreter, value: Any, usual: dict[Any, Any] | None = None) -> Any:
    """The items of a parameter's dict; anything else as it is.

    ``usual``: the items that these replace. Which of them there are is left open, as long as there are no others;
    without any, all keys are taken for granted.
    """
    if not isinstance(value, Sym) or not isinstance(value.value, dict):
        return value
    if (
        usual
        and value.value.keys() <= usual.keys()
        and all(plain(known(v)) for v in usual.values())
    ):
        keys = Sym.binary("<=", call_symbolic("set", value), call_symbolic("set", list(usual)))
        ev.demand(keys, "what is in a dict")
        return {key: Sym.method(value, "get", key, before) for key, before in usual.items()}
    ev.demand(call_symbolic("list", value), "what is in a dict")
    return {key: Sym.index(value, key) for key in value.value}
