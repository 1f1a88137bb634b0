"""Functions of the source on tensors, evaluated once for all arguments: each becomes a class.

Numbers, names and flags among the arguments become symbols with the first call's values as samples; the sizes of
the tensors become symbols too, named only if something reads them (``in_channels``).
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import chosen_arguments, closures, counters, methods, recursion, views
from kt_translate.evaluate.captured import captured
from kt_translate.evaluate.closures import Around
from kt_translate.evaluate.exposed import can_expose, name_of, read_off, with_channels
from kt_translate.evaluate.idle import takes_more
from kt_translate.evaluate.inputs import ROLES, fresh_input
from kt_translate.evaluate.lent import Lent
from kt_translate.evaluate.numbers import Numbers
from kt_translate.evaluate.parts import calls_modules
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised, TooDeep
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import (
    Array,
    Class,
    Function,
    Instance,
    LayerValue,
    ModelValue,
    Unknown,
    map_tensors,
    plain,
)
from kt_translate.graph.choice import Choice
from kt_translate.graph.nodes import (
    CallNode,
    IfNode,
    LayerNode,
    LoopNode,
    ModuleUse,
    Param,
    Plan,
    named,
)
from kt_translate.graph.objects import KerasObject, is_setting, lazily
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import Sym, Symbol, key_of, known, same, substitute, symbols_in
from kt_translate.graph.tensor import Dim, Many, Tensor, tensors_in
from kt_translate.graph.terms import closed
from kt_translate.pytorch.library import reserved_names

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def call_general(ev: Interpreter, function: Function, bound: dict[str, Any]) -> Any:
    """The result of a call on tensors, by the class of the function; NotImplemented where it has to be inlined."""
    in_place = ev.inlining or (file_of(ev, function), function.line) in ev.in_place
    in_place = in_place or function.node in ev.decided
    me = methods.object_of(function, bound)
    bound = {name: v for name, v in bound.items() if me is None or v is not me}
    if in_place or not _eligible(function, bound) or counters.counts(ev, function):
        return NotImplemented
    outside = closures.around(ev, function, bound, me)
    if outside is None:
        return NotImplemented
    first, second = (outside.settings, bound) if outside.maker else (bound, outside.settings)
    bound = {**first, **second}
    bound = {**bound, **chosen_arguments.settings_of(bound)}
    key = (*_key(function, bound), *outside.key)
    if (within := recursion.call_within(ev, function, key, bound)) is not None:
        return within
    plans = ev.plans.setdefault(key, [])
    plan = next((p for p in plans if _holds(p, table_of(p, bound))), None)
    if plan is None:
        within = _Within(ev, outside.maker or function, bound)
        make = partial(_make, ev, function, bound, key, outside, within)
        plan = recursion.settled(ev, key, make)
        if plan is None:
            return NotImplemented
        plans.append(plan)
    table = table_of(plan, bound)
    if takes_more(plan, table):
        return NotImplemented
    for said, _ in plan.demands:
        ev.demand(substitute(said, table), "a setting")
    return called(ev, plan, table, bound, function)


def _holds(plan: Plan, table: dict[Symbol, Any]) -> bool:
    """Whether a plan is right for what it is called with here."""
    return all(same(known(substitute(said, table)), value) for said, value in plan.demands)


def _eligible(function: Function, bound: dict[str, Any]) -> bool:
    if not isinstance(function.node, cst.FunctionDef) or not all(map(_sayable, bound.values())):
        return False
    tensors = tensors_in(list(bound.values()))
    if not tensors or any(
        t.mask is not None or t.flattened is not None or "ranks" in t.facts for t in tensors
    ):
        return False
    others = (v for v in bound.values() if not is_number(v))
    return all(s.kind == "global" for v in others for s in (*symbols_in(v), *captured(v)))


def _sayable(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_sayable, value))
    if isinstance(value, dict):
        return all(map(_sayable, value.values()))
    if isinstance(value, Choice):
        return all(map(_sayable, chosen_arguments.leaves(value)))
    if isinstance(value, Instance):
        return views.is_record(value)
    return not isinstance(value, (Unknown, Array, LayerValue, ModelValue, Many))


def kind_of(value: Any) -> Any:
    """What of an argument must be equal for two calls to share a class."""
    if isinstance(value, Tensor):
        return ("tensor", value.dtype, value.layout, tuple(d is None for d in value.shape))
    if isinstance(value, (list, tuple)) and tensors_in(value):
        return (type(value).__name__, *map(kind_of, value))
    if isinstance(value, Instance):
        settings = views.settings_of(value)
        return (id(value.cls), *((n, kind_of(v)) for n, v in sorted(settings.items())))
    if isinstance(value, Choice):
        return chosen_arguments.key(value, kind_of)
    if is_number(value):
        sample = known(value)
        return ("numbers", *_nesting(sample)) if isinstance(sample, (list, tuple)) else "number"
    return key_of(value)


def _nesting(sample: Any) -> tuple[Any, ...]:
    """How many there are of what, where sequences stand in sequences: code that takes one form does not take others."""
    return tuple(map(_nesting, sample)) if isinstance(sample, (list, tuple)) else ()


def is_number(value: Any) -> bool:
    """Whether an argument can be a parameter of the class."""
    if isinstance(value, (list, tuple)):
        return all(map(is_number, value))
    if isinstance(value, Sym) or is_setting(value) or views.is_record(value):
        return True
    return plain(value) and not isinstance(value, (dict, set))


def as_parameter(said: Sym, value: Any) -> Any:
    """What stands for an argument within the class: an array is one there too, of the parameter's items, and
    an object has the parameter's attributes.
    """
    if isinstance(value, Instance):
        return views.seen(value, said.args[0])
    if not isinstance(value, Numbers):
        return said
    items = (as_parameter(Sym.index(said, i), item) for i, item in enumerate(value))
    return Numbers(items, value.dtype)


def _key(function: Function, bound: dict[str, Any]) -> Any:
    return (id(function.node), *((name, kind_of(v)) for name, v in sorted(bound.items())))


def is_class_of_its_own(ev: Interpreter, function: Function) -> bool:
    """Whether a call of the function has become one of a class."""
    return any(plans and key[0] == id(function.node) for key, plans in ev.plans.items())


class _Within:
    """The arguments of a call as the class has them: symbols, and fresh tensors."""

    def __init__(self, ev: Interpreter, function: Function, bound: dict[str, Any]) -> None:
        self.names: dict[str, Any] = {}
        self.params: list[Param] = []
        self.numbers: dict[Symbol, str] = {}  # the source's names of the parameters
        self.inputs: list[Tensor] = []
        self.sizes: list[Param] = []
        taken = set(bound) | ev.constants.keys()
        several = len(tensors_in(list(bound.values()))) > 1
        for name, value in bound.items():
            if is_number(value):
                free = f"{name}_" if name in reserved_names() else name
                symbol = Symbol(free, known(value), "param")
                self.numbers[symbol] = name
                self.params.append(Param(symbol, *_declared(ev, function, name, symbol.value)))
                self.names[name] = as_parameter(Sym.of(symbol), value)
            elif tensors_in(value):
                take = partial(
                    fresh_input,
                    name=name,
                    several=several,
                    names=taken,
                    sizes=self.sizes,
                    inputs=self.inputs,
                )
                self.names[name] = map_tensors(take, value)
            else:
                self.names[name] = value


def _make(
    ev: Interpreter,
    function: Function,
    bound: dict[str, Any],
    key: Any,
    outside: Around,
    within: _Within,
    itself: recursion.Itself | None,
) -> Plan | None:
    """Evaluate the function on symbols. None where what comes out is no class."""
    plan = _planned(ev, outside.maker or function, within)
    if itself is not None:
        itself.plan = plan
    declared = {p.name.value for p in parameters_of(function)} | outside.settings.keys()
    inner = chosen_arguments.inside(within.names, bound, declared)
    before, log, models = len(ev.demands), list(ev.log.diagnostics), len(ev.models)
    errors, assumed = ev.log.errors, len(ev.assumed)
    handed, opened = list(inner.values()), len(ev.opened)
    given = Lent(handed)
    CURRENT.append(plan.region)
    ev.under_way.add(key)
    ev.quiet += 1
    try:
        plan.result = closures.run(ev, function, outside, inner)
    except (Raised, LimitReached, Break, Continue, NotGeneral) as failure:
        if isinstance(failure, TooDeep) and ev.under_way != {key}:
            raise  # else every function on the way would be run once more
        plan.result = None
    finally:
        ev.quiet -= 1
        ev.under_way.discard(key)
        CURRENT.pop()
        demands, ev.demands[before:] = ev.demands[before:], []
        del ev.assumed[assumed:]
    changed = given.put_back() or any(v is w for v in ev.opened[opened:] for w in handed)
    if changed or ev.log.errors > errors or len(ev.models) > models or not _is_class(plan):
        ev.log.diagnostics[:], ev.log.errors = log, errors
        del ev.models[models:]
        return None
    if _unsaid(plan) or (itself is not None and itself.exposes):
        plan.exposed = {name_of(plan.result): plan.result.channels}
    plan.demands = [(said, value) for said, value in demands if isinstance(said, Sym)]
    return plan


def _planned(ev: Interpreter, function: Function, within: _Within) -> Plan:
    """The class to be, with what the source says of the function."""
    params = [*within.sizes, *within.params]
    plan = Plan(function.name, "function", Region(), within.inputs, params=params)
    plan.line, plan.numbers = function.line, within.numbers
    plan.file, plan.docstring = file_of(ev, function), docstring_of(function)
    return plan


def _is_class(plan: Plan) -> bool:
    """Whether what a function has built and given can be a class."""
    if _is_left_open(plan.result) or not tensors_only(plan.result):
        return False
    outputs, ids = tensors_in(plan.result), set(map(id, plan.inputs))
    odd = any(id(t) in ids or t.mask is not None or "ranks" in t.facts for t in outputs)
    unsaid = _unsaid(plan)
    told = not unsaid or can_expose(plan.result, unsaid)
    makes = calls_modules(plan.region.nodes) and not _from_outside(plan.region)
    return bool(outputs) and not odd and told and makes


def _unsaid(plan: Plan) -> set[Symbol]:
    """What the sizes of the result hang on that only loops and calls within the class tell."""
    sizes = symbols_in([closed(t.shape) for t in tensors_in(plan.result)])
    return {s for s in sizes - plan.symbols if s.kind == "carried"}


def file_of(ev: Interpreter, function: Function | Class) -> str | None:
    """The other file that a function or class comes from."""
    return None if function.source in (None, ev.main) else function.source.name


def docstring_of(value: Function | Class) -> str:
    node = value.node
    known = node.get_docstring() if isinstance(node, (cst.FunctionDef, cst.ClassDef)) else None
    return known or ""


def tensors_only(value: Any) -> bool:
    """Whether there is nothing but tensors, and None in their place, in what a call gives."""
    if isinstance(value, (list, tuple)):
        return all(map(tensors_only, value))
    if isinstance(value, dict):
        return all(map(tensors_only, value.values()))
    return value is None or isinstance(value, Tensor)


def _is_left_open(value: Any) -> bool:
    """Whether a list that a loop has filled is among what a call gives: only who called it can have that."""
    return isinstance(value, Many) or (
        isinstance(value, (list, tuple)) and any(map(_is_left_open, value))
    )


def _from_outside(region: Region) -> bool:
    """Whether layers are called that are made elsewhere: each instance of a class would have them anew."""
    regions, uses, todo = {id(region)}, [], [region]
    while todo:
        for node in todo.pop().nodes:
            inner = [node.body] if isinstance(node, LoopNode) else []
            inner += [node.then, node.orelse] if isinstance(node, IfNode) else []
            regions |= set(map(id, inner))
            todo += inner
            if isinstance(node, CallNode) or (isinstance(node, LayerNode) and node.makes_module()):
                uses.append(node.use)
    return any(use.region is not None and id(use.region) not in regions for use in uses)


def _declared(
    ev: Interpreter, function: Function, name: str, sample: Any
) -> tuple[str | None, str]:
    """Default and annotation of a parameter, as text."""
    for p in parameters_of(function):
        if p.name.value == name and p.default is not None and name in function.defaults:
            default = function.defaults[name]
            said = default if default is not None else sample
            return _default_text(default), annotation(said, default is None)
    return None, annotation(sample)


def parameters_of(function: Function) -> list[cst.Param]:
    params = function.node.params
    return [*params.posonly_params, *params.params, *params.kwonly_params]


def _default_text(value: Any) -> str | None:
    if isinstance(value, Sym):
        return str(value) if all(s.kind == "global" for s in symbols_in(value)) else None
    return lazily(value) if plain(value) or is_setting(value) or views.is_record(value) else None


def annotation(sample: Any, optional: bool = False) -> str:
    """The type of a parameter, from a value of it."""
    sample = known(sample)
    if (named := views.annotation(sample)) is not None:
        return named + (" | None" if optional else "")
    if isinstance(sample, KerasObject):
        return "str | Callable[[Tensor], Any]" + (" | None" if optional else "")
    if isinstance(sample, (bool, int, float, str)):
        return type(sample).__name__ + (" | None" if optional else "")
    if isinstance(sample, (tuple, list)) and sample and all(isinstance(v, int) for v in sample):
        return "Sequence[int]" + (" | None" if optional else "")
    return "Any"


def table_of(plan: Plan, bound: dict[str, Any]) -> dict[Symbol, Any]:
    """What each symbol of a plan is in a call."""
    table = views.table(plan.numbers, bound)
    for inner, outer in zip(plan.inputs, tensors_in(list(bound.values())), strict=True):
        for a, b in zip(inner.shape, outer.shape, strict=True):
            if isinstance(a, Sym):
                table[a.args[0]] = b
    return table


def outer_result(tensor: Tensor, table: dict[Symbol, Any]) -> Tensor:
    """A result of the class, with its sizes in the caller's terms; what is long to say gets a name."""
    roles = ROLES.get(tensor.rank, ("size",) * (tensor.rank - 1))
    shape: list[Dim] = []
    for role, dim in zip(("rows", *roles)[: tensor.rank], tensor.shape, strict=True):
        said = substitute(closed(dim), table)
        shape.append(named(said, role) if isinstance(said, Sym) and said.weight > 2 else said)
    return Tensor(tuple(shape), tensor.dtype, tensor.given_layout)


def called(
    ev: Interpreter,
    plan: Plan,
    table: dict[Symbol, Any],
    bound: dict[str, Any],
    function: Function,
    is_open: bool = False,
) -> Any:
    """A call of the plan's class: its results, in the caller's terms."""
    read = None
    if plan.exposed:
        said = substitute(closed(plan.result.channels), table)
        read = read_off(name_of(plan.result), said, function, is_open)
        results = with_channels(outer_result(with_channels(plan.result, None), table), Sym.of(read))
    else:
        results = map_tensors(lambda t: outer_result(t, table), plan.result)
    own = plan.name.strip("_")
    use = ModuleUse(re.sub(r"^(build|make|create|get|add|apply)_+", "", own).lower() or own)
    use.region = CURRENT[-1]
    use.comment = ev.taken_comments()
    inputs = tensors_in(list(bound.values()))
    CURRENT[-1].add(CallNode(inputs, tensors_in(results), ev.line, plan, use, table, read=read))
    return results
