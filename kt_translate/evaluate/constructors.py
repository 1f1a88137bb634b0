"""What the constructors of the source's own layers and models take, and how a class says it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import views
from kt_translate.evaluate.general import annotation
from kt_translate.evaluate.passed_on import with_passed_on
from kt_translate.evaluate.values import Class, Function, Instance, plain
from kt_translate.graph.objects import is_setting, lazily
from kt_translate.graph.sym import known
from kt_translate.graph.tensor import tensors_in
from kt_translate.layers.layer import REGISTRY, Layer

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

WRAPPER = "keras.layers.Wrapper"
MODELS = ("keras.Model", "keras.Sequential")
ROOTS = ("keras.Layer", *MODELS, WRAPPER)
PENALTY = "activity_regularizer"
LAYER_ARGUMENTS = (
    "name",
    "trainable",
    "dtype",
    "input_shape",
    "batch_input_shape",
    "dynamic",
    "autocast",
)


def constructor_of(cls: Class) -> Function | None:
    """The source's own constructor of a class; where a decorator has wrapped it in another, that of the class."""
    init = cls.lookup("__init__")
    while isinstance(init, Function) and init.wrapped is not None:
        init = init.wrapped
    return init if isinstance(init, Function) else None


def init_of(cls: Class) -> Function | None:
    """The constructor of a class, with the parameters of those that it extends where it hands these on."""
    init = constructor_of(cls)
    if init is None:
        return None
    found = with_passed_on(init)
    if found is init:
        return init
    own, params = init.node.params, found.node.params
    params = params.with_changes(
        params=_but_those_of_layers(params.params, len(own.params)),
        kwonly_params=_but_those_of_layers(params.kwonly_params, len(own.kwonly_params)),
    )
    return replace(found, node=found.node.with_changes(params=params))


def _but_those_of_layers(params: Sequence[cst.Param], own: int) -> list[cst.Param]:
    """A class's own parameters, and those added to them that not every Keras layer takes."""
    return [*params[:own], *(p for p in params[own:] if p.name.value not in LAYER_ARGUMENTS)]


def constructor_arguments(
    ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """What ``__init__`` is given, by name, without what every Keras layer takes."""
    init = init_of(cls)
    if init is not None:
        bound = ev.bind_method(init, None, args, kwargs)
        params = init.node.params
        order = [p.name.value for p in (*params.posonly_params, *params.params)]
        bound.pop(order[0], None)
        if isinstance(params.star_arg, cst.Param) and not bound[params.star_arg.name.value]:
            bound.pop(params.star_arg.name.value)
        if isinstance(params.star_arg, cst.Param):
            more = bound.pop(params.star_arg.name.value, None) or ()
            names = [n for n, _ in signature(cls) if n not in bound]
            bound |= dict(zip(names, more, strict=False))
        if params.star_kwarg is not None:
            more = bound.pop(params.star_kwarg.name.value, None) or {}
            if base_of(cls) not in ROOTS or _hands_on(cls, params.star_kwarg.name.value):
                bound |= {k: v for k, v in more.items() if k not in LAYER_ARGUMENTS}
            else:
                _leave_out_penalty(ev, cls, more.get(PENALTY))
        needed = _needed_in_place(init, order[1:])
        return {k: v for k, v in bound.items() if k not in _OF_KERAS or k in needed}
    names = [n for n, _ in signature(cls)]
    given = dict(zip(names, args, strict=False), **kwargs)
    return {k: v for k, v in given.items() if k not in LAYER_ARGUMENTS}


def own_penalty(ev: Interpreter, instance: Instance, kwargs: dict[str, Any]) -> None:
    """What ``super().__init__`` makes of the penalty of a layer's outputs: none, any other is left out and told."""
    _leave_out_penalty(ev, instance.cls, ev.demand(kwargs.get(PENALTY), PENALTY))
    instance.attributes |= dict.fromkeys((PENALTY, f"_{PENALTY}"))


def _leave_out_penalty(ev: Interpreter, cls: Class, penalty: Any) -> None:
    if penalty is not None:
        ev.note("KT208", f"the {PENALTY} of {cls.name} is left out")


def _needed_in_place(init: Function, order: list[str]) -> set[str]:
    """The parameters that a call has to give, or that others of the source's own follow."""
    own = [i for i, name in enumerate(order) if name not in _OF_KERAS]
    last = own[-1] if own else 0
    return {name for i, name in enumerate(order) if i < last or name not in init.defaults}


_OF_KERAS = ("name", "dtype", "trainable")


def _hands_on(cls: Class, kwargs: str) -> bool:
    """Whether the constructor's further arguments go elsewhere than to Keras."""
    init = constructor_of(cls)
    source = None if init is None else init.source or cls.source
    text = "" if init is None or source is None else source.code(init.node)
    handed = re.findall(rf"(\S*?)\([^()]*\*\*{kwargs}\b", text)
    used = re.search(rf"\b{kwargs}(\[|\.(get|pop)\b)", text)
    return bool(used) or any(not name.endswith(("__init__", "def")) for name in handed if name)


def base_of(cls: Class) -> str | None:
    """``keras.Layer``, ``keras.Model``, or the built-in layer that a class of the source extends."""
    path = cls.keras_base()
    if path is None:
        return None
    return path if path in ROOTS or path.split(".")[-1] in REGISTRY else None


def takes_inputs(cls: Class) -> bool:
    """Whether a model of the class can be called on what it has not been told before."""
    return cls.lookup("call") is not None or base_of(cls) == "keras.Sequential"


def only_hooks(cls: Class) -> bool:
    """Whether a class is a Dropout that says to Keras 2 how its noise is shaped: Keras 3 works that out as well."""
    own = {name for c in cls.mro() if isinstance(c, Class) for name in c.names}
    base = (base_of(cls) or "").split(".")[-1]
    return base.endswith("Dropout") and "_get_noise_shape" in own and own <= _NOISE


def of_own_training(
    ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]] | None:
    """What goes on to Keras's constructor, for a model of Keras's kinds that only trains in a way of its own.

    None for classes that compute something themselves, or that make their inputs and outputs.
    """
    if cls.keras_base() not in MODELS or cls.lookup("call"):
        return None
    init = constructor_of(cls)
    if init is not None:
        params = init.node.params
        stars = (params.star_arg, params.star_kwarg)
        if not all(isinstance(p, cst.Param) for p in stars) or _hidden_call(cls, init):
            return None
        bound = ev.bind_method(init, None, args, kwargs)
        args, kwargs = (bound[p.name.value] for p in stars if isinstance(p, cst.Param))
    sequential = cls.keras_base() == "keras.Sequential"
    return (list(args), kwargs) if sequential or tensors_in([*args, kwargs]) else None


