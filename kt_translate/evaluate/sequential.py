"""Sequential models: grown layer by layer, whether their input is known yet or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import appending, by_parts, calls, models, repeated
from kt_translate.evaluate.lambdas import LambdaValue
from kt_translate.evaluate.layer_lists import LayerList
from kt_translate.evaluate.model_layers import cannot_pick, withheld
from kt_translate.evaluate.open_inputs import UnknownInput, learn
from kt_translate.evaluate.open_lists import Turns, is_layer, shown
from kt_translate.evaluate.repeated import MODEL
from kt_translate.evaluate.values import Instance, LayerValue, ModelValue, Scope
from kt_translate.graph.choice import Choice
from kt_translate.graph.nodes import ModuleUse
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import same
from kt_translate.graph.tensor import Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def make_sequential(ev: Interpreter, args: list[Any], kwargs: dict[str, Any]) -> ModelValue:
    """``keras.Sequential(layers)``: a region of its own, grown by `add`."""
    given = dict(zip(("layers", "name"), args), **kwargs)
    model = ModelValue("sequential", None, None, Region(), given.get("name"), ev.main_line)
    model.use = ModuleUse("sequential", given.get("name"))
    ev.models.append(model)
    start = ev.starts.get(ev.main_line)
    if start is not None:
        inside(model, lambda: _start(ev, model, start.shape[1:], start.dtype))
    add_all(ev, model, given.get("layers") or [])
    return model


def of_class(
    ev: Interpreter, base: str, args: list[Any], kwargs: dict[str, Any]
) -> ModelValue | None:
    """What the constructor of Keras's makes for a class that extends it: a model, where that is told its layers."""
    if base != "keras.Sequential":
        return models.make(ev, "Model", args, kwargs) if tensors_in([args, kwargs]) else None
    model = make_sequential(ev, [], {})
    model.region = CURRENT[-1]  # it is the class itself
    add_all(ev, model, (args[0] if args else kwargs.get("layers")) or [])
    return model


def part(ev: Interpreter, model: Any, name: str) -> Any:
    """A method or list of the Sequential that a class extends; None for anything else."""
    grows = isinstance(model, ModelValue) and model.kind == "sequential"
    return calls.attribute(ev, model, name) if grows and name in ("add", "pop", "layers") else None


def add_all(ev: Interpreter, model: ModelValue, layers: list[Any]) -> None:
    """Add the layers of a list, which may be open."""
    by_parts.run(
        ev,
        layers,
        Scope("function", {MODEL: model}, None),
        lambda layer: add(ev, model, layer),
        lambda more: _add_turns(ev, model, more),
    )


def add(ev: Interpreter, model: ModelValue, layer: Any) -> None:
    """``model.add(layer)``; without a known input the layer waits for one."""
    if isinstance(layer, Tensor):
        model.region.add(layer.node)  # type: ignore[union-attr, arg-type]
        model.inputs = model.outputs = layer
        return
    if isinstance(layer, UnknownInput):
        model.attributes["input"] = layer
        return
    if isinstance(layer, list):
        add_all(ev, model, layer)
        return
    if not is_layer(layer):
        ev.note("KT107", "what is added to the model here is not known")
        model.attributes["gap"] = ev.line
        return
    if hidden := withheld(ev, layer):
        cannot_pick(ev, hidden)
        model.attributes["gap"] = ev.line
        return
    model.layers.append(layer)
    learn(model.attributes.get("input"), layer)
    if "gap" in model.attributes:  # what comes before it is not known
        return
    if model.inputs is None and not _begun_by(ev, model, layer):
        model.deferred.append(layer)
    elif model.outputs is not None:
        inside(model, lambda: _extend(ev, model, layer))


def _begun_by(ev: Interpreter, model: ModelValue, layer: Any) -> bool:
    """Start from the input that the first layer says, if it says one."""
    shape = _own_input_shape(layer)
    if shape is None:
        return False
    dtype = "int32" if layer_kind(layer) == "embedding" else "float32"
    inside(model, lambda: _start(ev, model, shape, dtype, _own_batch_size(layer)))
    return True


def _add_turns(ev: Interpreter, model: ModelValue, layers: LayerList) -> bool:
    """Add the layers of a loop: where the model waits for its input, so does the loop. False where it cannot be kept."""
    if model.inputs is None and (model.deferred or not _begun_by(ev, model, shown(layers)[0])):
        model.layers += shown(layers)
        model.deferred.append(Turns(layers))
        for layer in shown(layers):
            learn(model.attributes.get("input"), layer)
        return True
    return model.outputs is not None and repeated.extended(ev, model, layers)


