"""What the source asks of a model: its ends, its layers, and what it does with it."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import assumed, copies, handed, layer_lists, models, sequential
from kt_translate.evaluate.model_layers import Listed, cannot_pick, freeze, layers_of, withheld
from kt_translate.evaluate.values import (
    Array,
    Instance,
    LayerValue,
    ModelValue,
    Native,
    Unknown,
    plain,
)
from kt_translate.graph.conditions import depends, negated
from kt_translate.graph.lists import TensorList, as_lists
from kt_translate.graph.region import CURRENT
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


WAITING = ("add", "build", "compile", "fit", "input", "name", "output", "summary")


def attribute(ev: Interpreter, model: ModelValue, name: str) -> Any:
    """What the source asks of a model."""
    if name in model.attributes:
        return model.attributes[name]
    if name not in WAITING:
        layer_lists.counted(ev, model.deferred)
    if model.kind == "part" and model.outputs is None and name in ("input", "output"):
        return cannot_pick(ev, withheld(ev, model))
    if name.startswith(("output", "layers", "get_layer")):
        assumed.shown_only(ev, model)
    if name in ("layers", "get_layer") and handed.is_handed(model):
        ev.note("KT201", "nothing is known of the layers of a model that a function is handed")
        return Unknown("the layers of a model that is not known", ev.line)
    if name in ("input", "inputs"):
        return model.inputs if name == "input" else tensors_in(model.inputs)
    if name in ("output", "outputs"):
        return as_lists(model.outputs if name == "output" else tensors_in(model.outputs))
    if name == "layers":
        if model.kind != "sequential" and _listed(ev, model).hidden:
            spread_out(ev, model)
        return _listed(ev, model)
    if name == "name":
        return model.name or Unknown("an automatic name", ev.line)
    if name in ("input_shape", "output_shape"):
        found = tensors_in(model.inputs if name == "input_shape" else model.outputs)
        for tensor in found:
            if isinstance(tensor, TensorList):
                tensor.refuse()
        return found[0].shape if len(found) == 1 else [t.shape for t in found]
    if name == "add":
        return Native(name, lambda ev, layer: sequential.add(ev, model, layer))
    if name == "build":
        return Native(name, lambda ev, *a, **k: _build(ev, model, *a, **k))
    if name == "compile":
        return Native(name, lambda ev, *a, **k: _compile(ev, model, *a, **k))
    if name in ("fit", "fit_generator", "train_on_batch"):
        return Native(name, lambda ev, *a, **k: _fit(ev, model, name, a, k))
    if name in copies.METHODS:
        return Native(name, lambda ev, *a, **k: copies.METHODS[name](ev, model, *a, **k))
    if name == "get_layer":
        return Native(name, lambda ev, *a, **k: _get_layer(ev, model, *a, **k))
    return Native(name, lambda ev, *a, **k: Unknown(f"the result of {name}", ev.line))


def _get_layer(ev: Interpreter, model: ModelValue, name: Any = None, index: Any = None) -> Any:
    name, index = ev.demand(name, "a layer"), ev.demand(index, "a layer")
    layers = _listed(ev, model)
    seen = layers.tells(index) if isinstance(index, int) else _is_named(layers, name)
    if layers.hidden and not seen:
        spread_out(ev, model)
        layers = _listed(ev, model)
    if isinstance(index, int) and -len(layers) <= index < len(layers) and layers.tells(index):
        return layers[index]
    named = [la for la in layers if name is not None and name in _names_of(la)]
    if not named and layers.hidden:
        return cannot_pick(ev, layers.hidden)
    return named[0] if named else Unknown("a layer", ev.line)


def _names_of(layer: Any) -> tuple[Any, ...]:
    """What a layer, a model or an input is called."""
    if isinstance(layer, (LayerValue, Instance)) and layer.use is not None:
        return (known(layer.use.keras_name),)
    if isinstance(layer, Tensor):
        return (layer.name, layer.facts["input"])
    return (known(layer.name), getattr(layer, "variable", None))


def _listed(ev: Interpreter, model: ModelValue) -> Listed:
    """With the source's own models and objects, where it calls one, not what stands for it in this one."""
    called = {id(o.use): o for o in chain(ev.models, *ev.made.values())}
    layers = model.layers or layers_of(model)
    own = [called.get(id(la.use), la) if isinstance(la, ModelValue) else la for la in layers]
    return Listed(own, model)


def _is_named(layers: list[Any], name: Any) -> bool:
    return any(isinstance(la, (LayerValue, Instance)) and name in _names_of(la) for la in layers)


