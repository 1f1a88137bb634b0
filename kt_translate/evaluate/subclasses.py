"""Objects of the source's own layers and models: making them, calling them, and what the source asks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import (
    assumed,
    extended,
    first_calls,
    joining,
    layer_parts,
    model_calls,
    model_ends,
    own_classes,
    own_masks,
    policies,
    sequential,
    told_sizes,
    unmasking,
)
from kt_translate.evaluate import models as models_module
from kt_translate.evaluate.constructors import ROOTS, WRAPPER, base_of, own_penalty, takes_inputs
from kt_translate.evaluate.general import outer_result
from kt_translate.evaluate.open_sizes import of_own_class
from kt_translate.evaluate.own_weights import add_weight
from kt_translate.evaluate.values import (
    Array,
    Class,
    Function,
    Instance,
    LayerValue,
    ModelValue,
    Native,
    Unknown,
    map_tensors,
)
from kt_translate.graph.conditions import TRAINING, follows_mode
from kt_translate.graph.lists import TensorList
from kt_translate.graph.nodes import CallNode, ModuleUse, WeightNode, two_ways
from kt_translate.graph.objects import snake_case
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import Sym, substitute
from kt_translate.graph.tensor import Layout, Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

FITS = ("fit", "predict", "evaluate", "fit_generator", "train_on_batch", "predict_on_batch")
OUTSIDE = ("set_weights", "get_weights", "summary", "save", "load_weights")  # change no module


# -- instances ------------------------------------------------------------------------------------


def make_instance(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Instance:
    """An object of a Keras class of the source. Its constructor runs when something is asked of it."""
    args, kwargs = of_own_class(ev, cls, args, kwargs)
    instance = Instance(cls, {}, args, kwargs, ev.line, pending=True)
    instance.use = ModuleUse(snake_case(cls.name), kwargs.get("name"), line=ev.line)
    instance.use.region = CURRENT[-1]
    instance.use.in_place = (ev.file, ev.line) in ev.given_up
    ev.made.setdefault(id(cls.node), []).append(instance)
    return instance


def is_own_build(found: Any) -> bool:
    """Whether a method ``build`` takes no shape, as one that makes a model. Only Keras 3 hides what such a one gives."""
    if not isinstance(found, Function):
        return False
    params = found.node.params
    return len(params.params) == 1 and not isinstance(params.star_arg, cst.Param)


def is_ready(instance: Instance, name: str) -> bool:
    """Whether what is asked of an object, a method, hangs on nothing that its constructor does."""
    own = isinstance(instance.cls.lookup(name), Function)
    return own or (instance.use is not None and name in OUTSIDE)


def settle(ev: Interpreter, instance: Instance) -> None:
    """Run the constructor on the arguments given, for what the source reads off the object."""
    if not instance.pending:
        return
    models = len(ev.models)
    CURRENT.append(Region())
    try:
        _construct(ev, instance)
    finally:
        CURRENT.pop()
        del ev.models[models:]


def _construct(ev: Interpreter, instance: Instance) -> None:
    """Run the constructor, the source's own or Keras's."""
    instance.pending = False
    init = instance.cls.lookup("__init__")
    if isinstance(init, Function):
        ev.run_method(init, instance, instance.args, instance.kwargs)
    else:
        builtin_part(ev, instance, "__init__").call(ev, *instance.args, **instance.kwargs)


def layer_method(ev: Interpreter, instance: Instance, name: str) -> Any:
    """What every Keras layer has: ``add_weight`` and the like."""
    assert instance.use is not None
    if name in ("add_weight", "add_variable"):
        return Native(name, lambda ev, *a, **k: add_weight(ev, instance, a, k))
    if name in ("add_loss", "add_metric"):
        return Native(name, lambda ev, *a, **k: ev.note("KT401", f"{name}() is left out"))
    if name == "built":
        return True
    if name in ("losses", "metrics", "weights", "variables"):
        return Unknown(f"{name} of a layer", ev.line)
    if name.endswith("trainable_weights"):
        return []  # the weights are known by where they are made
    if name in ("inputs", "input", "outputs", "output") and base_of(instance.cls) == "keras.Model":
        return model_ends.of_object(ev, instance, name)
    if name in ("input", "output") and instance.calls:
        return instance.calls[0][2] if name == "output" else instance.calls[0][1][0]
    if name == "name":
        said = None if ev.under_way else instance.use.keras_name  # of a class, each has its own
        return said or Unknown("an automatic name", ev.line)
    if name.lstrip("_").startswith(("dtype", "compute_dtype", "variable_dtype")):
        return policies.full() if name.endswith("policy") else policies.FULL
    if name == "supports_masking":
        return isinstance(instance.cls.lookup("compute_mask"), Function)
    if name == "build":
        return Native(name, lambda ev, *a, **k: _build(ev, instance, *a, **k))
    if name == "compile":
        return Native(name, lambda ev, *a, **k: _compile(ev, instance, a, k))
    if name in FITS:
        return Native(name, lambda ev, *a, **k: _fit(ev, instance, name, a, k))
    if name == "__call__":
        return Native(name, lambda ev, *a, **k: call_instance(ev, instance, list(a), k))
    if name in ("compute_output_shape", *OUTSIDE):
        return Native(name, lambda ev, *a, **k: Unknown(f"the result of {name}", ev.line))
    own = extended_part(ev, instance)
    if name == "compute_mask" and isinstance(own, LayerValue) and hasattr(own.rule, "mask_zero"):
        return Native(name, lambda ev, inputs, mask=None: extended.mask_of(ev, own.rule, inputs))
    if name == "compute_mask":
        return Native(name, lambda ev, inputs=None, mask=None: mask)
    if isinstance(own, LayerValue):
        found = extended.attribute(ev, instance, own, name)
        if found is not None:
            return found
        found = layer_parts.attribute(ev, own, name)
        return None if isinstance(found, Unknown) else found
    return sequential.part(ev, own, name)


def extended_part(ev: Interpreter, instance: Instance) -> Any:
    """The layer or model of Keras's that an object is; None where it is of a class of its own."""
    return assumed.settled(ev, instance.attributes.get("super()"))


