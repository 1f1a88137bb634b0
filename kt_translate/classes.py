"""The source's own layers and models: which of them become classes, and for which inputs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

from kt_translate.call_inputs import (
    code_of,
    fitting,
    likely_inputs,
    looked_up,
    others,
    unknown,
)
from kt_translate.diagnostics import Place
from kt_translate.evaluate import handed, own_classes, subclasses
from kt_translate.evaluate.constructors import MODELS, base_of, init_of, needed_by_base, only_hooks
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.model_ends import Ends, ends_of
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import Class, Function, Instance, ModelValue, Unknown
from kt_translate.graph.nodes import CallNode, LayerNode, Plan
from kt_translate.graph.region import OpNode
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.graph.terms import shown
from kt_translate.guesses import guess, names_of, unpacked_into
from kt_translate.sample_objects import object_for
from kt_translate.shapes import is_tensor_name
from kt_translate.words import choices, code_with


def keras_classes(ev: Interpreter) -> Iterator[Class]:
    """The classes of the module that extend Keras's layers or models; not those that only others extend."""
    every = [v for v in ev.module.names.values() if isinstance(v, Class)]
    extended = {id(base) for cls in every for base in cls.bases}
    for cls in every:
        if base_of(cls) is None or only_hooks(cls):
            continue
        calls = base_of(cls) != "keras.Layer" or isinstance(cls.lookup("call"), Function)
        if calls or id(cls) not in extended:
            yield cls


def kind_of(cls: Class) -> str:
    """What the report calls it."""
    return "class" if base_of(cls) in MODELS else "layer"


def has_call(cls: Class) -> bool:
    """Whether there is something to translate: a model that only trains others has no call."""
    return isinstance(cls.lookup("call"), Function) or is_functional(cls) or kind_of(cls) == "layer"


def is_functional(cls: Class) -> bool:
    """Whether the class is a model between tensors that its constructor makes."""
    return not isinstance(cls.lookup("call"), Function) and ends_of(cls) is Ends.MADE


def uses_of(ev: Interpreter, cls: Class) -> list[tuple[Plan, Instance, list[Tensor]]]:
    """The torch classes of a Keras class, each with an object of it and what the file calls that on.

    Where the file never calls it, or --input-shape names it, it is tried on inputs of such shapes.
    """
    named = {n: s for n, s in ev.input_shapes.items() if n.partition(".")[0] == cls.name}
    shape = named.pop(cls.name, None) or {n.partition(".")[2]: s for n, s in named.items()}
    found = ev.class_plans.get(id(cls.node), [])
    if (shape or not found) and has_call(cls):
        made = ev.made.get(id(cls.node), [])
        known_ones = [i for i in made if not _open_settings(i)]
        tried = known_ones[0] if known_ones else _sample(ev, cls, made)
        if try_calls(ev, cls, tried, shape or ev.input_shapes.get("")) and found:
            plan, tensors, _ = tried.calls[-1]
            ev.class_plans[id(cls.node)].insert(0, (plan, tried, tensors))
    return ev.class_plans.get(id(cls.node), [])


def stands_alone(plan: Plan) -> bool:
    """Whether a class gives and takes nothing but tensors: for sizes beside them, others call it."""
    return plan.beside is None and not plan.asked


def alone(
    uses: list[tuple[Plan, Instance, list[Tensor]]],
) -> list[tuple[Plan, Instance, list[Tensor]]]:
    """The first of a class's uses that stands alone, if there is one."""
    return [use for use in uses if stands_alone(use[0])][:1]


def _open_settings(instance: Instance) -> bool:
    return any(map(_is_open, [*instance.args, *instance.kwargs.values()]))


def _is_open(value: Any) -> bool:
    return isinstance(value, Unknown) or (isinstance(value, Sym) and known(value) is UNKNOWN)


def inferred(plan: Plan, tensors: list[Tensor]) -> dict[str, Any]:
    """The sizes of the inputs as the file's own use has them, where they are known."""
    sizes: dict[str, Any] = {}
    for inner, outer in zip(plan.inputs, tensors, strict=False):
        if "guessed" in outer.facts:
            continue
        for a, b in zip(inner.shape, outer.shape, strict=True):
            if isinstance(a, Sym) and a.head == "symbol" and isinstance(known(b), int):
                symbol = a.args[0]
                sizes |= {} if symbol in plan.numbers else {symbol.name: known(b)}
    return sizes


# -- classes and objects that the file never calls -------------------------------------------------


