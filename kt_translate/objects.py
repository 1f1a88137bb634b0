"""Variables that hold objects of the source's own models: the expression of the output for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kt_translate.evaluate.open_sizes import open_input
from kt_translate.evaluate.own_classes import table_of
from kt_translate.evaluate.values import Instance
from kt_translate.factories import sayable
from kt_translate.graph.nodes import CallNode, Plan
from kt_translate.graph.region import Region
from kt_translate.graph.sym import UNKNOWN, Sym, known, substitute, symbols_in
from kt_translate.layers.layer import RuleError
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.writer import Writer

WIDTHS = ("embed_dim", "d_model", "hidden_dim", "hidden_size", "embedding_dim", "dim")


@dataclass
class Made:
    """How the output makes an object: its class, the expression, and the sizes that are guesses."""

    code: ClassCode
    text: str
    guessed: dict[str, int]
    open_sizes: list[str]  # of its inputs, told by the weights
    parameters: list[str]  # all that the weights tell


def made_object(
    name: str, line: int, instance: Instance, class_of: Callable[[Plan], ClassCode]
) -> Made:
    """The expression for an object that was called. Raises RuleError where nothing tells the sizes of its inputs."""
    plan, tensors, _ = instance.calls[-1]
    assert instance.use is not None
    code = class_of(plan)
    table = table_of(plan, instance, tensors)
    unsaid = [s for s, v in table.items() if s.name in code.used_parameters and known(v) is UNKNOWN]
    size = likely_size(instance)
    guessed: dict[str, int] = {}
    open_sizes: list[str] = []
    if size is not None and all(s.name.endswith("features") for s in unsaid):
        guessed = {s.name: known(size) for s in unsaid}
        table |= dict.fromkeys(unsaid, size)
    elif all(s.name.endswith(("features", "channels")) for s in unsaid):
        open_sizes = [s.name for s in unsaid]
    else:
        names = ", ".join(s.name for s in unsaid)
        raise RuleError("KT303", f"the size of the input of {name} is not known ({names})")
    used = [v for s, v in table.items() if s.name in code.used_parameters]
    of_data = {s: s.value for s in symbols_in(used) if s.kind == "data"}
    parameters = [*open_sizes]
    if all(sayable(substitute(v, of_data)) for v in used):
        parameters += sorted(s.name for s in of_data)
    else:
        table = {s: known(v) for s, v in table.items()}
    table |= {s: Sym.of(open_input(s.name)) for s in unsaid if s.name in open_sizes}
    node = CallNode([], [], line, plan, instance.use, table)
    writer = Writer(Plan("", "model", Region(), []), "", class_of)
    text = str(writer.instance(node))
    if parameters:
        names = ", ".join(parameters)
        told = ", ".join(f'"{n}": {n}' for n in parameters)
        text = f"sized_by_weights(lambda {names}: {text}, {{{told}}})"
    return Made(code, text, guessed, open_sizes, parameters)


def likely_size(instance: Instance) -> Any:
    """The width at which an object works, by its arguments: what else it takes is most likely as wide."""
    given = instance.bound or {}
    return next((given[n] for n in WIDTHS if isinstance(known(given.get(n)), int)), None)
