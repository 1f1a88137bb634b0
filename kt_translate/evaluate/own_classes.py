"""The source's own layers and models: their ``__init__``, ``build`` and ``call``, evaluated for all arguments at once.

Each becomes a class of its own. What the constructor is given becomes its parameters, layers and models among it too;
what Keras finds at build time, the sizes of the inputs, becomes parameters as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import assumed, first_calls, sequential, subclasses, told_sizes, views
from kt_translate.evaluate import models as models_module
from kt_translate.evaluate.constructors import (
    constructor_arguments,
    declared,
    has_default,
    in_order,
)
from kt_translate.evaluate.general import (
    as_parameter,
    docstring_of,
    file_of,
    is_number,
    kind_of,
    tensors_only,
)
from kt_translate.evaluate.inputs import as_before, fresh_input, unpacked_names
from kt_translate.evaluate.layer_lists import LayerList
from kt_translate.evaluate.open_lists import Chosen, Turns
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.state import NotGeneral
from kt_translate.evaluate.values import (
    Class,
    Function,
    Instance,
    LayerValue,
    ModelValue,
    Unknown,
    map_tensors,
    plain,
)
from kt_translate.graph.nodes import Param, Plan
from kt_translate.graph.objects import KerasObject, is_setting, snake_case
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, key_of, known, same, substitute, symbols_in
from kt_translate.graph.tensor import Layout, Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

IN_PLACE = Plan("", "layer", Region(), [])
"""Stands for the class of a call that no class can say: it is written where it is made."""

Given = dict[str, Any]  # the arguments of ``call`` by name


def plan_of_instance(ev: Interpreter, instance: Instance, given: Given) -> Plan | None:
    """The class for a call; the same for all calls and objects that differ in numbers only."""
    cls = instance.cls
    assert instance.use is not None
    given = as_before(instance.calls, given)
    bound = instance.bound = constructor_arguments(ev, cls, instance.args, instance.kwargs)
    sizes = told_sizes.handed(given)
    others = [v for n, v in given.items() if n not in sizes and not tensors_in(v)]
    foreign = {s for s in _foreign([*bound.values(), *others]) if s.kind != "global"}
    if not {s.name for s in foreign}.isdisjoint(bound) or any(s.root is not s for s in foreign):
        return IN_PLACE
    tensors = tensors_in([*bound.values(), *given.values()])
    masks = [id(m) for m in masks_of(tensors)]
    key = (
        id(cls.node),
        instance.use.mode,
        instance.alone,
        *(masks.index(id(t.mask)) if t.mask is not None else None for t in tensors),
        *((n, _setting_kind(v)) for n, v in sorted(bound.items())),
        *((n, told_sizes.kind_of(v) if n in sizes else _input_kind(v)) for n, v in given.items()),
    )
    if key in ev.under_way:
        return None
    for plan in ev.plans.setdefault(key, []):
        table = table_of(plan, instance, tensors)
        if _fits(plan, tensors) and all(
            same(known(substitute(said, table)), value) for said, value in plan.demands
        ):
            return plan  # type: ignore[no-any-return]
    plan = _make(ev, instance, bound, given, key)
    if plan is not None:
        plan.handed = foreign
        plan.params += [
            Param(s, None, "int", keyword_only=True) for s in sorted(foreign, key=lambda s: s.name)
        ]
        ev.plans[key].append(plan)
        if plan is not IN_PLACE:
            ev.class_plans.setdefault(id(cls.node), []).append(
                (plan, instance, entering(plan, tensors or plan.inputs))
            )
    return plan


def _fits(plan: Plan, tensors: list[Tensor]) -> bool:
    """Whether tensors have the sizes that the class is made for, where these are fixed."""
    pairs = [
        (a, b) for i, t in zip(plan.inputs, tensors, strict=False) for a, b in zip(i.shape, t.shape)
    ]
    return all(same(a, known(b)) for a, b in pairs if isinstance(a, int))


def _setting_kind(value: Any) -> Any:
    if isinstance(value, dict) and tensors_in(value):
        return ("dict", *((k, kind_of(v)) for k, v in value.items()))
    return ("module", id(value)) if is_module(value) else kind_of(value)


def _input_kind(value: Any) -> Any:
    if isinstance(value, dict) and tensors_in(value):
        return ("dict", *((k, _input_kind(v)) for k, v in value.items()))
    return kind_of(value) if tensors_in(value) else key_of(value)


def is_module(value: Any) -> bool:
    """Whether this is a layer or a model."""
    return isinstance(value, (LayerValue, ModelValue)) or (
        isinstance(value, Instance) and value.use is not None
    )


def _is_table(value: Any) -> bool:
    """Whether this is a dict of plain settings, or a list of such."""
    if isinstance(value, (list, tuple)):
        return bool(value) and all(map(_is_table, value))
    return isinstance(value, dict) and plain(value)


def _foreign(values: Iterable[Any]) -> Iterator[Symbol]:
    """The symbols in settings that do not become parameters of the class."""
    for value in values:
        if isinstance(value, Instance) and not views.is_record(value):
            inner = [*value.args, *value.kwargs.values()]
            yield from (s for v in inner for s in symbols_in(v))
            yield from _foreign(inner)
        elif isinstance(value, LayerValue):
            yield from symbols_in(list(vars(value.rule).values()))
        elif isinstance(value, KerasObject) and not is_setting(value):
            yield from symbols_in([value.args, value.kwargs])
        elif isinstance(value, (list, tuple)) and not is_number(value):
            yield from symbols_in(value)
            yield from symbols_in(value.iterable if isinstance(value, LayerList) else ())
            yield from _foreign(value)
        elif isinstance(value, (Turns, Chosen)):
            yield from _foreign([value.held])
        elif isinstance(value, dict):
            yield from (s for v in value.values() for s in symbols_in(v))


def masks_of(tensors: list[Tensor]) -> list[Tensor]:
    """The masks of tensors, each once."""
    return list({id(t.mask): t.mask for t in tensors if t.mask is not None}.values())


def entering(plan: Plan, tensors: list[Tensor]) -> list[Tensor]:
    """What the class takes in a call on these tensors: them, and those of their masks that it reads."""
    masks = masks_of(tensors)
    return [*tensors, *(masks[i] for i in plan.masks)]


# -- evaluation -----------------------------------------------------------------------------------


class _Entering:
    """The class seen from inside: its parameters and inputs, as symbols and fresh tensors."""

    def __init__(
        self, ev: Interpreter, cls: Class, bound: dict[str, Any], given: Given, fixed: bool
    ) -> None:
        self.fixed = fixed  # whether its inputs have the sizes that they have here
        self.params: list[Param] = []
        self.sizes: list[Param] = []
        self.inputs: list[Tensor] = []
        self.asked: list[Symbol] = []  # sizes that come with the inputs
        self.inner: dict[str, Any] = {}
        self.modules: dict[str, Any] = {}
        names = {*bound, *given}
        several = len(tensors_in([*bound.values(), *given.values()])) > 1
        self.masks: dict[int, Tensor] = {}  # of the masks outside, by their ids
        self.masked: set[int] = set()  # the inputs that have one, by their ids
        for name, value in in_order(cls, bound):
            if tensors_in(value):
                self.inner[name] = self._input(ev, cls, name, value, several, names)
            else:
                self._setting(cls, name, value)
        self.given = {n: self._input(ev, cls, n, v, several, names) for n, v in given.items()}
        if not several:
            self._short_names(names)

    def _setting(self, cls: Class, name: str, value: Any) -> None:
        self.inner[name] = value
        if is_module(value):
            self.modules[name] = value
            default = "None" if has_default(cls, name) else None
            kind = "nn.Module | None" if default else "nn.Module"
            self.params.append(Param(Symbol(name, UNKNOWN, "module"), default, kind))
        elif is_number(value) or _is_table(value):
            symbol = Symbol(name, known(value), "param")
            self.params.append(Param(symbol, *declared(cls, name, symbol.value)))
            self.inner[name] = as_parameter(Sym.of(symbol), value)
        else:
            self.params.append(Param(Symbol(name, UNKNOWN, "fixed"), "None", "Any"))

    def between(self, model: ModelValue) -> Any:
        """The outputs of a model that the constructor makes: its inputs are those of the class."""
        self.inputs = tensors_in(model.inputs)
        told = {s for tensor in self.inputs for s in symbols_in(tensor.shape)}
        self.sizes = [size for size in self.sizes if size.symbol in told]
        return model.outputs

    def _short_names(self, names: set[str]) -> None:
        """``features``, not ``in_features``, of the only input."""
        for param in self.sizes:
            short = param.symbol.name.removeprefix("in_")
            if short not in names:
                param.symbol.name = param.symbol.spelled = short

    def _input(
        self, ev: Interpreter, cls: Class, name: str, value: Any, several: bool, names: set[str]
    ) -> Any:
        flat = tensors_in(value)
        if not flat and told_sizes.are_sizes(value):
            count = len(told_sizes.leaves(value))
            said = [name] if count == 1 else unpacked_names(cls, name, count)
            return told_sizes.entering(value, said, self.asked)
        if not flat:
            return value
        if isinstance(value, dict):
            said = [k for k in sorted(value, key=str) for _ in tensors_in(value[k])]
        else:
            said = unpacked_names(cls, name, len(flat)) if len(flat) > 1 else [name]
        fresh: list[Tensor] = []  # one for each place, if the same stand at several in this call
        for tensor, own in zip(flat, said, strict=False):
            own = re.sub(r"\W", "_", str(own)).strip("_") or "x"
            made = fresh_input(tensor, own, several, names, self.sizes, self.inputs, self.fixed)
            self.sizes += first_calls.open_sizes(ev, cls, self.inputs, names)
            if tensor.mask is not None:
                made.mask = self.masks.get(id(tensor.mask))
                if made.mask is None:
                    called = f"{own}_mask" if self.masks else "mask"
                    shape = made.shape[: tensor.mask.rank]
                    made.mask = Tensor(shape, "bool", Layout.LAST, name=called)
                    self.masks[id(tensor.mask)] = made.mask
                self.masked.add(id(made))
            fresh.append(made)
            if isinstance(value, dict):
                made.facts["input"] = own
        entering = iter(fresh)
        entered = map_tensors(lambda t: next(entering), value)
        return told_sizes.beside(cls, name, entered, self.asked)


def _make(
    ev: Interpreter,
    instance: Instance,
    bound: dict[str, Any],
    given: Given,
    key: Any,
    fixed: bool = False,
) -> Plan | None:
    """Evaluate constructor, ``build`` and ``call`` on symbols. None, with a diagnostic, where there is no result.

    What raises for sizes of any value, as a check that all inputs are alike, may do with the ``fixed`` ones.
    """
    cls = instance.cls
    entering = _Entering(ev, cls, bound, given, fixed)
    me = Instance(cls, {}, [], {}, instance.line)
    me.use, me.pending, me.alone = instance.use, False, instance.alone
    region = Region()
    before, errors, models = (len(ev.demands), len(ev.assumed)), ev.log.errors, len(ev.models)
    failure: BaseException | None = None
    CURRENT.append(region)
    ev.under_way.add(key)
    ev.quiet += 1
    try:
        init = cls.lookup("__init__")
        if isinstance(init, Function):
            ev.run_method(init, me, [], entering.inner)
        else:
            subclasses.builtin_part(ev, me, "__init__").call(ev, **entering.inner)
        own = subclasses.extended_part(ev, me)
        if isinstance(own, ModelValue) and not isinstance(cls.lookup("call"), Function):
            assumed.shown_only(ev, own)
            sequential.begin(ev, own, tensors_in(list(entering.given.values())))
            result = entering.between(own)
        else:
            result = subclasses.run_call(ev, me, entering.given)
    except (Raised, LimitReached, Break, Continue, NotGeneral) as error:
        failure, result = error, None
    finally:
        ev.quiet -= 1
        ev.under_way.discard(key)
        CURRENT.pop()
        demands, ev.demands[before[0] :] = ev.demands[before[0] :], []
        del ev.assumed[before[1] :]
    if failure is not None:
        if isinstance(failure, Raised) and entering.sizes and not fixed:
            return _make(ev, instance, bound, given, key, fixed=True)
        ev.note("KT302", f"{cls.name}: {getattr(failure, 'text', None) or failure}")
        return None
    for model in ev.models[models:]:
        models_module.plan_of(model).inline = True
    del ev.models[models:]
    result, beside = told_sizes.apart(result, entering.asked, entering.params, entering.inputs)
    if not tensors_in(result) or not tensors_only(result):
        if ev.log.errors == errors:
            first = result.origin if isinstance(result, Unknown) else None
            why = f": {first.why} (line {first.line})" if first is not None else ""
            ev.note("KT302", f"what {cls.name}.call returns is not known{why}")
        return None
    return _finished(ev, me, entering, region, result, beside, demands, ev.log.errors > errors)


def _finished(
    ev: Interpreter,
    me: Instance,
    entering: _Entering,
    region: Region,
    result: Any,
    beside: Any,
    demands: list[tuple[Any, Any]],
    gap: bool,
) -> Plan:
    """The class, from what its evaluation gave; IN_PLACE where others are to see masks that are made within."""
    cls = me.cls
    entered = {id(m): i for i, m in enumerate(entering.masks.values())}
    made = [t.mask for t in tensors_in(result) if t.mask is not None and id(t.mask) not in entered]
    if made and not me.alone and not isinstance(cls.lookup("compute_mask"), Function):
        return IN_PLACE
    plan = Plan(
        cls.name,
        "layer",
        region,
        entering.inputs,
        result,
        [*entering.params, *entering.sizes],
        line=cls.line,
        file=file_of(ev, cls),
        docstring=docstring_of(cls),
    )
    first_calls.note(plan, entering.inputs, me)
    used = {id(t) for node in region.nodes for t in node.uses()}
    plan.masks = [i for m, i in entered.items() if m in used]
    plan.passing = entered
    plan.masking = me.attributes.get("supports_masking") is True
    plan.unmasked = [
        i for i, t in enumerate(entering.inputs) if id(t) in entering.masked and t.mask is None
    ]
    plan.inputs = [*entering.inputs, *(m for m in entering.masks.values() if id(m) in used)]
    plan.container = snake_case(cls.name)
    plan.demands = [(said, value) for said, value in demands if isinstance(said, Sym)]
    plan.numbers = {p.symbol: p.symbol.name for p in entering.params if p.symbol.kind == "param"}
    plan.modules, plan.beside, plan.gap = entering.modules, beside, gap
    plan.asked = entering.asked
    for name, value in me.attributes.items():
        if is_module(value) and name != "super()":
            plan.held.setdefault(id(value.use), name)
            if value in entering.modules.values() or _is_kept(value, region):
                plan.kept.append((name, value))
    return plan


def _is_kept(value: Any, region: Region) -> bool:
    """Whether a model has its weights wherever it is called. One that its first call builds has them where that is."""
    if not isinstance(value, ModelValue) or value.outputs is None or value.use is None:
        return False
    if not value.begun:
        value.use.region = region
    return value.use.region is region


@contextmanager
def by_itself(instance: Instance) -> Iterator[None]:
    """Within, an object is called outside of everything."""
    CURRENT.append(Region())
    instance.alone = True
    try:
        yield
    finally:
        instance.alone = False
        CURRENT.pop()


def table_of(plan: Plan, instance: Instance, tensors: list[Tensor]) -> dict[Symbol, Any]:
    """What each symbol of a plan is for an object and a call of it."""
    table = views.table(plan.numbers, instance.bound or {}) | {s: Sym.of(s) for s in plan.handed}
    table |= first_calls.table(plan, instance, tensors)
    for inner, outer in zip(plan.inputs, tensors, strict=False):
        for a, b in zip(inner.shape, outer.shape, strict=True):
            if isinstance(a, Sym) and a.head == "symbol":
                table[a.args[0]] = b
    return table