def try_calls(ev: Interpreter, cls: Class, instance: Instance, shape: Any) -> bool:
    """Call an object on inputs that fit: the first for which nothing goes wrong. Whether there are any."""
    takers = [n for n in instance.kwargs if is_tensor_name(n)] if is_functional(cls) else []
    first: list[Any] | None = None
    if is_functional(cls) and all(known(instance.kwargs[n]) is None for n in takers):
        said = list(ev.log.diagnostics)
        waits = base_of(cls) == "keras.Sequential"  # for an input, if it has none
        if _attempt(ev, instance, {}) or not (takers or waits):
            return bool(instance.calls)
        first, ev.log.diagnostics[:] = list(ev.log.diagnostics), said
    kinds = (unknown, others, fitting) if shape is None else (unknown,)
    tries = (
        (kind, given) for kind in kinds for given in likely_inputs(ev, cls, instance, shape, kind)
    )
    for kind, given in tries:
        diagnostics, plans = list(ev.log.diagnostics), dict(ev.plans)
        uses = {key: list(found) for key, found in ev.class_plans.items()}
        if takers:
            instance.kwargs |= dict.fromkeys(takers, given["inputs"])
        called = {} if takers else given
        if _attempt(ev, instance, called):
            plan = instance.calls[-1][0]
            indices = _indices(plan)
            _tell_guess(ev, cls, given)
            if not indices:
                return True
            for tensor, inner in zip(tensors_in(list(given.values())), plan.inputs, strict=False):
                tensor.dtype = "int32" if id(inner) in indices else tensor.dtype
            for likelier in (*([] if takers else looked_up(cls, given, kind)), called):
                _forget(ev, uses, plans)
                said = list(ev.log.diagnostics)
                if _attempt(ev, instance, likelier):
                    return True
                ev.log.diagnostics[:] = said
        first = first or list(ev.log.diagnostics)
        ev.log.diagnostics[:] = diagnostics
        _forget(ev, uses, plans)
    ev.log.diagnostics[:] = first or ev.log.diagnostics
    return False


def line_of(ev: Interpreter, cls: Class) -> int:
    """Where the source has the class: what imports it, if it is another file's."""
    return max(ev.imported.get(id(cls), cls.line), 1)


def _tell_guess(ev: Interpreter, cls: Class, given: dict[str, Any]) -> None:
    shapes = [t.shape[1:] for t in tensors_in(list(given.values())) if "guessed" in t.facts]
    if shapes:
        shown = ", ".join(map(str, shapes))
        ev.log.add(
            "KT101",
            Place(line_of(ev, cls)),
            f"nothing tells the input of {cls.name}: taken for {shown}",
            f"--input-shape {cls.name}=... gives another",
        )


def _forget(ev: Interpreter, uses: dict[int, list[Any]], plans: dict[Any, Any]) -> None:
    ev.class_plans = {key: list(found) for key, found in uses.items()}
    ev.plans = {k: v for k, v in ev.plans.items() if k in plans}