def builtin_part(ev: Interpreter, instance: Instance, name: str) -> Any:
    """``super().<name>`` where the base is Keras's: ``__init__`` and ``call`` of a built-in layer, else nothing."""
    if name == "__init__":
        called = f"{base_of(instance.cls)}.{name}"
        return Native(called, lambda ev, *a, **k: _start(ev, instance, list(a), k))
    if name in ("call", "__call__"):
        own = extended_part(ev, instance)
        if isinstance(own, LayerValue):
            return Native(name, lambda ev, *a, **k: extended.called(ev, instance, list(a), k))
        if isinstance(own, ModelValue):
            return Native(name, lambda ev, *a, **k: model_calls.call_model(ev, own, list(a), k))
    found = None if name in ("build", "compile", *FITS) else layer_method(ev, instance, name)
    return found if found is not None else Native(f"super().{name}", lambda ev, *a, **k: None)


def _start(ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]) -> None:
    """``super().__init__(...)``: the built-in layer that is extended, or a model between tensors."""
    base = base_of(instance.cls) or ""
    if base == WRAPPER:
        instance.attributes["layer"] = args[0] if args else kwargs.get("layer")
    if base in ROOTS:
        own_penalty(ev, instance, kwargs)
        if (model := sequential.of_class(ev, base, args, kwargs)) is not None:
            instance.attributes["super()"] = model
        return
    layer = models_module.make_layer(ev, base.split(".")[-1], args, kwargs)
    if isinstance(layer, LayerValue):
        layer.use.hint = snake_case(base.split(".")[-1])
        instance.attributes["super()"] = layer


# -- what tells the sizes of inputs ---------------------------------------------------------------


def _build(ev: Interpreter, instance: Instance, *args: Any, **kwargs: Any) -> None:
    """``model.build(shape)``: as if it were called on inputs of this shape. A part of another class will be called."""
    if ev.under_way:
        return
    shape = args[0] if args else next(iter(kwargs.values()), None)
    inputs = _inputs_of_shape(shape)
    if inputs is not None and takes_inputs(instance.cls):
        elsewhere(ev, instance, inputs)


def _inputs_of_shape(shape: Any) -> Any:
    """Tensors of these shapes (with the batch axis); None where they are not known."""
    if isinstance(shape, dict):
        parts = {k: _inputs_of_shape(v) for k, v in shape.items()}
        return None if None in parts.values() else parts
    if not isinstance(shape, (list, tuple)) or not shape:
        return None
    if isinstance(shape[0], (list, tuple)):
        found = [_inputs_of_shape(s) for s in shape]
        return None if None in found else found
    if any(isinstance(d, Unknown) for d in shape):
        return None
    layout = Layout.FIRST if len(shape) >= 4 else Layout.LAST
    return Tensor((None, *shape[1:]), "float32", layout)


