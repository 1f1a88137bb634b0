"""Classes that extend keras.Model without a ``call``: models between tensors that their constructors make or are handed."""

from __future__ import annotations

import ast
import enum
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import subclasses
from kt_translate.evaluate.constructors import MODELS, base_of, call_of_base, tree_of
from kt_translate.evaluate.values import Class, Function, Instance, ModelValue
from kt_translate.graph.nodes import ModuleUse
from kt_translate.graph.tensor import tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


class Ends(enum.Enum):
    """Where the outputs come from that Keras's constructor is given."""

    MADE = "made in a constructor"
    HANDED = "arguments of the class"
    NONE = "nowhere"


def ends_of(cls: Class) -> Ends:
    """By what each constructor, from that of Keras on, is given by the one below."""
    if base_of(cls) not in MODELS or isinstance(cls.lookup("call"), Function):
        return Ends.NONE
    if base_of(cls) == "keras.Sequential":
        return Ends.MADE
    own = [c.names.get("__init__") for c in cls.mro() if isinstance(c, Class)]
    order, taken = ["inputs", "outputs"], "outputs"
    for init in reversed([f for f in own if isinstance(f, Function)]):
        tree = tree_of(init)
        call = call_of_base(init)
        given = None if call is None else _argument(call, order, taken)
        if given is None:
            return Ends.NONE
        names = [a.arg for a in (*tree.args.args[1:], *tree.args.kwonlyargs)]
        rest = [a.arg for a in (tree.args.vararg, tree.args.kwarg) if a is not None]
        if isinstance(given, ast.Starred) and ast.unparse(given.value) in rest:
            order = names + order
            continue
        if not isinstance(given, ast.Name) or given.id not in names or _binds(tree, given.id):
            return Ends.MADE
        order, taken = names, given.id
    return Ends.HANDED


def of_object(ev: Interpreter, instance: Instance, name: str) -> Any:
    """``model.outputs`` and the like of a model between tensors that its constructor is given."""
    inputs = next((v for v in (*instance.args, *instance.kwargs.values()) if tensors_in(v)), None)
    if inputs is None:
        return None
    if name.startswith("output") and "outputs" not in instance.attributes:
        instance.attributes["outputs"] = subclasses.call_instance(ev, instance, [inputs], {})
    found = tensors_in(inputs if name.startswith("input") else instance.attributes["outputs"])
    return found[0] if len(found) == 1 and not name.endswith("s") else found


def _argument(call: ast.Call, order: list[str], name: str) -> ast.expr | None:
    """What a call gives for a parameter; a Starred where it is among what is handed on."""
    unbound = bool(call.args) and ast.unparse(call.args[0]) == "self"  # Model.__init__(self, ...)
    args = call.args[1:] if unbound else call.args
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    for said, value in zip(order, args):
        if said == name or isinstance(value, ast.Starred):
            return value
    rest = next((k.value for k in call.keywords if k.arg is None), None)
    return None if rest is None else ast.Starred(rest, ast.Load())


def _binds(tree: ast.FunctionDef, name: str) -> bool:
    stores = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name)
    return any(isinstance(n.ctx, ast.Store) for n in stores)


def between(ev: Interpreter, cls: Class, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """The model of a class that is handed the tensors it goes between; None for any other."""
    if not tensors_in([args, kwargs]) or ends_of(cls) is not Ends.HANDED:
        return None
    instance = Instance(cls, {}, args, kwargs, ev.line, ModuleUse("functional"))
    init = cls.lookup("__init__")
    if isinstance(init, Function):
        ev.run_method(init, instance, args, kwargs)
    else:
        subclasses.builtin_part(ev, instance, "__init__").call(ev, *args, **kwargs)
    made = subclasses.extended_part(ev, instance)
    return made if isinstance(made, ModelValue) else None