def _attempt(ev: Interpreter, instance: Instance, given: dict[str, Any]) -> bool:
    """Call an object outside of everything. Whether it has become a class without a complaint."""
    errors, calls = ev.log.errors, len(instance.calls)
    try:
        with own_classes.by_itself(instance):
            if given:
                named = {k: v for k, v in given.items() if k != "*0"}
                first = [given["*0"]] if "*0" in given else []
                subclasses.call_instance(ev, instance, first, named)
            elif plan := own_classes.plan_of_instance(ev, instance, {}):
                instance.calls.append((plan, plan.inputs, plan.result))
    except (Raised, LimitReached, Break, Continue, NotGeneral) as error:
        ev.note("KT302", f"{instance.cls.name}: {getattr(error, 'text', None) or error}")
    except (
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:  # of samples that do not fit
        ev.note("KT302", f"{instance.cls.name}: {type(error).__name__}: {error}")
    for said, value in instance.calls[-1][0].demands if len(instance.calls) > calls else ():
        if value is UNKNOWN:
            ev.note("KT102", f"{instance.cls.name} hangs on {shown(said)}, which is not known")
    for plan, *_ in instance.calls[calls:]:
        if not stands_alone(plan):
            said = f"{instance.cls.name} gives sizes beside tensors, or is handed them"
            ev.note("KT302", f"{said}: it is translated where others call it")
            del instance.calls[calls:]
    if ev.log.errors > errors:
        del instance.calls[calls:]
    return ev.log.errors == errors and len(instance.calls) > calls


def _indices(plan: Plan, outer: tuple[Plan, ...] = ()) -> set[int]:
    """The inputs that hold indices: an Embedding looks them up."""
    found: set[int] = set()
    todo = [
        t
        for n in plan.region.nodes
        if isinstance(n, LayerNode) and n.rule.keras_kind == "embedding"
        for t in n.inputs
    ]
    for node in plan.region.nodes:
        if isinstance(node, CallNode) and node.plan not in outer:
            inner = _indices(node.plan, (*outer, node.plan))
            pairs = zip(node.inputs, node.plan.inputs, strict=False)
            todo += [t for t, own in pairs if id(own) in inner or own.dtype.startswith("int")]
    while todo:
        tensor = todo.pop()
        if tensor in plan.inputs and not tensor.dtype.startswith("int"):
            found.add(id(tensor))
        elif isinstance(tensor.node, OpNode):
            todo += tensor.node.inputs
    return found


# -- samples --------------------------------------------------------------------------------------


def _sample(ev: Interpreter, cls: Class, made: list[Instance]) -> Instance:
    """An object of a class of which the module has none that is known: with what is known of those ``made``, and of
    the arguments of a call elsewhere in the file.
    """
    init = init_of(cls)
    given: dict[str, Any] = {}
    if init is not None:
        params = init.node.params
        names = [p.name.value for p in (*params.params, *params.kwonly_params)][1:]
        names += [n for n in needed_by_base(cls) if n not in names]
        told = _arguments_elsewhere(ev, cls, names) | init.defaults
        for instance in made:
            given_there = {**dict(zip(names, instance.args)), **instance.kwargs}
            told |= {n: v for n, v in given_there.items() if not _is_open(v)}
        said = {n: ev.settings[n] for n in names if n in ev.settings}
        ev.used_settings |= said.keys()
        told |= said
        text = re.sub(r"\bself\.", "", "\n".join(map(code_of, _made_in(ev, cls))))
        around = cache(partial(code_with, ev, init))
        lengths = {len(v) for v in told.values() if isinstance(v, (list, tuple))}
        for name in names:
            value = known(told.get(name, UNKNOWN))
            if value is UNKNOWN and (model := _handed(ev, cls, name, text)) is not None:
                value = model
            elif value is UNKNOWN and (held := object_for(ev, init, name)) is not None:
                value = held
            elif value is UNKNOWN and (words := choices(ev, name, around())):
                value = words[0]
            elif value is UNKNOWN and (length := _length(name, text, told)) is not None:
                value = length
            elif value is UNKNOWN:
                value = guess(name, text, ev.source.text)
                count = unpacked_into(name, text)
                if count is not None and not (isinstance(value, tuple) and len(value) == count):
                    value = (8,) * count
                elif isinstance(value, tuple) and len(lengths) == 1:  # those of lists beside it
                    value = value[: next(iter(lengths))]
            given[name] = value
    else:
        given = {n: guess(n, "", ev.source.text) for n in needed_by_base(cls)}
    instance = subclasses.make_instance(ev, cls, [], given)
    ev.made[id(cls.node)].remove(instance)
    return instance


def _length(name: str, text: str, told: dict[str, Any]) -> int | None:
    """The length of the list that the code compares a parameter with, where that is known."""
    compared = (rf"\blen\((\w+)\) *[!=]= *{name}\b", rf"\b{name} *[!=]= *len\((\w+)\)")
    found = (match[1] for pattern in compared for match in re.finditer(pattern, text))
    lists = (known(told.get(other, UNKNOWN)) for other in found)
    return next((len(v) for v in lists if isinstance(v, (list, tuple))), None)


def _handed(ev: Interpreter, cls: Class, name: str, text: str) -> ModelValue | None:
    """The model that an argument seems to be, which is told; None for any other."""
    called = (handed.likely(known_as, text, ev.source.text) for known_as in names_of(name, text))
    likely = next(filter(None, called), None)
    if likely is None:
        return None
    ev.log.add("KT101", Place(line_of(ev, cls)), f"{name} of {cls.name} is taken for {likely!r}")
    return handed.model(name, likely)


def _made_in(ev: Interpreter, cls: Class) -> list[Class]:
    """The class, and those of which its code makes objects: they read what it hands on to them."""
    found = [c for c in cls.mro() if isinstance(c, Class)]
    for one in found:
        called = re.findall(r"\b(\w+)\(", code_of(one))
        inner = (ev.module.names.get(name) for name in dict.fromkeys(called))
        found += [c for c in inner if isinstance(c, Class) and c not in found]
    return found


def _arguments_elsewhere(ev: Interpreter, cls: Class, names: list[str]) -> dict[str, Any]:
    """What the file's functions give the class, where it is plain."""
    try:
        tree = ast.parse(ev.main.text)
    except SyntaxError:
        return {}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == cls.name
        ):
            pairs = [
                *zip(names, node.args, strict=False),
                *((k.arg, k.value) for k in node.keywords if k.arg in names),
            ]
            return {str(n): v for n, value in pairs if (v := _plain(ev, value)) is not UNKNOWN}
    return {}


def _plain(ev: Interpreter, node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        value = known(ev.module.names.get(node.id, UNKNOWN))
        return value if isinstance(value, (int, float, str, bool, tuple, list)) else UNKNOWN
    try:
        return ast.literal_eval(node)
    except ValueError:
        return UNKNOWN
