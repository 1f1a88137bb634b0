"""The source's own layers and models: which of them become classes, and for which inputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.evaluate import subclasses
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import Class, Function
from kt_translate.graph.nodes import Plan
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known
from kt_translate.graph.tensor import Layout, Tensor

# The ranks to try where the source does not tell: rows of features first, then pictures, sequences, volumes.
RANKS = (2, 4, 3, 5)


def keras_classes(ev: Interpreter) -> Iterator[Class]:
    """The classes of the module that extend Keras's layers or models."""
    for value in list(ev.module.names.values()):
        if isinstance(value, Class) and subclasses.base_of(value) is not None:
            yield value


def kind_of(cls: Class) -> str:
    """What the report calls it."""
    return "class" if subclasses.base_of(cls) == "keras.Model" else "layer"


def has_call(cls: Class) -> bool:
    """Whether there is something to translate: a model that only trains others has no call."""
    return isinstance(cls.lookup("call"), Function) or kind_of(cls) == "layer"


def plans_of(ev: Interpreter, cls: Class, shape: Any = None) -> list[tuple[Plan, dict[str, Any]]]:
    """The torch classes of a Keras class, each with the sizes that the file's own use of it tells.

    Where the file never calls it, it is tried on inputs of ``shape`` (without the batch axis), or of unknown sizes.
    """
    found = ev.class_plans.get(id(cls.node), [])
    if not found:
        _try(ev, cls, shape)
        found = ev.class_plans.get(id(cls.node), [])
    return [(plan, _inferred(plan, tensors)) for plan, _, tensors in found]


def _inferred(plan: Plan, tensors: list[Tensor]) -> dict[str, Any]:
    """The sizes of the inputs as the file's own use has them, where they are known."""
    sizes = {}
    for inner, outer in zip(plan.inputs, tensors, strict=True):
        for a, b in zip(inner.shape, outer.shape, strict=True):
            if isinstance(a, Sym) and isinstance(known(b), int):
                sizes[a.args[0].name] = known(b)
    return sizes


def _try(ev: Interpreter, cls: Class, shape: Any) -> None:
    """Call the class on inputs that fit: the first rank for which nothing goes wrong."""
    call = cls.lookup("call")
    if not isinstance(call, Function) and subclasses.base_of(cls) in ("keras.Layer", "keras.Model"):
        return
    tries = [tuple(shape)] if shape is not None else [(UNKNOWN,) * (rank - 1) for rank in RANKS]
    first: list[Any] | None = None
    for sizes in tries:
        diagnostics, errors = list(ev.log.diagnostics), ev.log.errors
        _call(ev, cls, sizes)
        if ev.log.errors == errors and ev.class_plans.get(id(cls.node)):
            return
        first = first or list(ev.log.diagnostics)
        ev.log.diagnostics[:] = diagnostics
        ev.class_plans.pop(id(cls.node), None)
        ev.plans = {k: v for k, v in ev.plans.items() if not (isinstance(k, tuple) and k[0] == id(cls.node))}
    ev.log.diagnostics[:] = first or ev.log.diagnostics


def _call(ev: Interpreter, cls: Class, sizes: tuple[Any, ...]) -> None:
    CURRENT.append(Region())
    try:
        init = cls.lookup("__init__")
        given: dict[str, Any] = {}
        if isinstance(init, Function):
            params = init.node.params
            for p in (*params.params, *params.kwonly_params):
                given[p.name.value] = Sym.of(Symbol(p.name.value, known(init.defaults.get(p.name.value, UNKNOWN))))
            given.pop(next(iter(given), ""), None)
        instance = subclasses.make_instance(ev, cls, [], given)
        dims = tuple(Sym.of(Symbol(f"size_{i}", UNKNOWN, "dim")) if d is UNKNOWN else d for i, d in enumerate(sizes))
        layout = Layout.FIRST if len(dims) >= 3 else Layout.LAST
        subclasses.call_instance(ev, instance, [Tensor((None, *dims), "float32", layout)], {})
    except (Raised, LimitReached, Break, Continue, NotGeneral) as error:
        ev.note("KT302", f"{cls.name}: {error}")
    finally:
        CURRENT.pop()
