"""Models that have layers in common: Keras trains them together, modules that two factories make have weights of their own."""

from __future__ import annotations

from collections.abc import Iterator

from kt_translate.builders import is_complete
from kt_translate.evaluate.model_layers import uses_within
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.values import ModelValue
from kt_translate.found import Found, Gap
from kt_translate.graph.nodes import LayerNode
from kt_translate.graph.tensor import tensors_in
from kt_translate.lower.liveness import has_weights, live


def in_common(every: list[Found | Gap]) -> Iterator[list[Found]]:
    """The groups of variables and objects whose models have layers in common, directly or by others of the group."""
    groups: list[tuple[list[Found], list[ModelValue], set[int]]] = []
    for found in every:
        if isinstance(found, Gap) or found.kind == "function":
            continue
        models = [m for m in found.models if is_complete(m) and m.original is None]
        uses = {use for model in models for use in weighted(model)}
        touched = [group for group in groups if group[2] & uses]
        groups = [group for group in groups if not group[2] & uses]
        groups.append(
            (
                [*(f for group in touched for f in group[0]), found],
                [*(m for group in touched for m in group[1]), *models],
                uses.union(*(group[2] for group in touched)),
            )
        )
    for members, models, _ in groups:
        if len({id(model) for model in models}) > 1 and len({f.name for f in members}) > 1:
            yield sorted(members, key=lambda found: found.line)


def weighted(model: ModelValue) -> set[int]:
    """The ids of a model's module, and of those in it that have weights."""
    plan = plan_of(model)
    found = {id(model.use)}
    for node in live(plan.region.nodes, tensors_in(plan.result), plan.inputs):
        if isinstance(node, LayerNode) and not has_weights(node):
            continue
        found |= {id(use) for use in uses_within(node)}
    return found
