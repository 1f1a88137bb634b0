"""The model graph: regions of nodes, in the order in which the source runs them.

A node's `render` says how its outputs are computed in torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kt_translate.graph.tensor import Dim, Layout, Shape, Tensor


@dataclass(eq=False, repr=False)
class Node:
    """Something that happens to tensors."""

    inputs: list[Tensor]
    outputs: list[Tensor] = field(default_factory=list)
    line: int = 0

    def uses(self) -> Iterator[Tensor]:
        yield from self.inputs


@dataclass(eq=False, repr=False)
class OpNode(Node):
    """A torch expression of the inputs: ``render(inputs) -> Expr``; `wants` gives the layouts it asks for."""

    render: Callable[..., Any] = lambda *xs: xs[0]
    wants: list[Layout] = field(default_factory=list)
    comment: str = ""
    label: str = "op"
    device: bool = False  # render(..., device=Expr) is told where the model's tensors are
    pointwise: bool = False  # the same for all elements, wherever they stand


@dataclass(eq=False, repr=False)
class Region:
    """Nodes in order, and the region around it."""

    nodes: list[Node] = field(default_factory=list)
    parent: Region | None = None
    merged: Region | None = None  # what was made in here counts as made there
    key: object = field(default_factory=object)  # shared with a copy that holds some of the nodes
    arrays: dict[Any, Any] = field(default_factory=dict)  # what its statements have made of arrays
    test: Any = None  # of a branch: where its condition holds

    def conditions(self) -> Iterator[Any]:
        """Those of the branches around, from here out."""
        return (region.test for region in self.outwards() if region.test is not None)

    def outwards(self) -> Iterator[Region]:
        """This region and those around it."""
        at: Region | None = self
        while at is not None:
            yield at
            at = at.parent

    @property
    def home(self) -> object:
        """The key of the region that what is made in here belongs to."""
        return self.key if self.merged is None else self.merged.home

    def add(self, node: Node) -> None:
        for output in node.outputs:
            output.node = node
        self.nodes.append(node)


CURRENT: list[Region] = [Region()]


def derived(
    render: Callable[..., Any],
    inputs: list[Tensor],
    shape: Shape,
    dtype: str = "float32",
    layout: Layout = Layout.LAST,
    wants: Layout = Layout.LAST,
    mask: Tensor | None = None,
    label: str = "op",
    device: bool = False,
) -> Tensor:
    """A tensor computed by a torch expression: ``render`` takes an Expr for each input and gives one.

    ``wants`` is the layout in which ``render`` needs its inputs (KEEP: as they are), ``layout`` that of the result.
    """
    output = Tensor(shape, dtype, layout, mask)
    node = OpNode(
        list(inputs),
        [output],
        render=render,
        wants=[wants] * len(inputs),
        label=label,
        device=device,
    )
    CURRENT[-1].add(node)
    return output


__all__ = ["CURRENT", "Dim", "Layout", "Node", "OpNode", "Region", "Shape", "Tensor", "derived"]


def batch_of(tensor: Tensor) -> Any:
    """The batch size that the source says of the input that a tensor comes from; None if it says none."""
    while tensor.shape[0] is None and tensor.node is not None and tensor.node.inputs:
        tensor = tensor.node.inputs[0]
    return tensor.facts.get("batch") if tensor.shape[0] is None else tensor.shape[0]
