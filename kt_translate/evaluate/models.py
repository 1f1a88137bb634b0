"""Layers and models: making them, calling them, and what the source asks of them."""

from __future__ import annotations

import re
from copy import copy
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import (
    activations,
    arrays,
    custom_objects,
    distributed,
    handed,
    lambdas,
    open_inputs,
    open_sizes,
    places,
    precision,
    sequential,
    unmasking,
    weight_code,
)
from kt_translate.evaluate.guards import guarded
from kt_translate.evaluate.own_weights import with_told_starts
from kt_translate.evaluate.signals import LimitReached
from kt_translate.evaluate.values import (
    Array,
    LayerValue,
    ModelValue,
    Unknown,
    UnknownModel,
    map_tensors,
)
from kt_translate.graph.conditions import follows_mode, negated
from kt_translate.graph.lists import TensorList
from kt_translate.graph.nodes import LayerNode, ModuleUse, Plan
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.region import CURRENT, Node
from kt_translate.graph.sym import Sym, known
from kt_translate.graph.tensor import Layout, Tensor, tensors_in
from kt_translate.layers.decisions import decisions
from kt_translate.layers.layer import REGISTRY, Layer, RuleError
from kt_translate.layers.legacy import merge_call, modernize
from kt_translate.layers.regularization import ActivityRegularization, activity_penalty
from kt_translate.layers.rnn_cells import RNN
from kt_translate.layers.spatial import MustBeKnown
from kt_translate.layers.time_distributed import TimeDistributed
from kt_translate.source.names import MERGE_FUNCTIONS

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def make(ev: Interpreter, kind: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``keras.Input``, ``keras.Model``, ``keras.Sequential``."""
    if kind == "Input":
        return make_input(ev, args, kwargs)
    if kind == "Sequential":
        return sequential.make_sequential(ev, args, kwargs)
    given = dict(zip(("inputs", "outputs", "name"), args), **kwargs)
    inputs = given.get("inputs", given.get("input"))
    outputs = given.get("outputs", given.get("output"))
    known = all(tensors_in(t) and not has_unknown(t) for t in (inputs, outputs))
    if not known:
        return UnknownModel("a model of what is not known", ev.line)
    for tensor in tensors_in(inputs):
        if isinstance(tensor, TensorList):  # ``forward`` takes them one by one
            tensor.refuse()
    # The lists that the source hands over may grow afterwards.
    inputs, outputs = (map_tensors(lambda t: t, ends) for ends in (inputs, outputs))
    region = sequential.region_with(ev, inputs)
    model = ModelValue("functional", inputs, outputs, region, given.get("name"), ev.main_line)
    model.use = ModuleUse("functional", given.get("name"))
    ev.models.append(model)
    return model


def has_unknown(value: Any) -> bool:
    parts = value.values() if isinstance(value, dict) else value
    if isinstance(value, (list, tuple, dict)):
        return any(map(has_unknown, parts))
    return isinstance(value, Unknown)


def make_input(ev: Interpreter, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """An input tensor: pictures and volumes enter channels first."""
    given = dict(zip(("shape", "batch_size", "dtype"), args), **kwargs)
    if given.get("tensor") is not None:
        return given["tensor"]
    shape = given.get("shape", given.get("input_shape"))
    full = _axes(given.get("batch_shape", given.get("batch_input_shape")))
    shape = tuple(full[1:]) if isinstance(full, (tuple, list)) else _axes(shape)
    if isinstance(shape, int) or (isinstance(shape, Sym) and isinstance(shape.value, int)):
        shape = (shape,)
    if isinstance(shape, (tuple, list)) and len(shape) > 1 and not isinstance(shape[-1], Unknown):
        shape = open_sizes.left_open(ev, shape)
    shape = open_sizes.open_shape(ev, shape)
    if not isinstance(shape, (tuple, list)) or any(isinstance(s, Unknown) for s in shape):
        of_data = has_unknown(shape)  # and not what a builder is to be given
        shape = open_inputs.likely(ev) if of_data else None
        if shape is None:
            ev.note("KT303", "the shape of this input is not known")
            if not of_data and ev.hurried:
                raise LimitReached("the shape of an input is not known")
            return open_inputs.made(ev) if of_data else Unknown("an input", ev.line)
    dtype = given.get("dtype") or "float32"
    layout = Layout.FIRST if len(shape) >= 3 else Layout.LAST
    tensor = Tensor((None, *shape), dtype if isinstance(dtype, str) else "float32", layout)
    tensor.facts["input"] = given.get("name")
    tensor.facts["batch"] = (
        known(full[0]) if isinstance(full, (tuple, list)) else given.get("batch_size")
    )
    node = Node([], [tensor], ev.line)
    CURRENT[-1].add(node)
    return tensor


def _axes(shape: Any) -> Any:
    """A shape that is a parameter, axis by axis."""
    if isinstance(shape, Sym) and isinstance(shape.value, (tuple, list)):
        return tuple(Sym.index(shape, i) for i in range(len(shape.value)))
    return shape


# -- layers ---------------------------------------------------------------------------------------


def make_layer(
    ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any], node: Any = None
) -> Any:
    """``keras.layers.<name>(...)``; a diagnostic and an unknown value where there is no rule for it."""
    args = [arrays.number(ev, a) for a in args]
    kwargs = {k: arrays.number(ev, v) for k, v in kwargs.items()}
    args, kwargs = custom_objects.settings(ev, name, args, kwargs)
    if name == "Lambda":
        return guarded(ev, lambda: lambdas.make_lambda(ev, args, kwargs), node)
    if name == "Activation" and activations.is_a_function([*args, None][0]):
        return make_layer(ev, "Lambda", args, {**kwargs, "mask": activations.SAME_MASK}, node)
    if name == "TimeDistributed":
        steps = distributed.wrapped(ev, args, kwargs)
        if steps is not None:
            return steps
    if name == "InputSpec":  # what a layer checks its inputs by: nothing is computed with it
        return KerasObject("layers.InputSpec", args, kwargs)
    if name == "InputLayer":
        return make_input(ev, args, kwargs)
    if name == "merge" and (args or kwargs):
        return _merge(ev, args, kwargs, node)
    try:
        name, args, kwargs = modernize(name, args, kwargs, ev.flavour)
    except RuleError as error:
        ev.log.add(error.code, ev.source.place(node, ev.line), error.message, error.hint)
        return Unknown(f"a {name} that is not translated", ev.line)
    if name in MERGE_FUNCTIONS and args:
        layer = make_layer(ev, name.capitalize(), args[1:], kwargs)
        return call_layer(ev, layer, [args[0]], {}) if isinstance(layer, LayerValue) else layer
    if name not in REGISTRY:
        ev.note("KT201", f"no rule yet for keras.layers.{name}")
        return Unknown(f"the layer {name}", ev.line)
    if ev.data_format != "channels_last":
        kwargs = _placed(ev, REGISTRY[name], args, kwargs)
    if isinstance(kwargs.get("name"), Unknown):  # made of an automatic name
        kwargs = {k: v for k, v in kwargs.items() if k != "name"}
    args, kwargs = open_sizes.opened(ev, name, args, kwargs)
    kwargs = with_told_starts(ev, name, kwargs)
    unknown = [
        k
        for k, v in [*enumerate(args), *kwargs.items()]
        if (has_unknown(v) or isinstance(v, Array)) and k != "weights"
    ]
    if unknown:
        ev.note("KT102", f"{name}: the argument {unknown[0]!r} is not known")
        return Unknown(f"a {name} with unknown settings", ev.line)
    try:
        rule = _bound_rule(ev, name, args, kwargs)
    except RuleError as error:
        ev.note(error.code, error.message, error.hint, node)
        return Unknown(f"a {name} that is not translated", ev.line)
    weight_code.settle(ev, rule)
    use = ModuleUse(rule.keras_kind, rule.weights_name, line=ev.line)
    use.frozen = negated(rule.common.trainable)
    use.region = CURRENT[-1]
    use.comment = ev.taken_comments()
    return LayerValue(rule, _shared_with_part(rule, use), ev.line)


def _shared_with_part(rule: Layer, use: ModuleUse) -> ModuleUse:
    """The module of a layer: also that of the one that it wraps, where this is called by itself or wrapped again."""
    if isinstance(rule, RNN) and len(rule.parts) == 1:
        rule.cells[0].use = use
    if isinstance(rule, TimeDistributed) and isinstance(inner := rule.layer, LayerValue):
        shared = inner.calls or inner.use.kind == use.kind  # called already, or wrapped
        use.wraps = inner.use
        inner.use = use = inner.use if shared else use
        if shared and use.wraps is not None:
            use.region = use.wraps.region  # not where it was wrapped first
    return use


def _not_as_wrapped(layer: LayerValue) -> None:
    """A layer that was wrapped and is called by itself is a layer of the model, under its own name."""
    use, own = layer.use, layer.use.wraps
    if own is not None and not isinstance(layer.rule, TimeDistributed):
        use.kind, use.keras_name, use.order, use.wraps = own.kind, own.keras_name, own.order, None
        use.region = own.region


def _placed(
    ev: Interpreter, kind: type[Layer], args: list[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The settings, with the backend's order of axes where the layer is told none."""
    names = list(kind.defaults)
    if (
        "data_format" not in names
        or names.index("data_format") < len(args)
        or kwargs.get("data_format") is not None
    ):
        return kwargs
    return {**kwargs, "data_format": ev.data_format}


def _merge(ev: Interpreter, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """Keras 1's ``merge([a, b], mode="concat")``."""
    try:
        with decisions() as taken:
            inputs, name, settings = merge_call(args, kwargs)
    except RuleError as error:
        ev.log.add(error.code, ev.source.place(node, ev.line), error.message, error.hint)
        return Unknown("a merge that is not translated", ev.line)
    for value, what in taken:
        ev.demand(value, f"{what} of merge")
    layer = make_layer(ev, name, [], settings, node)
    return call_layer(ev, layer, [inputs], {}) if isinstance(layer, LayerValue) else layer


_DECIDED = re.compile(r"(_constraint|activity_regularizer|(^|_)ax[ie]s|^dims|data_format)$")


def _bound_rule(ev: Interpreter, name: str, args: list[Any], kwargs: dict[str, Any]) -> Layer:
    """The layer's declaration, with its settings. What it must know is taken as the sample says."""
    decided = [k for k in kwargs if _DECIDED.search(k)]
    kwargs |= {k: ev.demand(kwargs[k], f"{k} of {name}") for k in decided}
    for i, (field, _) in enumerate(REGISTRY[name].signature()[: len(args)]):
        if _DECIDED.search(field):
            args = [*args[:i], ev.demand(args[i], f"{field} of {name}"), *args[i + 1 :]]
    try:
        return REGISTRY[name].bind(args, kwargs, ev.flavour)
    except RuleError:
        settings = [*args, *kwargs.values()]
        if not any(isinstance(v, Sym) and not isinstance(v.value, (int, float)) for v in settings):
            raise
        args = [_taken(ev, name, v) for v in args]
        kwargs = {k: v if k == "name" else _taken(ev, name, v) for k, v in kwargs.items()}
        return REGISTRY[name].bind(args, kwargs, ev.flavour)


def _taken(ev: Interpreter, layer: str, value: Any) -> Any:
    """A flag or a word as its sample has it; numbers stay general."""
    if isinstance(value, Sym) and (isinstance(value.value, (str, bool)) or value.value is None):
        return ev.demand(value, f"a setting of {layer}")
    return value


def call_layer(ev: Interpreter, layer: LayerValue, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A layer on tensors: its node, and the activation that it was given as a node of its own."""
    args, kwargs = places.in_place(layer.rule, arrays.entering(ev, args), kwargs)
    inputs = handed.sized(ev, layer, tensors_in(args[0]) if args else [])
    extra = [t for a in args[1:] for t in tensors_in(a)]
    if not inputs or has_unknown(args[0]):
        return open_inputs.called(ev, layer, args[0] if args else None)
    options = {k: v for k, v in kwargs.items() if k != "training" and v is not None}
    _not_as_wrapped(layer)
    set_mode(ev, layer.use, kwargs.get("training"))
    lost = ["one of its inputs"] if is_missing_one(args[0]) else []
    lost += [f"the argument {k!r}" for k, v in options.items() if isinstance(v, Unknown)]
    if lost:
        ev.note("KT102", f"{type(layer.rule).__name__}: {lost[0]} is not known")
        return Unknown("a layer called with what is not known", ev.line)
    rule = layer.rule
    if layer.replaced or (isinstance(rule, RNN) and not rule.parts):
        return _otherwise(ev, layer, [*args], kwargs)
    try:
        wants = rule.wants(*inputs, *extra)
        seen = [t.seen_in(w) for t, w in zip([*inputs, *extra], wants)]
        with decisions() as taken:
            outputs = rule.outputs(*seen, **options)
            rule.module(*seen)
    except MustBeKnown as error:
        if isinstance(value := getattr(rule, error.field), Sym):
            layer.rule = copy(rule)
            setattr(
                layer.rule, error.field, ev.demand(value, f"a setting of {type(rule).__name__}")
            )
            return call_layer(ev, layer, args, kwargs)
        ev.note(error.code, error.message, error.hint)
        return Unknown(error.message, ev.line)
    except RuleError as error:
        ev.note(error.code, error.message, error.hint)
        return Unknown(error.message, ev.line)
    except Exception as error:
        ev.note("KT206", f"{type(rule).__name__}: {error}")
        return Unknown("a layer that does not fit its input", ev.line)
    for value, what in taken:
        ev.demand(value, f"{what} of {type(rule).__name__}")
    ev.precision = max(ev.precision, precision.of_layer(rule))
    node = LayerNode([*inputs, *extra], outputs, ev.line, rule, layer.use, options)
    CURRENT[-1].add(node)
    unmasking.heed(ev, node)
    kind = getattr(rule, "activation", None) if type(rule).__name__ == "Activation" else None
    if type(rule).__name__ == "Softmax" and rule.axis == -1 and len(inputs) == 1:  # type: ignore[attr-defined]
        kind = "softmax"
    if kind in ("softmax", "sigmoid"):
        outputs[0].logits, outputs[0].activation = inputs[0], kind
    result = rule.result(outputs, *args)
    activation = getattr(rule, "activation", None)
    if activation is not None and not rule.activates_inside:
        result = activations.apply(ev, activation, outputs[0], layer.use)
    remark = getattr(rule, "remark", None)
    if remark is not None:
        ev.note(*remark)
    result = _penalized(ev, layer, result)
    layer.calls.append((inputs, result))
    return result


def _otherwise(ev: Interpreter, layer: LayerValue, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """A layer with weights that are set; RNN around cells that do not make one module of PyTorch's."""
    from kt_translate.evaluate import layer_weights, recurrent

    if layer.replaced:
        return layer_weights.called(ev, layer, args[0])
    try:
        result = recurrent.run(ev, layer, args, kwargs)
    except RuleError as error:
        ev.note(error.code, error.message, error.hint)
        return Unknown(error.message, ev.line)
    layer.calls.append((tensors_in(args[0]), result))
    return result


def is_missing_one(inputs: Any) -> bool:
    """Whether something among the inputs, beside tensors, is not known: data, or what nothing tells."""
    if isinstance(inputs, (list, tuple)):
        return any(map(is_missing_one, inputs))
    return isinstance(inputs, (Unknown, Array))


def _penalized(ev: Interpreter, layer: LayerValue, result: Any) -> Any:
    """What comes out, watched by the layer's ``activity_regularizer`` if it has one."""
    penalty = layer.rule.common.activity_regularizer or getattr(
        layer.rule, "activity_regularizer", None
    )
    if penalty is None or isinstance(layer.rule, ActivityRegularization):
        return result
    try:
        own = weight_code.is_own(penalty) and isinstance(result, Tensor)
        rule = activity_penalty(weight_code.of_output(ev, penalty, result) if own else penalty)
    except RuleError as error:
        weight_code.left_out(ev, f"the activity_regularizer of {type(layer.rule).__name__}", error)
        return result
    use = ModuleUse("activity_regularization", line=ev.line)
    use.region = CURRENT[-1]
    use.part_of = layer.use
    watch = LayerValue(rule, use, ev.line)
    return map_tensors(lambda t: call_layer(ev, watch, [t], {}), result)


def set_mode(ev: Interpreter, use: ModuleUse, training: Any) -> None:
    """``training=`` in a call. In a graph of Keras 3 it has no effect: fit and predict say it anew."""
    if not isinstance(training, (bool, Sym)) or follows_mode(training):
        return
    if ev.calling or ev.flavour == "2":
        use.mode = training
    else:
        ev.note(
            "KT207",
            f"training={training} in a graph: in Keras 3, fit, evaluate and predict override it",
        )


# -- models ---------------------------------------------------------------------------------------


def plan_of(model: ModelValue) -> Plan:
    """The class that a model becomes; the same for every call, and for its copies."""
    original = model.original
    if model.plan is None and original is not None and original.outputs is model.outputs:
        model.plan = plan_of(original)
    if model.plan is None:
        model.plan = Plan(
            model.variable or (model.name if isinstance(model.name, str) else None) or "model",
            "model",
            model.region,  # type: ignore[arg-type]
            tensors_in(model.inputs),
            model.outputs,
            container=model.kind,
            line=model.line,
        )
    return model.plan  # type: ignore[no-any-return]