def grown(ev: Interpreter, node: cst.For, scope: Scope) -> bool:
    """Whether a loop does nothing but add layers to a Sequential that waits for its input; they wait with it then."""
    lists, names = appending.lists_of(node, "add")
    model = ev.evaluate(lists[0].owner, scope) if len(lists) == 1 else None
    if not isinstance(model, ModelValue) or model.kind != "sequential" or model.inputs is not None:
        return False
    if not appending.may_stay(ev, node, names, scope):
        return False
    made = appending.layers_of(ev, node, lists[0], scope)
    if made is None:
        return False
    add_all(ev, model, [Turns(made)])
    appending.leave(ev, node, names, scope)
    return True


def layer_kind(layer: Any) -> str:
    use = getattr(layer, "use", None)
    return use.kind if use is not None else ""


def _own_input_shape(layer: Any) -> Any:
    if isinstance(layer, Choice):
        shape = _own_input_shape(layer.then)
        return shape if same(shape, _own_input_shape(layer.orelse)) else None
    if isinstance(layer, ModelValue):
        first = tensors_in(layer.inputs)
        return first[0].shape[1:] if len(first) == 1 else None
    if isinstance(layer, LambdaValue):
        return layer.input_shape
    if isinstance(layer, Instance):
        return layer.kwargs.get("input_shape")
    if not isinstance(layer, LayerValue):
        return None
    common = layer.rule.common
    if common.batch_input_shape is not None:
        return tuple(common.batch_input_shape[1:])
    if common.input_shape is None and hasattr(layer.rule, "layer"):
        return (
            _own_input_shape(layer.rule.layer) if isinstance(layer.rule.layer, LayerValue) else None
        )
    if common.input_shape is None and layer_kind(layer) == "embedding":
        return (common.input_length,)
    return common.input_shape


def _own_batch_size(layer: Any) -> Any:
    """The batch size that a stateful layer says of its input."""
    if not isinstance(layer, LayerValue):
        return None
    common = layer.rule.common
    return common.batch_input_shape[0] if common.batch_input_shape else common.batch_size


def inside(model: ModelValue, act: Any) -> None:
    """Do something in the model's own region."""
    CURRENT.append(model.region)  # type: ignore[arg-type]
    try:
        act()
    finally:
        CURRENT.pop()


def region_with(ev: Interpreter, inputs: Any) -> Region:
    """The region at hand, with what is within the Sequential models that have one of these inputs."""
    taken = {id(t) for t in tensors_in(inputs)}
    parts = [
        model.region
        for model in ev.models
        if model.kind == "sequential" and taken & {id(t) for t in tensors_in(model.inputs)}
    ]
    if not parts:
        return CURRENT[-1]
    nodes = [n for region in [*parts, CURRENT[-1]] if region is not None for n in region.nodes]
    return Region(list(dict.fromkeys(nodes)), merged=CURRENT[-1])


def _start(
    ev: Interpreter, model: ModelValue, shape: Any, dtype: str, batch: int | None = None
) -> None:
    made = models.make_input(ev, [shape, batch, dtype], {})
    if isinstance(made, Tensor):
        model.inputs = model.outputs = made
        model.plan = None


def _extend(ev: Interpreter, model: ModelValue, layer: Any) -> None:
    if model.outputs is None:
        return
    result = calls.call(ev, layer, [model.outputs], {}, None, None)
    if not isinstance(result, Tensor):
        model.attributes["gap"] = ev.line
        return
    model.outputs = result
    model.plan = None


def is_settled(model: ModelValue) -> bool:
    """Whether no code of the source's runs in it that can ask for the condition in which it is called."""
    return all(
        (
            is_settled(layer)
            if isinstance(layer, ModelValue)
            else (
                isinstance(layer, LayerValue)
                and isinstance(getattr(layer.rule, "layer", layer), LayerValue)
            )
            or (isinstance(layer, Instance) and layer.use is not None)
        )
        for layer in model.layers
    )


def build_deferred(ev: Interpreter, model: ModelValue, shape: Any, dtype: str = "float32") -> None:
    """Give a Sequential without an input its input's shape (without the batch)."""
    inside(model, lambda: _start(ev, model, shape, dtype))
    go_on(ev, model)


def begin(ev: Interpreter, model: ModelValue, given: list[Tensor]) -> None:
    """Let a Sequential without an input start from what it is given."""
    if model.inputs is None and given:
        model.inputs = model.outputs = given[0]
        go_on(ev, model)


def go_on(ev: Interpreter, model: ModelValue) -> None:
    """Call the layers that waited for an input."""
    waiting, model.deferred[:] = list(model.deferred), []
    model.begun = True
    by_parts.run(
        ev,
        waiting,
        Scope("function", {MODEL: model}, None),
        lambda layer: inside(model, lambda: _extend(ev, model, layer)),
        lambda layers: repeated.extended(ev, model, layers),
    )