def spread_out(ev: Interpreter, model: ModelValue) -> None:
    """Build a model again with the functions of the source run in place, so that the layers in them can be reached."""
    if model.maker is None:
        ev.hidden = True
        return
    function, bound = model.maker
    model.maker = None
    nodes = CURRENT[-1].nodes
    before = len(nodes)
    ev.inlining += 1
    try:
        again = ev.run_body(function, dict(bound))
    finally:
        ev.inlining -= 1
    outputs = tensors_in(model.outputs)
    at = next((i for i, n in enumerate(nodes) if outputs and n is outputs[0].node), before)
    nodes[at:] = [*nodes[before:], *nodes[at:before]]  # what reads the outputs may be there already
    if isinstance(again, ModelValue):
        ev.models[:] = [m for m in ev.models if m is not again]
        _stand_for(again, model)
        model.region = again.region
        model.plan = None
        if model.trainable is not True:
            freeze(model, negated(model.trainable))
            models.plan_of(model).frozen = model.trainable is False


def _stand_for(again: ModelValue, model: ModelValue) -> None:
    """Let the ends of a model be those of the same model built again: the source may have read them already."""
    pairs = zip(
        tensors_in([again.inputs, again.outputs]), tensors_in([model.inputs, model.outputs])
    )
    table = {id(new): old for new, old in pairs}
    for old, new in [(table[id(t)], t) for t in tensors_in(again.outputs)]:
        if old.node is not None:
            old.node.outputs = [replace(t) if t is old else t for t in old.node.outputs]
        vars(old).update(vars(new))
    for node in again.region.nodes if again.region is not None else []:
        node.inputs = [table.get(id(t), t) for t in node.inputs]
        node.outputs = [table.get(id(t), t) for t in node.outputs]


def _build(ev: Interpreter, model: ModelValue, input_shape: Any = None) -> None:
    if model.deferred and isinstance(input_shape, (tuple, list)):
        sequential.build_deferred(ev, model, tuple(input_shape[1:]))


def set_trainable(ev: Interpreter, owner: Any, value: Any) -> None:
    """``owner.trainable = value``. What was compiled goes on training: it is frozen where other models call it."""
    value = value if isinstance(value, Sym) else not plain(value) or bool(value)
    if isinstance(owner, ModelValue):
        layer_lists.counted(ev, owner.deferred)
    for test in filter(depends, CURRENT[-1].conditions()):
        value = Sym.choose(test, value, owner.trainable)
    owner.trainable = value
    if any(model is owner for model, _, _ in ev.compiled):
        owner.use.frozen = negated(value)
    else:
        _set_parts(ev, owner, value)


def _set_parts(ev: Interpreter, owner: Any, value: Any) -> None:
    if isinstance(owner, LayerValue) or owner.kind == "part":
        owner.use.frozen = negated(value)
    elif owner.layers:
        for layer in owner.layers:
            set_trainable(ev, layer, value)
    else:
        freeze(owner, negated(value))
        models.plan_of(owner).frozen = value is False


def sets_all(node: cst.For) -> bool | None:
    """True or False for ``for layer in model.layers: layer.trainable = True or False``, None for any other loop."""
    body = node.body.body
    statement = body[0] if len(body) == 1 else None
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else statement
    if not isinstance(small, cst.Assign) or not isinstance(node.target, cst.Name):
        return None
    target = small.targets[0].target
    if not isinstance(node.iter, cst.Attribute) or node.iter.attr.value != "layers":
        return None
    if not isinstance(target, cst.Attribute) or target.attr.value != "trainable":
        return None
    if not isinstance(target.value, cst.Name) or target.value.value != node.target.value:
        return None
    return {"True": True, "False": False}.get(getattr(small.value, "value", None))  # type: ignore[arg-type]


def _compile(ev: Interpreter, model: ModelValue, *args: Any, **kwargs: Any) -> None:
    third = ("loss_weights", "metrics") if ev.flavour == "3" else ("metrics", "loss_weights")
    given = dict(zip(("optimizer", "loss", *third), args), **kwargs)
    if model.trainable is not True:  # what counts is how it is compiled last
        _set_parts(ev, model, model.trainable)
    ev.compiled.append((model, ev.main_line, given))


def _fit(ev: Interpreter, model: ModelValue, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    data = args[0] if args else kwargs.get("x")
    if model.deferred and isinstance(data, Array) and data.shape:
        sequential.build_deferred(ev, model, data.shape[1:])
    copies.checkpoints(ev, model, kwargs.get("callbacks"))
    ev.note("KT401", f"{name}() is left out")
    return Unknown("the history of training", ev.line)
