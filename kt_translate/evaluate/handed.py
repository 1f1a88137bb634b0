"""Models that a function is handed, of which nothing is known: the class that is written takes them as modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.open_sizes import SAMPLE, open_input, told_by_weights
from kt_translate.evaluate.values import LayerValue, ModelValue
from kt_translate.graph.nodes import CallNode, ModuleUse, Param, Plan
from kt_translate.graph.region import Node, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol
from kt_translate.graph.tensor import Layout, Tensor, tensors_in

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

_PICTURES = re.compile(r"\w[23]D\b")
_MODELS = re.compile(
    r"model|net(work)?$|backbone|base$|encoder|decoder|extractor|generator|discriminator|critic"
    r"|classifier|student|teacher"
)
_ON_A_TENSOR = r"\(\w+(?:\)|, *training\b| *[-+*/@]|\()"
_SEQUENCES = re.compile(r"\w1D\b|LSTM|GRU|RNN|Attention")


@dataclass(frozen=True)
class Handed:
    """What is taken for granted of such a model: how many axes its input and its output have."""

    takes: int
    gives: int
    count: int = 1  # of the tensors that it gives

    def __repr__(self) -> str:
        what = {2: "rows", 3: "sequences", 4: "pictures", 5: "volumes"}
        several = f" {self.count} times" if self.count > 1 else ""
        return f"a model that takes {what[self.takes]} and gives {what[self.gives]}{several}"


def likely(name: str, text: str, kinds: str) -> Handed | None:
    """The model that a parameter seems to be; None for any other parameter.

    ``text``: the function, which builds on it or calls it; ``kinds``: where the layers of the file are made.
    """
    n = re.escape(name)
    built_upon = re.search(rf"\b{n}\.outputs?\b", text)
    called = re.search(rf"(?<![.\w]){n}{_ON_A_TENSOR}", text) and _MODELS.search(name)
    if not built_upon and not called:
        return None
    several = re.search(rf"^\s*\(?(\w+(?:\s*,\s*\w+)+)\)?\s*=\s*{n}\(\w", text, re.MULTILINE)
    count = several[1].count(",") + 1 if several else 1
    return Handed(_rank(kinds), _rank(kinds if "Flatten" in text else text), count)


def _rank(text: str) -> int:
    if re.search(r"\w3D\b", text):
        return 5
    if _PICTURES.search(text):
        return 4
    return 3 if _SEQUENCES.search(text) else 2


def parameter(name: str, keyword_only: bool) -> Param:
    return Param(Symbol(name, UNKNOWN, "module"), None, "nn.Module", keyword_only)


def model(name: str, handed: Handed) -> ModelValue:
    """The model from inside the function: the weights tell how many channels it gives."""
    size = "channels" if handed.gives > 2 else "features"
    given = _tensor(handed.takes, 3 if handed.takes > 3 else None)
    results = []
    for number in range(1, handed.count + 1):
        called = f"{name}_{size}{f'_{number}' if handed.count > 1 else ''}"
        symbol = Symbol(called, SAMPLE, "data", f"the {size} that {name} gives")
        results.append(_tensor(handed.gives, Sym.of(symbol)))
    result = results if handed.count > 1 else results[0]
    given.facts["input"] = None
    plan = Plan(name, "handed", Region(), [given], result)
    use = ModuleUse("functional", hint=name)
    region = Region()
    region.add(Node([], [given]))
    region.add(CallNode([given], results, 0, plan, use))
    return ModelValue("functional", given, result, region, use=use, plan=plan)


def _tensor(rank: int, channels: Any) -> Tensor:
    layout = Layout.FIRST if rank > 3 else Layout.LAST
    return Tensor((*[None] * (rank - 1), channels), "float32", layout)


def is_handed(value: ModelValue) -> bool:
    """Whether nothing is known of what is in the model."""
    return value.plan is not None and value.plan.kind == "handed"


def nodes_of(modules: Mapping[str, ModelValue]) -> list[Node]:
    """What a function that builds on such models starts from."""
    return [n for m in modules.values() if m.region is not None for n in m.region.nodes]


def sized(ev: Interpreter, layer: LayerValue, inputs: list[Tensor]) -> list[Tensor]:
    """What a layer is called on. The weights of a Dense tell the size of what is flattened before it."""
    if layer.rule.keras_kind == "dense" and inputs:
        _open(ev, layer, inputs[0])
    return inputs


def _open(ev: Interpreter, layer: LayerValue, tensor: Tensor) -> None:
    """The size of what such a model gives, or of what comes of an input of unknown sizes."""
    if tensor.rank != 2 or tensor.channels is not None:
        return
    if layer.calls:
        features = layer.calls[0][0][0].channels
    else:
        facts, name = _origin(tensor)
        before = facts.setdefault("flattened", [])
        before.append(f"{name}{f'_{len(before) + 1}' if before else ''}")
        features = Sym.of(open_input(before[-1]))
        ev.note("KT101", f"{before[-1]}: {told_by_weights(['it'])}")
    tensor.shape = (tensor.shape[0], features)


def _origin(tensor: Tensor) -> tuple[dict[str, Any], str]:
    """The facts of what such a model gives, or else of the input, that has gone into a tensor, and a name for its size."""
    todo, seen = [tensor], set()
    entered = tensor
    while todo:
        entered = todo.pop()
        node = entered.node
        if node is None or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, CallNode) and node.plan.kind == "handed":
            return tensors_in(node.plan.result)[0].facts, f"{node.plan.name}_features"
        todo += node.uses()
    return entered.facts, "flattened_features"