def _fit(ev: Interpreter, instance: Instance, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """``model.fit(x, ...)``: the data tell the sizes of the inputs, where nothing else does."""
    inputs = as_tensors(args[0] if args else kwargs.get("x"))
    if tensors_in(inputs) and not instance.calls and takes_inputs(instance.cls):
        elsewhere(ev, instance, inputs)
    if name.startswith(("fit", "train")):
        ev.note("KT401", f"{name}() is left out")
    return Unknown(f"the result of {name}", ev.line)


def _compile(ev: Interpreter, instance: Instance, args: Any, kwargs: dict[str, Any]) -> None:
    third = ("loss_weights", "metrics") if ev.flavour == "3" else ("metrics", "loss_weights")
    given = dict(zip(("optimizer", "loss", *third), args), **kwargs)
    ev.compiled.append((instance, ev.main_line, given))


def elsewhere(ev: Interpreter, instance: Instance, inputs: Any) -> None:
    """Call an object on inputs outside of everything, to know its sizes."""
    with own_classes.by_itself(instance):
        call_instance(ev, instance, list(inputs) if isinstance(inputs, Several) else [inputs], {})


class Several(tuple):  # type: ignore[type-arg]
    """Inputs that are arguments of their own."""


def as_tensors(value: Any) -> Any:
    """Data whose shapes are known, as tensors."""
    if isinstance(value, Array):
        if not value.shape or any(isinstance(d, Unknown) for d in value.shape):
            return value
        layout = Layout.FIRST if len(value.shape) >= 4 else Layout.LAST
        dtype = "float32" if value.dtype.startswith("float") else value.dtype
        return Tensor((None, *value.shape[1:]), dtype, layout)
    if isinstance(value, (list, tuple)):
        return type(value)(map(as_tensors, value)) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {k: as_tensors(v) for k, v in value.items()}
    return value


# -- calls ----------------------------------------------------------------------------------------


def call_instance(
    ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]
) -> Any:
    """``layer(x)``: an instance of the class of the layer's class, called."""
    args, kwargs = [as_tensors(a) for a in args], {k: as_tensors(v) for k, v in kwargs.items()}
    if not tensors_in([args, kwargs]):
        return Unknown("a layer called on what is not known", ev.line)
    training = kwargs.get("training")
    if isinstance(training, Sym) and not follows_mode(training):
        training = ev.demand(training, f"training of {instance.cls.name}")
    if isinstance(training, bool) and instance.use is not None:
        instance.use.mode = training
    given = call_arguments(ev, instance, args, kwargs)
    with own_masks.seen(instance, given):
        return _call(ev, instance, given)


def _call(ev: Interpreter, instance: Instance, given: dict[str, Any]) -> Any:
    assert instance.use is not None
    if instance.use.in_place and not instance.alone:
        return _inlined(ev, instance, given)
    plan = own_classes.plan_of_instance(ev, instance, given)
    tensors = tensors_in(list(given.values()))
    if isinstance(instance.cls.lookup("call"), Function):
        # Without a method of its own it is a model, which its constructor has built of these.
        tensors = [*tensors_in(list((instance.bound or {}).values())), *tensors]
    if plan is None:
        return Unknown(f"the result of {instance.cls.name}", ev.line)
    if plan is own_classes.IN_PLACE:
        return _inlined(ev, instance, given)
    first_calls.check(ev, instance, plan, tensors)
    table = own_classes.table_of(plan, instance, tensors)
    table |= zip(plan.asked, told_sizes.told(given))
    for said, _ in plan.demands:
        if said.symbols == {TRAINING}:  # each module has a mode of its own
            continue
        ev.demand(substitute(said, table), f"a setting of {instance.cls.name}")
    gives = plan.result if plan.beside is None else plan.beside
    for tensor in tensors_in(gives) if not instance.alone else []:
        if isinstance(tensor, TensorList):  # how many there are is for entries alone
            tensor.refuse()
    results = map_tensors(lambda t: outer_result(joining.in_call(t, table), table), gives)
    results = told_sizes.for_caller(results, table)
    own_masks.set_results(ev, instance, plan, given, results, tensors)
    entering = own_classes.entering(plan, tensors)
    CURRENT[-1].add(CallNode(entering, tensors_in(results), ev.line, plan, instance.use, table))
    unmasking.take_off(ev, [tensors[i] for i in plan.unmasked])
    instance.calls.append((plan, entering, results))
    return results


