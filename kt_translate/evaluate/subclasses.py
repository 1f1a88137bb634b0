"""The source's own layers and models: their ``__init__``, ``build`` and ``call``, evaluated for all arguments at once.

Each becomes a class of its own. What the constructor is given becomes its parameters; what Keras finds at build time,
the sizes of the inputs, becomes parameters too.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import models as models_module
from kt_translate.evaluate.general import annotation, fresh_input, is_number, kind_of, outer_result, tensors_only
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import (
    Class,
    Function,
    Instance,
    LayerValue,
    Native,
    Unknown,
    map_tensors,
    plain,
)
from kt_translate.graph.nodes import CallNode, ModuleUse, Param, Plan, WeightNode
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import Sym, Symbol, key_of, known, same, substitute
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.layers.layer import REGISTRY, snake_case

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

TRAINING = Symbol("training", False, "mode")
TRAINING.spelled = "self.training"
LAYER_ARGUMENTS = ("name", "trainable", "dtype", "input_shape", "batch_input_shape", "dynamic", "autocast")


def base_of(cls: Class) -> str | None:
    """``keras.Layer``, ``keras.Model``, or the built-in layer that a class of the source extends."""
    path = cls.keras_base()
    if path is None:
        return None
    return path if path in ("keras.Layer", "keras.Model") or path.split(".")[-1] in REGISTRY else None


# -- instances ------------------------------------------------------------------------------------


def make_instance(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Instance:
    """An object of a Keras class of the source. Its constructor runs when something is asked of it."""
    instance = Instance(cls, {}, args, kwargs, ev.line)
    instance.use = ModuleUse(snake_case(cls.name), kwargs.get("name"), line=ev.line)
    instance.use.region = CURRENT[-1]
    instance.pending = True
    return instance


def settle(ev: Interpreter, instance: Instance) -> None:
    """Run the constructor on the arguments given, for what the source reads off the object."""
    if not instance.pending:
        return
    instance.pending = False
    init = instance.cls.lookup("__init__")
    if isinstance(init, Function):
        CURRENT.append(Region())
        try:
            ev.run_method(init, instance, instance.args, instance.kwargs)
        finally:
            CURRENT.pop()


def layer_method(ev: Interpreter, instance: Instance, name: str) -> Any:
    """What every Keras layer has: ``add_weight`` and the like."""
    if name in ("add_weight", "add_variable"):
        return Native(name, lambda ev, *a, **k: add_weight(ev, instance, a, k))
    if name in ("add_loss", "add_metric"):
        return Native(name, lambda ev, *a, **k: ev.note("KT401", f"{name}() is left out"))
    if name == "built":
        return True
    if name in ("losses", "metrics", "weights", "trainable_weights", "variables"):
        return Unknown(f"{name} of a layer", ev.line)
    if name == "name":
        return instance.use.keras_name or Unknown("an automatic name", ev.line)
    if name in ("compute_mask", "compute_output_shape", "set_weights", "get_weights", "build", "__call__"):
        return Native(name, lambda ev, *a, **k: Unknown(f"the result of {name}", ev.line))
    return None


def builtin_part(ev: Interpreter, instance: Instance, name: str) -> Any:
    """``super().<name>`` where the base is Keras's: ``__init__`` and ``call`` of a built-in layer, else nothing."""
    base = base_of(instance.cls) or ""
    kind = base.split(".")[-1]
    if kind in REGISTRY and base not in ("keras.Layer", "keras.Model"):
        if name == "__init__":

            def start(ev: Interpreter, *args: Any, **kwargs: Any) -> None:
                layer = models_module.make_layer(ev, kind, list(args), kwargs)
                if isinstance(layer, LayerValue):
                    layer.use.hint = kind.lower()
                    instance.attributes["super()"] = layer

            return Native(name, start)
        if name in ("call", "__call__"):
            layer = instance.attributes.get("super()")
            if isinstance(layer, LayerValue):
                return Native(name, lambda ev, *a, **k: models_module.call_layer(ev, layer, list(a), k))
    found = layer_method(ev, instance, name)
    return found if found is not None else Native(f"super().{name}", lambda ev, *a, **k: None)


