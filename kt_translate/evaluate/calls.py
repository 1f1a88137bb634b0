"""Calls and attributes of every kind of value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import (
    activations,
    array_functions,
    assumed,
    attributes,
    choices,
    constructors,
    copies,
    data,
    entries,
    enums,
    extended,
    external,
    general,
    indexing,
    kept_functions,
    lambdas,
    layer_parts,
    model_calls,
    model_ends,
    model_parts,
    models,
    modules,
    numbers,
    records,
    subclasses,
    tensors,
    text,
    views,
)
from kt_translate.evaluate.guards import guarded
from kt_translate.evaluate.own_weights import initial_value
from kt_translate.evaluate.signals import Raised, as_the_source_would
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import (
    Array,
    Class,
    External,
    Function,
    Instance,
    LayerValue,
    Method,
    ModelValue,
    Module,
    Native,
    Partial,
    Scope,
    Super,
    Unknown,
    holds_opaque,
    items_of,
    models_in,
    name_value,
    opaque,
    plain,
)
from kt_translate.graph.choice import Choice
from kt_translate.graph.objects import ActivationSaid, KerasObject, named_initializer
from kt_translate.graph.sym import Spaced, Sym, known
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.source.walk import is_generator

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def text_of(value: Any) -> Any:
    return value if not plain(value) else str(value)


# -- attributes -----------------------------------------------------------------------------------


def attribute(ev: Interpreter, owner: Any, name: str) -> Any:
    """``owner.name``."""
    if isinstance(owner, Choice):
        return choices.mapped(ev, owner, lambda one: attribute(ev, one, name))
    if isinstance(owner, External):
        return (
            external.version(ev, owner.path)
            if name == "__version__"
            else external.member(owner, name)
        )
    if isinstance(owner, Instance):
        if name in ("__dict__", "__class__"):
            return owner.attributes if name == "__dict__" else owner.cls
        if owner.pending and not subclasses.is_ready(owner, name):
            subclasses.settle(ev, owner)
        if name in owner.attributes:
            return views.read(ev, owner, name)
        found = owner.cls.lookup(name)
        if name == "build" and owner.pending and not subclasses.is_own_build(found):
            # of a part: its first call builds it
            found = None if not ev.under_way else Native(name, lambda ev, *a, **k: None)
        if found is None and owner.use is not None:
            found = subclasses.layer_method(ev, owner, name)
        if isinstance(found, Function):
            return _bound(ev, found, owner)
        if found is None and not extended.is_off(owner, name):
            return Unknown(f"attribute {name} of {owner.cls.name}", ev.line)
        return found
    if isinstance(owner, Class):
        return attributes.of_class(ev, owner, name)
    if isinstance(owner, Function) and name == "__name__":
        return owner.name
    if isinstance(owner, Super):
        for base in owner.cls.mro()[1:]:
            if isinstance(base, Class) and isinstance(base.names.get(name), Function):
                return Method(base.names[name], owner.instance)
        if (own := records.of_super(owner.instance, name)) is not None:
            return own
        if isinstance(owner.instance, Instance) and owner.instance.use is not None:
            return subclasses.builtin_part(ev, owner.instance, name)
        if name == "__init__" and isinstance(owner.instance, Instance):
            return attributes.started(owner.instance)
        return Native(f"super().{name}", lambda ev, *a, **k: None)
    if isinstance(owner, Module):
        found = modules.member(ev, owner, name)
        return Unknown(f"{name} of {owner.name}", ev.line) if found is None else found
    if isinstance(owner, ModelValue):
        return model_parts.attribute(ev, owner, name)
    if isinstance(owner, LayerValue):
        return layer_parts.attribute(ev, owner, name)
    if isinstance(owner, lambdas.LambdaValue):
        return lambdas.attribute(ev, owner, name)
    if isinstance(owner, KerasObject):
        return attributes.of_object(owner, name)
    if isinstance(owner, Tensor):
        return tensors.attribute(ev, owner, name)
    if isinstance(owner, Array):
        return data.array_attribute(ev, owner, name)
    return _attribute_of_plain(ev, owner, name)


def _attribute_of_plain(ev: Interpreter, owner: Any, name: str) -> Any:
    """An attribute of what Python itself has, or of what is not known."""
    if (found := views.attribute(ev, owner, name)) is not NotImplemented:
        return found
    if isinstance(found := getattr(owner, "cls", None), Class):
        return records.attribute(ev, owner, found, name)
    if owner is None or isinstance(owner, (tuple, int, Sym)):
        found = tensors.shape_attribute(owner, name)
        if found is not NotImplemented:
            return found
    if isinstance(owner, Sym) and (said := attributes.of_setting(owner, name)) is not None:
        return said
    if isinstance(owner, Sym) and isinstance(owner.value, (str, list, tuple, dict)):
        ev.demand(owner, f".{name}")
        owner = numbers.array(owner.value) if isinstance(owner.value, Spaced) else owner.value
    if isinstance(owner, numbers.Numbers):
        found = array_functions.attribute(ev, owner, name)
        if found is not NotImplemented:
            return found
    if isinstance(owner, Unknown) and name == "reshape":
        return Native(name, lambda ev, *a: data.reshaped(owner, a))
    if isinstance(owner, (str, list, tuple, dict, set)) and hasattr(owner, name):
        return Native(name, lambda ev, *a, **k: _method(ev, owner, name, a, k))
    if isinstance(owner, (int, float)) and hasattr(owner, name):
        return getattr(owner, name)
    if name in tensors.ASSIGNMENTS and ev.under_way:
        ev.note("KT401", f"{name}() of a weight is left out")
    found = Unknown(f"attribute {name} of what is not known", ev.line)
    found.parts = (".", owner, name)
    return found


def _bound(ev: Interpreter, function: Function, owner: Instance) -> Any:
    if "staticmethod" in function.decorators:
        return function
    if "property" in function.decorators:
        return call_function(ev, function, [owner], {})
    return Method(function, owner.cls if "classmethod" in function.decorators else owner)


def _method(ev: Interpreter, owner: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    if isinstance(owner, str) and not (plain(args) and plain(kwargs)):
        if any(opaque(a) or holds_opaque(a) for a in (*args, *kwargs.values())):
            return Unknown("text of what is not known", ev.line)
        said = text.formatted(owner, list(args), kwargs) if name == "format" else None
        if name == "join" and isinstance(args[0], (list, tuple)):
            said = text.joined([p for a in args[0] for p in (owner, a)][1:])
        if said is not None:
            return said
        args = [_settled(ev, a) for a in args]
        kwargs = {k: _settled(ev, v) for k, v in kwargs.items()}
    if isinstance(owner, (list, tuple)) and name in _SEARCHES:
        return _search(ev, owner, name, args)
    if isinstance(owner, list) and name == "sort" and not plain([owner, kwargs]):
        return _sort(ev, owner, kwargs)
    if isinstance(owner, set):
        args = indexing.settled_items(ev, args)
    if isinstance(owner, (dict, list)) and args and name in ("get", "insert", "pop", "setdefault"):
        args = (indexing.settled_key(ev, args[0]), *args[1:])
    if isinstance(owner, list) and name == "extend" and args:
        items = items_of(args[0], None)
        args = (
            [Unknown("items of what is not known", ev.line, many=True)] if items is None else items,
        )
    if isinstance(owner, dict) and name == "update" and args:
        args = () if opaque(args[0]) else (copies.items_said(ev, args[0], owner),)
    with as_the_source_would():
        return getattr(owner, name)(*args, **kwargs)


_SEARCHES = ("count", "index", "remove")


def _search(ev: Interpreter, owner: Any, name: str, args: Any) -> Any:
    """``names.index(name)``: with settings on either side, where their samples tell."""
    items, wanted = (indexing.settled_items(ev, v) for v in (owner, args))
    with as_the_source_would():
        if name != "remove":
            return getattr(items, name)(*wanted)
        del owner[items.index(*wanted)]
    return None


def _sort(ev: Interpreter, owner: list[Any], by: dict[str, Any]) -> None:
    """``names.sort(key=...)``, of settings too."""
    from kt_translate.evaluate import ordering

    found = ordering.ordered(ev, owner, **by)
    unknown = Unknown("items sorted by what is not known", ev.line, many=True)
    owner[:] = [unknown] if found is None else found


def _settled(ev: Interpreter, value: Any) -> Any:
    """The sample of a value that a method of Python's own has to know."""
    for symbolic in value if isinstance(value, (list, tuple)) else [value]:
        ev.demand(symbolic, "text")
    return known(value)