def call_arguments(
    ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """What ``call`` is given, by the names of its parameters and in their order; ``training`` is not among it."""
    call = instance.cls.lookup("call")
    if not isinstance(call, Function):
        names = ["inputs", *(f"input_{i}" for i in range(1, len(args)))]
        return {**dict(zip(names, args)), **{k: v for k, v in kwargs.items() if k != "training"}}
    params = call.node.params
    order = [p.name.value for p in (*params.posonly_params, *params.params)][1:]
    order += [p.name.value for p in params.kwonly_params]
    if "training" not in order and params.star_kwarg is None:  # Keras keeps it to itself
        kwargs = {k: v for k, v in kwargs.items() if k != "training"}
    bound = ev.bind_method(call, instance, args, kwargs)
    said = {*order[: len(args)], *kwargs}  # where it matters, what is not known is told
    given = {
        n: bound[n]
        for n in order
        if n != "training" and not _is_default(call, n, bound[n], n in said)
    }
    star = params.star_arg
    rest = bound.get(star.name.value, ()) if isinstance(star, cst.Param) else ()
    for i, value in enumerate(rest):
        given[f"*{i}"] = value
    named = bound[params.star_kwarg.name.value] if params.star_kwarg is not None else {}
    return given | {n: None if n == "training" else v for n, v in named.items()}  # the mode tells


def _is_default(call: Function, name: str, value: Any, said: bool) -> bool:
    missing = isinstance(value, Unknown) and not said
    return missing or (name in call.defaults and call.defaults[name] is value)


def _inlined(ev: Interpreter, instance: Instance, given: dict[str, Any]) -> Any:
    """The layer's code in place, where no class of its own can say what it does."""
    assert instance.use is not None
    nodes, before = CURRENT[-1].nodes, len(CURRENT[-1].nodes)
    if instance.pending:
        _construct(ev, instance)
    result = run_call(ev, instance, given)
    if instance.use.in_place and any(isinstance(n, WeightNode) for n in nodes[before:]):
        ev.note("KT203", *two_ways(instance.cls.name))  # its weights have no other place
        return Unknown("a layer that is called in two ways", ev.line)
    return result


def parameter_names(call: Function) -> list[str]:
    return [p.name.value for p in (*call.node.params.params, *call.node.params.kwonly_params)]


def run_call(ev: Interpreter, instance: Instance, given: dict[str, Any]) -> Any:
    """``build`` on the shapes of the inputs, where it has not run yet, and ``call``."""
    cls = instance.cls
    assert instance.use is not None
    first = next(iter(given.values()), None)
    instance.attributes[extended.INPUT] = first
    if base_of(cls) == WRAPPER and isinstance(wrapped := instance.attributes["layer"], LayerValue):
        wrapped.built_on = tensors_in(first)
    build = cls.lookup("build")
    if isinstance(build, Function) and not instance.built:
        first_calls.build(ev, instance, build, given)
    call = cls.lookup("call")
    if not isinstance(call, Function):
        return builtin_part(ev, instance, "call").call(ev, *given.values())
    names = parameter_names(call)
    more = [v for k, v in given.items() if k.startswith("*")]
    named = {k: v for k, v in given.items() if not k.startswith("*")}
    hidden = ev.flavour == "2" and call.node.params.star_kwarg is not None  # in **kwargs
    if "training" in names or "training" in named or hidden:
        named["training"] = Sym.of(TRAINING) if instance.use.mode is None else instance.use.mode
    masks = [t.mask for t in tensors_in(first)]
    if named.get("mask") is None and ("mask" in names or (hidden and any(masks))):
        named["mask"] = masks[0] if isinstance(first, Tensor) else masks if any(masks) else None
    places = [named.pop(n) for n in names[1:] if n in named] if more else []
    ev.calling += 1
    try:
        result = ev.run_method(call, instance, [*places, *more], named)
    finally:
        ev.calling -= 1
    if instance.attributes.get("supports_masking") is True and isinstance(first, Tensor):
        for tensor in tensors_in(result):
            tensor.mask = tensor.mask or first.mask
    return result