def add_weight(ev: Interpreter, instance: Instance, args: Any, kwargs: dict[str, Any]) -> Any:
    """A weight of the layer's own. Old Keras has the name first."""
    first = "name" if args and isinstance(known(args[0]), str) else "shape"
    order = ("name", "shape", "dtype", "initializer") if first == "name" else ("shape", "initializer", "dtype", "trainable")
    given = dict(zip(order, args), **kwargs)
    shape = given.get("shape", ())
    if isinstance(shape, (int, Sym)) and not isinstance(known(shape), (tuple, list)):
        shape = (shape,)
    if isinstance(shape, Sym):
        shape = tuple(Sym.index(shape, i) for i in range(len(shape.value)))
    if not isinstance(shape, (tuple, list)) or any(d is None or isinstance(d, Unknown) for d in shape):
        ev.note("KT303", "the shape of this weight is not known")
        return Unknown("a weight of unknown shape", ev.line)
    if given.get("regularizer") is not None or given.get("constraint") is not None:
        ev.note("KT203", "add_weight(regularizer=..., constraint=...) is not supported")
    tensor = Tensor(tuple(shape), str(given.get("dtype") or "float32"))
    name = given.get("name")
    tensor.name = None
    use = ModuleUse("weight", None, name if isinstance(name, str) else None, line=ev.line)
    use.region = CURRENT[-1]
    use.frozen = given.get("trainable") is False
    CURRENT[-1].add(WeightNode([], [tensor], ev.line, use, given.get("initializer")))
    return tensor


# -- calls ----------------------------------------------------------------------------------------