# -- calls ----------------------------------------------------------------------------------------


def call(
    ev: Interpreter,
    function: Any,
    args: list[Any],
    kwargs: dict[str, Any],
    node: Any,
    scope: Scope | None,
) -> Any:
    """``function(*args, **kwargs)``."""
    if isinstance(function, Choice):
        return choices.call(ev, function, args, kwargs)
    if (done := choices.distributed(ev, function, args, kwargs)) is not NotImplemented:
        return done
    if isinstance(function, Native):
        return function.call(ev, *args, **kwargs)
    if isinstance(function, External):
        return external.call(ev, function.path, args, kwargs, node)
    if isinstance(function, Function):
        return call_function(ev, function, args, kwargs)
    if isinstance(function, Method):
        return call_function(ev, function.function, [function.instance, *args], kwargs)
    if isinstance(function, Partial):
        args, kwargs = [*function.args, *args], {**function.kwargs, **kwargs}
        return call(ev, function.function, args, kwargs, node, scope)
    if isinstance(function, LayerValue):
        return models.call_layer(ev, function, args, kwargs)
    if isinstance(function, ModelValue):
        return model_calls.call_model(ev, function, args, kwargs)
    if isinstance(function, lambdas.LambdaValue):
        return guarded(ev, lambda: lambdas.call_lambda(ev, function, args, kwargs))
    if isinstance(function, Sym) and isinstance(known(function), KerasObject):
        function = ev.demand(function, "what is called")
    if isinstance(function, KerasObject) and function.path.startswith("initializers."):
        return initial_value(function, args, kwargs)
    if isinstance(function, Class):
        return _instantiate(ev, function, args, kwargs)
    if isinstance(function, Instance):
        if function.use is not None:
            return subclasses.call_instance(ev, function, args, kwargs)
        method = function.cls.lookup("__call__")
        if isinstance(method, Function):
            return call_function(ev, method, [function, *args], kwargs)
    by_name = isinstance(function, (str, Sym)) and isinstance(known(function), str) and args
    is_none = isinstance(function, ActivationSaid) and known(function) is None
    if by_name or (is_none and tensors_in(args)):
        return _by_name(ev, function, args, kwargs, node)
    if isinstance(function, Sym) and assumed.speaks_of(ev, function):
        raise NotGeneral  # the branch for what this parameter is not here
    if tensors_in(args):
        ev.note("KT107", "what is called with a tensor here is not known")
    return Unknown("the result of a call of what is not known", ev.line)


