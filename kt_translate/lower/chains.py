"""Chains: modules that take one tensor and give one, each what the one before gave. They make an nn.Sequential."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeGuard

from kt_translate.graph.nodes import (
    CallNode,
    Carried,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    Plan,
    SizeNode,
)
from kt_translate.graph.region import Node, Region
from kt_translate.graph.sym import symbols_in
from kt_translate.graph.tensor import Layout, Tensor
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.lower.modules import Modules


@dataclass
class Chain:
    """Links from ``source`` to ``end``."""

    source: Tensor
    links: list[Node] = field(default_factory=list)
    end: Tensor | None = None

    @property
    def modules(self) -> list[Node]:
        return [link for link in self.links if not isinstance(link, (SizeNode, CheckNode))]

    def plain(self) -> Chain:
        """Its links up to the first loop."""
        loop = next((i for i, link in enumerate(self.links) if isinstance(link, LoopNode)), None)
        return self if loop is None else Chain(self.source, self.links[:loop])

    def rest(self) -> Chain:
        """Its links from the first loop on."""
        return Chain(self.source, self.links[len(self.plain().links) :], self.end)

    @property
    def sizes(self) -> list[SizeNode]:
        """The settings that get names on the way."""
        return [link for link in self.links if isinstance(link, SizeNode)]


def chain_of(nodes: list[Node], carried: list[Carried]) -> Chain | None:
    """The chain that a loop's body is; None where it is anything else."""
    if len(carried) != 1:
        return None
    chain = _follow(nodes, carried[0].entering, carried[0].leaving, checks=True)
    if (
        chain is None
        or not chain.modules
        or carried[0].entering.layout is not carried[0].leaving.layout
    ):
        return None
    return chain


def chain_of_turn(body: Region, taken: list[Tensor], results: list[Tensor]) -> Chain | None:
    """The modules that a turn calls one after the other on the one tensor that it takes; None for any other turn."""
    if len(taken) != 1 or len(results) != 1 or results[0].layout is not taken[0].layout:
        return None
    chain = _follow(body.nodes, taken[0], results[0])
    if chain is None or not chain.modules or not _made_in(body, chain):
        return None
    return chain if all(isinstance(n, (LayerNode, CallNode)) for n in chain.links) else None


def chain_of_if(node: IfNode) -> tuple[Chain, Chain] | None:
    """The chains of both branches from one tensor to the one that they leave; None where it is not so."""
    if len(node.joined) != 1:
        return None
    out, a, b = node.joined[0]
    if "ranks" in out.facts or out.layout is not a.layout or out.layout is not b.layout:
        return None
    for source in _sources(node.then.nodes, a) + _sources(node.orelse.nodes, b):
        then = _follow(node.then.nodes, source, a)
        orelse = _follow(node.orelse.nodes, source, b)
        if then is None or orelse is None or not (then.modules or orelse.modules):
            continue
        if _made_in(node.then, then) and _made_in(node.orelse, orelse):
            return then, orelse
    return None


def _made_in(branch: Region, chain: Chain) -> bool:
    """Whether what has weights is made where it is called, and not before among other layers."""
    homes = [link.use.region for link in chain.modules if _is_counted(link)]
    return all(home is None or home.home is branch.home for home in homes)


def flat_chains(node: IfNode) -> tuple[Chain, Chain] | None:
    """`chain_of_if` where neither chain has loops or conditions in it."""
    chains = chain_of_if(node)
    if chains is None or any(
        isinstance(link, (IfNode, LoopNode)) for chain in chains for link in chain.links
    ):
        return None
    return chains


def chain_of_model(plan: Plan) -> Chain | None:
    """The chain that a Sequential within a class is; None for any other model."""
    if not plan.inline or plan.container != "sequential" or not isinstance(plan.result, Tensor):
        return None
    nodes = [n for n in plan.region.nodes if plan.inputs[0] not in n.outputs]
    chain = _follow(nodes, plan.inputs[0], plan.result)
    if chain is None or any(isinstance(n, IfNode) for n in chain.modules):
        return None
    return chain if chain.modules and plan.result.layout is plan.inputs[0].layout else None


def _sources(nodes: list[Node], end: Tensor) -> list[Tensor]:
    first = next((n for n in nodes if not isinstance(n, SizeNode)), None)
    return [end] if first is None else list(first.inputs[:1])


