"""Variables that hold objects of the source's own models: the expression of the output for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from kt_translate.evaluate.open_sizes import open_input
from kt_translate.evaluate.own_classes import table_of
from kt_translate.factories import instance as made_by
from kt_translate.factories import sayable
from kt_translate.found import Object
from kt_translate.graph.nodes import CallNode, Param, Plan
from kt_translate.graph.region import Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, same, substitute, symbols_in
from kt_translate.layers.layer import RuleError
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.modules import node_of
from kt_translate.lower.parameters import distinct, guards_of
from kt_translate.lower.writer import Writer


@dataclass
class Made:
    """How the output makes an object: its class, the expression, and the sizes that are parameters."""

    code: ClassCode
    text: str
    open_sizes: list[str]  # of its inputs, told by the weights
    parameters: list[Param]  # all that the weights tell
    guards: list[tuple[str, str]]  # what the function checks, and its class does not


def made_object(found: Object, class_of: Callable[[Plan], ClassCode]) -> Made:
    """The expression for an object that was called. Raises RuleError where nothing tells the sizes of its inputs."""
    name, instance = found.name, found.value
    plan, tensors, _ = instance.calls[-1]
    assert instance.use is not None
    code = class_of(plan)
    table = table_of(plan, instance, tensors)
    arguments = {p.symbol: Sym.of(Symbol(p.symbol.name, UNKNOWN, "global")) for p in found.params}
    unsaid = [
        s
        for s, v in table.items()
        if s.name in code.used_parameters
        and known(v) is UNKNOWN
        and arguments.keys().isdisjoint(symbols_in(v))
    ]
    if not all(s.name.endswith(("features", "channels")) for s in unsaid):
        names = ", ".join(s.name for s in unsaid)
        raise RuleError("KT303", f"the size of the input of {name} is not known ({names})")
    opened = {s: open_input(s.name) for s in unsaid}
    checked = [(substitute(said, table), value) for said, value in plan.demands]
    own = [d for d in found.demands if not any(map(partial(_alike, d), checked))]
    guards = guards_of(distinct(own))
    used = [v for s, v in table.items() if s.name in code.used_parameters]
    used += _sizes_of_modules(plan, table, class_of)
    of_data = {s: s.value for s in symbols_in(used) if s.kind == "data"}
    told = [*opened.values()]
    if all(sayable(substitute(v, of_data | arguments)) for v in used):
        told += sorted(of_data, key=lambda s: s.name)
    elif found.params:
        raise RuleError("KT201", f"what {name} gives takes more than its arguments to say")
    else:
        table = {s: known(v) for s, v in table.items()}
    table |= {s: Sym.of(width) for s, width in opened.items()}
    node = CallNode([], [], found.line, plan, instance.use, table)
    writer = Writer(Plan("", "model", Region(), []), "", class_of)
    text = str(writer.instance(node))
    said = [s.name for s in told]
    if said:
        text = made_by(f"lambda {', '.join(said)}: {text}", {n: n for n in said}, said)
    params = [Param(s, None, "int", keyword_only=True) for s in told]
    return Made(code, text, [s.name for s in opened], params, guards)


def _sizes_of_modules(
    plan: Plan, table: dict[Symbol, Any], class_of: Callable[[Plan], ClassCode]
) -> list[Any]:
    """The sizes that the models want which the object is given."""
    calls = [node_of(plan.region.nodes, value.use) for value in plan.modules.values()]
    return [
        substitute(node.args.get(param.symbol, Sym.of(param.symbol)), table)
        for node in calls
        if isinstance(node, CallNode)
        for param in node.plan.params
        if param.symbol.name in class_of(node.plan).used_parameters
    ]


def _alike(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return same(one[0], other[0]) and same(one[1], other[1])