def _by_name(ev: Interpreter, name: Any, args: list[Any], kwargs: dict[str, Any], node: Any) -> Any:
    """A call of what keras.activations.get or keras.initializers.get gives, or of a type of NumPy's."""
    if not tensors_in(args) and (made := named_initializer(known(name))) is not None:
        ev.demand(name, "an initializer")
        return initial_value(made, args, kwargs)
    if not tensors_in(args):
        return external.call(ev, f"numpy.{known(name)}", args, kwargs, node)
    if isinstance(name, Sym) and len(args) == 1:
        return activations.named(ev, name, args[0])
    return activations.activate(ev, name, args, kwargs)


def _instantiate(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if constructors.only_hooks(cls):
        ev.note("KT401", f"what {cls.name} changes within Keras's own layer is left out")
        return call(ev, External(str(cls.keras_base())), args, kwargs, None, None)
    if cls.members:
        return enums.by_value(ev, cls, *args)
    if (made := records.new(ev, cls, args, kwargs)) is not NotImplemented:
        return views.finished(made)
    own = constructors.of_own_training(ev, cls, args, kwargs)
    if own is not None:
        return models.make(ev, str(cls.keras_base()).split(".")[-1], *own)
    if (model := model_ends.between(ev, cls, args, kwargs)) is not None:
        return model
    if constructors.base_of(cls) is not None:
        return subclasses.make_instance(ev, cls, args, kwargs)
    instance = Instance(cls, {}, args, kwargs, ev.line)
    init = cls.lookup("__init__")
    if isinstance(init, Function):
        call_function(ev, init, [instance, *args], kwargs)
    return views.finished(instance)


def call_function(
    ev: Interpreter, function: Function, args: list[Any], kwargs: dict[str, Any]
) -> Any:
    """The result of a function of the source: by a class of its own where it takes tensors, else by running it here."""
    bound = bind_arguments(ev, function, args, kwargs)
    if is_generator(function.node):
        return Unknown("what a generator gives", ev.line, many=True)
    said = entries.as_said(bound)
    result = general.call_general(ev, function, said)
    if result is NotImplemented:
        result = kept_functions.call(ev, function, said)
    if result is NotImplemented:
        given = {name: views.as_given(value) for name, value in bound.items()}
        for name, value in bound.items():
            if isinstance(value, Unknown):
                name_value(value, name)
        result = ev.run_body(function, bound)
        if isinstance(result, ModelValue) and result.maker is None:
            result.maker = (function, given)
            _name_after_maker(ev, function)
        function.calls.append(
            (given, result, [(m.outputs, len(m.layers)) for m in models_in(result)])
        )
    return result


def _name_after_maker(ev: Interpreter, function: Function) -> None:
    """Several models of one function are of one class, as it seems, which is called by the function."""
    made = [m for m in ev.models if m.maker is not None and m.maker[0].node is function.node]
    for model in made if len(made) > 1 else ():
        model.made_by = function.name


def bind_arguments(
    ev: Interpreter, function: Function, args: list[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Parameter names -> values, as Python binds them. Raises Raised(TypeError) for arguments that do not fit."""
    params = function.node.params
    positional = [p.name.value for p in (*params.posonly_params, *params.params)]
    names: dict[str, Any] = dict(zip(positional, args))
    rest = args[len(positional) :]
    if isinstance(params.star_arg, cst.Param):
        names[params.star_arg.name.value] = tuple(rest)
    elif rest:
        raise Raised(
            f"TypeError: {function.name} takes {len(positional)} arguments, {len(args)} were given"
        )
    allowed = [*positional, *(p.name.value for p in params.kwonly_params)]
    extra = {k: v for k, v in kwargs.items() if k not in allowed}
    names.update({k: v for k, v in kwargs.items() if k in allowed})
    if params.star_kwarg is not None:
        star = params.star_kwarg.name.value
        names[star] = extra.pop(f"**{star}", extra)  # as a whole, where that is a parameter
    elif extra:
        raise Raised(f"TypeError: {function.name} has no argument {next(iter(extra))!r}")
    for name in allowed:
        if name not in names:
            names[name] = function.defaults.get(
                name, Unknown(f"the argument {name} of {function.name}", ev.line)
            )
    return {**{name: names[name] for name in allowed}, **names}