def _follow(nodes: list[Node], source: Tensor, end: Tensor, checks: bool = False) -> Chain | None:
    """The chain made of all these nodes, from ``source`` to ``end``; with ``checks`` of settings among them."""
    chain = Chain(source, [], source)
    for node in nodes:
        at = chain.end
        if isinstance(node, SizeNode) or (checks and _checks_settings(node)):
            chain.links.append(node)
            continue
        if isinstance(node, LoopNode):
            fits = bool(node.tensors) and node.tensors[0].before is at and not node.running
            fits = fits and chain_of(node.body.nodes, node.tensors) is not None
            after = node.tensors[0].after if fits else None
        elif isinstance(node, IfNode):
            inner = chain_of_if(node)
            fits = inner is not None and inner[0].source is at
            after = node.joined[0][0] if fits else None
        elif isinstance(node, CallNode):
            fits = (
                len(node.inputs) == 1
                and not node.over
                and not node.plan.asked
                and node.read is None
                and node.inputs[0] is at
                and isinstance(node.plan.result, Tensor)
            )
            fits = fits and node.plan.inputs[0].layout is node.inputs[0].layout
            after = node.outputs[0] if fits else None
        elif isinstance(node, LayerNode):
            after = node.outputs[0] if _is_link(node, at) else None
        else:
            return None
        if after is None:
            return None
        chain.links.append(node)
        chain.end = after
    return chain if chain.end is end and _in_order(chain) else None


def _checks_settings(node: Node) -> bool:
    return isinstance(node, CheckNode) and all(s.kind != "mode" for s in symbols_in(node.test))


def _in_order(chain: Chain) -> bool:
    """Whether the source makes the layers as it calls them: a Sequential's modules are counted in that order."""
    orders = [
        link.order if isinstance(link, (IfNode, LoopNode)) else link.use.order
        for link in chain.modules
        if isinstance(link, (IfNode, LoopNode)) or _is_counted(link)
    ]
    return orders == sorted(orders)


def _is_counted(link: Node) -> TypeGuard[LayerNode | CallNode]:
    """Whether its weights are found by the order of the layers, and not by a name."""
    if isinstance(link, LayerNode):
        return link.use.keras_name is None and any(True for _ in link.rule.parameters())
    return isinstance(link, CallNode)


def _is_link(node: LayerNode, at: Tensor | None) -> bool:
    if len(node.inputs) != 1 or node.inputs[0] is not at or len(node.outputs) != 1 or node.options:
        return False
    if at is None or at.mask is not None or at.flattened is not None or node.use.mode is not None:
        return False
    if node.outputs[0].flattened is not None:
        return False
    want = node.rule.wants(at)[0]
    if want not in (Layout.KEEP, at.layout) and at.rank > 2:
        return False
    return node.rule.standalone(at.seen_in(want)) is not None


def constructors(writer: Modules, chain: Chain) -> list[Expr]:
    """What makes the links, for a Sequential."""
    return [_made(writer, link) for link in chain.modules]


def _made(writer: Modules, link: Node) -> Expr:
    if isinstance(link, CallNode):
        link.outputs[0].layout = (
            link.plan.result.layout if link.outputs[0].rank > 3 else link.outputs[0].layout
        )
        return writer.instance(link)
    if isinstance(link, LayerNode):
        want = link.rule.wants(*link.inputs)[0]
        made = writer.constructor(link, [link.inputs[0].seen_in(want)], standalone=True)
        assert made is not None
        return made
    raise AssertionError(type(link).__name__)


def append(writer: Modules, target: str, chain: Chain) -> list[str]:
    """The statements that append the links to a Sequential, loops and conditions among them kept."""
    from kt_translate.lower import control, loops

    lines: list[str] = []
    for link in chain.links:
        if isinstance(link, LoopNode):
            inner = chain_of(link.body.nodes, link.tensors)
            assert inner is not None
            lines += loops.carry_sizes(writer, link)
            lines += loops.for_loop(writer, link, append(writer, target, inner))
        elif isinstance(link, IfNode):
            chains = chain_of_if(link)
            assert chains is not None
            then, orelse = (append(writer, target, c) for c in chains)
            lines += control.conditional(writer.said(link.test), then, orelse)
        elif isinstance(link, SizeNode):
            lines.append(control.size_line(writer, link))
        elif isinstance(link, CheckNode):
            lines += control.check_lines(writer, link, str(writer.said(link.test)))
        else:
            use = getattr(link, "use", None)
            lines += use.comment.splitlines() if use is not None else []
            lines.append(f"{target}.append({_made(writer, link)})")
    return lines