def _hidden_call(cls: Class, init: Function) -> bool:
    """Whether a constructor does not hand its further arguments on as they are."""
    call = call_of_base(init)
    given = [ast.unparse(a) for a in call.args] if call is not None else []
    return len(given) != 1 or not given[0].startswith("*")


_NOISE = {"_get_noise_shape", "get_config", "__doc__"}


def changed_hook(cls: Class) -> str | None:
    """A private method of the built-in layer that the class replaces: only Keras's code calls it."""
    own = [c for c in cls.mro() if isinstance(c, Class)]
    text = "".join(c.source.code(c.node) for c in own if c.source is not None)
    for name in (n for c in own for n, v in c.names.items() if isinstance(v, Function)):
        private = name.startswith("_") and not name.startswith("__") and name not in _DONE
        if private and f"self.{name}" not in text:
            return name
    return None


_DONE = ("_convolution_op", "_get_noise_shape", "_merge_function")


def builtin_base(cls: Class) -> type[Layer] | None:
    """The declaration of the built-in layer that a class of the source extends."""
    return REGISTRY.get((base_of(cls) or "").split(".")[-1])


def signature(cls: Class) -> list[tuple[str, Any]]:
    if base_of(cls) == WRAPPER:
        return [("layer", inspect.Parameter.empty)]
    base = builtin_base(cls)
    return base.signature() if base is not None else []


def needed_by_base(cls: Class) -> list[str]:
    """What the built-in layer that a class extends must be told, where the constructor hands its arguments on to it."""
    needed = [name for name, default in signature(cls) if default is inspect.Parameter.empty]
    init = constructor_of(cls)
    if not needed or init is None:
        return needed
    call = call_of_base(init)
    if call is None or all(k.arg is not None for k in call.keywords):
        return []
    places = [a for a in call.args if not isinstance(a, ast.Starred)]
    return [n for n in needed[len(places) :] if n not in {k.arg for k in call.keywords}]


def tree_of(function: Function) -> ast.FunctionDef:
    text = function.source.code(function.node) if function.source is not None else "def _(): pass"
    found = ast.parse(textwrap.dedent(text)).body[0]
    assert isinstance(found, ast.FunctionDef)
    return found


def call_of_base(init: Function) -> ast.Call | None:
    """``super().__init__(...)``; of several the one that is given most: Keras takes attributes after a bare one."""
    calls = [
        node
        for node in ast.walk(tree_of(init))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
    ]
    return max(calls, key=lambda call: len(call.args) + len(call.keywords), default=None)


def declared(cls: Class, name: str, sample: Any) -> tuple[str | None, str]:
    """Default and annotation of a constructor's parameter, as text."""
    init = init_of(cls)
    if init is not None:
        params = init.node.params
        every = [
            p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)
        ]
        if name in init.defaults or name in every:
            if name not in init.defaults:
                return None, annotation(sample)
            default = init.defaults[name]
            value = known(default)
            said = lazily(value) if is_setting(value) or views.is_record(value) else None
            text = repr(value) if plain(value) else said
            return text, annotation(default if default is not None else sample, default is None)
    default = dict(signature(cls)).get(name, inspect.Parameter.empty)
    return (repr(default) if plain(default) else None), annotation(sample, default is None)


def has_default(cls: Class, name: str) -> bool:
    init = init_of(cls)
    return init is not None and name in init.defaults


def in_order(cls: Class, bound: dict[str, Any]) -> list[tuple[str, Any]]:
    """The arguments in the order of the source's parameters."""
    init = init_of(cls)
    if init is None:
        return list(bound.items())
    params = init.node.params
    order = [p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)]
    return sorted(
        bound.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order)
    )