def call_instance(ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``layer(x)``: an instance of the class of the layer's class, called."""
    tensors = tensors_in([args, kwargs])
    if not tensors:
        return Unknown("a layer called on what is not known", ev.line)
    options = {k: v for k, v in kwargs.items() if k != "training"}
    if kwargs.get("training") in (True, False):
        instance.use.mode = kwargs["training"]
    flat = [t.mask for t in tensors if t.mask is not None]
    if flat or any(t.flattened is not None for t in tensors):
        return _inlined(ev, instance, args, kwargs)
    plan = plan_of_instance(ev, instance, args, options)
    if plan is None:
        return Unknown(f"the result of {instance.cls.name}", ev.line)
    table = _table(plan, instance, tensors)
    results = map_tensors(lambda t: outer_result(t, table), plan.result)
    CURRENT[-1].add(CallNode(tensors, tensors_in(results), ev.line, plan, instance.use, table))
    return results


def _inlined(ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The layer's code in place, where masks come into it."""
    if instance.pending:
        instance.pending = False
        init = instance.cls.lookup("__init__")
        if isinstance(init, Function):
            ev.run_method(init, instance, instance.args, instance.kwargs)
    return _run_call(ev, instance, args, kwargs)


def _run_call(ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``build`` on the shapes of the inputs, where it has not run yet, and ``call``."""
    cls = instance.cls
    build = cls.lookup("build")
    if isinstance(build, Function) and not instance.built:
        instance.built = True
        shapes = map_tensors(lambda t: t.shape, args[0] if args else next(iter(kwargs.values()), None))
        ev.run_method(build, instance, [shapes], {})
    call = cls.lookup("call")
    if not isinstance(call, Function):
        return builtin_part(ev, instance, "call").call(ev, *args, **kwargs)
    names = [p.name.value for p in (*call.node.params.params, *call.node.params.kwonly_params)]
    given = dict(kwargs)
    if "training" in names and given.get("training") is None:
        given["training"] = Sym.of(TRAINING)
    if "mask" in names and given.get("mask") is None:
        masks = [t.mask for t in tensors_in(args[:1])]
        given["mask"] = masks[0] if len(masks) == 1 else None
    result = ev.run_method(call, instance, args, given)
    inputs = tensors_in(args)
    if instance.attributes.get("supports_masking") is True and isinstance(result, Tensor) and inputs:
        result.mask = result.mask or inputs[0].mask
    return result


def plan_of_instance(ev: Interpreter, instance: Instance, args: list[Any], kwargs: dict[str, Any]) -> Plan | None:
    """The class for a call; the same for all calls and objects that differ in numbers only."""
    cls = instance.cls
    bound = instance.bound = constructor_arguments(ev, cls, instance.args, instance.kwargs)
    key = (
        id(cls.node),
        *((n, kind_of(v)) for n, v in sorted(bound.items())),
        *(kind_of(a) if tensors_in(a) else key_of(a) for a in args),
        *((k, kind_of(v) if tensors_in(v) else key_of(v)) for k, v in sorted(kwargs.items())),
    )
    if key in ev.under_way:
        return None
    for plan in ev.plans.setdefault(key, []):
        table = _table(plan, instance, tensors_in([args, kwargs]))
        if all(same(substitute(said, table), value) for said, value in plan.demands):
            return plan  # type: ignore[no-any-return]
    plan = _make(ev, instance, bound, args, kwargs, key)
    if plan is not None:
        ev.plans[key].append(plan)
        ev.class_plans.setdefault(id(cls.node), []).append((plan, instance, tensors_in([args, kwargs])))
    return plan


def constructor_arguments(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """What ``__init__`` is given, by name, without what every Keras layer takes."""
    init = cls.lookup("__init__")
    if isinstance(init, Function):
        bound = ev.bind_method(init, None, args, kwargs)
        params = init.node.params
        first = next(iter(p.name.value for p in (*params.posonly_params, *params.params)), None)
        bound.pop(first, None)
        if params.star_kwarg is not None:
            bound.pop(params.star_kwarg.name.value, None)
        return {k: v for k, v in bound.items() if k not in ("name", "dtype", "trainable")}
    names = [n for n, _ in _signature(cls)]
    given = dict(zip(names, args), **kwargs)
    return {k: v for k, v in given.items() if k not in LAYER_ARGUMENTS}


def _signature(cls: Class) -> list[tuple[str, Any]]:
    kind = (base_of(cls) or "").split(".")[-1]
    return REGISTRY[kind].signature() if kind in REGISTRY else []


def declared(ev: Interpreter, cls: Class, name: str, sample: Any) -> tuple[str | None, str]:
    """Default and annotation of a constructor's parameter, as text."""
    init = cls.lookup("__init__")
    if isinstance(init, Function):
        if name in init.defaults:
            default = init.defaults[name]
            text = repr(known(default)) if plain(known(default)) else None
            return text, annotation(default if default is not None else sample, default is None)
        return None, annotation(sample)
    default = dict(_signature(cls)).get(name, inspect.Parameter.empty)
    return (repr(default) if plain(default) else None), annotation(sample)


def _make(
    ev: Interpreter, instance: Instance, bound: dict[str, Any], args: list[Any], kwargs: dict[str, Any], key: Any
) -> Plan | None:
    """Evaluate constructor, ``build`` and ``call`` on symbols. None, with a diagnostic, where there is no result."""
    cls = instance.cls
    names = set(bound)
    params: list[Param] = []
    sizes: list[Param] = []
    inputs: list[Tensor] = []
    inner: dict[str, Any] = {}
    for name, value in bound.items():
        if is_number(value):
            symbol = Symbol(name, known(value), "param")
            params.append(Param(symbol, *declared(ev, cls, name, symbol.value)))
            inner[name] = Sym.of(symbol)
        else:
            inner[name] = value
    several = len(tensors_in([args, kwargs])) > 1
    method = cls.lookup("call")
    call_names = (
        [p.name.value for p in method.node.params.params][1:] if isinstance(method, Function) else ["inputs"]
    )

    def entering(value: Any, name: str) -> Any:
        return map_tensors(lambda t: fresh_input(t, name, several, names, sizes, inputs), value)

    call_args = [entering(a, call_names[i] if i < len(call_names) else "x") for i, a in enumerate(args)]
    call_kwargs = {k: entering(v, k) for k, v in kwargs.items()}
    me = Instance(cls, {}, [], {}, instance.line)
    me.use, me.pending = instance.use, False
    region = Region()
    before, errors, models = len(ev.demands), ev.log.errors, len(ev.models)
    CURRENT.append(region)
    ev.under_way.add(key)
    ev.quiet += 1
    try:
        init = cls.lookup("__init__")
        if isinstance(init, Function):
            ev.run_method(init, me, [], inner)
        else:
            builtin_part(ev, me, "__init__").call(ev, **inner)
        result = _run_call(ev, me, call_args, call_kwargs)
    except (Raised, LimitReached, Break, Continue, NotGeneral) as error:
        ev.note("KT302", f"{cls.name}: {error}")
        return None
    finally:
        ev.quiet -= 1
        ev.under_way.discard(key)
        CURRENT.pop()
        demands, ev.demands[before:] = ev.demands[before:], []
    for model in ev.models[models:]:
        models_module.plan_of(model).inline = True
    del ev.models[models:]
    if not tensors_in(result) or not tensors_only(result):
        if ev.log.errors == errors:
            ev.note("KT302", f"what {cls.name}.call returns is not known")
        return None
    plan = Plan(cls.name, "layer", region, inputs, result, [*sizes, *params], line=cls.line)
    plan.container = snake_case(cls.name)
    plan.demands = [(said, value) for said, value in demands if isinstance(said, Sym)]
    plan.numbers = {p.symbol: p.symbol.name for p in params}
    plan.gap = ev.log.errors > errors
    return plan


def _table(plan: Plan, instance: Instance, tensors: list[Tensor]) -> dict[Symbol, Any]:
    """What each symbol of a plan is for an object and a call of it."""
    table: dict[Symbol, Any] = {}
    given = instance.bound or {}
    for symbol, name in plan.numbers.items():
        if name in given:
            table[symbol] = given[name]
    for inner, outer in zip(plan.inputs, tensors, strict=True):
        for a, b in zip(inner.shape, outer.shape, strict=True):
            if isinstance(a, Sym):
                table[a.args[0]] = b
    return table
