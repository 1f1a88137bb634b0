"""Writes the loops, conditions and checks that are kept: in ``__init__`` what is made, in ``forward`` what is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from kt_translate.graph.arrays import ArrayNode, PutNode
from kt_translate.graph.conditions import answered
from kt_translate.graph.nodes import (
    CallNode,
    CheckNode,
    IfNode,
    LayerNode,
    LoopNode,
    SizeNode,
)
from kt_translate.graph.numpy_code import key_code
from kt_translate.graph.sym import Sym, code, same, symbols_in
from kt_translate.graph.tensor import Tensor
from kt_translate.graph.terms import expand
from kt_translate.layers.activations import ActivationLayer
from kt_translate.lower.blocks import indented, self_assigned
from kt_translate.lower.chains import Chain, append, constructors, flat_chains
from kt_translate.lower.liveness import last_uses
from kt_translate.lower.settings import as_buffer
from kt_translate.pytorch.expr import Expr

if TYPE_CHECKING:
    from kt_translate.lower.modules import Modules
    from kt_translate.lower.writer import Writer


# -- conditions -----------------------------------------------------------------------------------


def attribute_of_if(node: IfNode, shared: set[int]) -> str | None:
    """The attribute of a condition that becomes one module; None where it stays a condition in ``forward``."""
    chains = flat_chains(node)
    if chains is None or of_mode(node):
        return None
    name = node.joined[0][0].name
    only = [link for chain in chains for link in chain.modules]
    if any(id(getattr(link, "use", None)) in shared for link in only):
        return None
    if all(isinstance(n, LayerNode) and isinstance(n.rule, ActivationLayer) for n in only):
        return "activation"
    kinds = [n.use.kind if isinstance(n, (CallNode, LayerNode)) else "" for n in only]
    if len(set(kinds)) == 1 or all(len(chain.modules) == 1 for chain in chains):
        return _common(kinds) or "choice"
    return name if name not in (None, "x") else "optional"


def _common(kinds: list[str]) -> str:
    """What the names of kinds end in: separable_conv2d and conv2d in conv2d, spatial_dropout2d and dropout in dropout."""
    for names in (kinds, [re.sub(r"\dd$", "", kind) for kind in kinds]):
        words = [name.split("_")[::-1] for name in names]
        ends = takewhile(lambda same: len(set(same)) == 1, zip(*words, strict=False))
        found = "_".join([word for word, *_ in ends][::-1])
        if found:
            return found
    return ""


def of_mode(node: IfNode) -> bool:
    """Whether the condition asks for training or evaluation: what its branches call is made in either."""
    return any(s.kind == "mode" for s in symbols_in(node.test))


def write_if(writer: Writer, node: IfNode) -> None:
    chains = flat_chains(node)
    if chains is not None and id(node.then.key) in writer.module_names:
        _write_optional(writer, node, *chains)
        return
    flag = code(node.test)
    then, orelse = writer.blocks[node.then.key], writer.blocks[node.orelse.key]
    bodies: list[list[str]] = []
    states: list[tuple[Any, Any]] = []
    outer, lines = writer.block, writer.code.body
    variables, owner, uses = dict(writer.variables), dict(writer.owner), writer.last_use
    around = writer.holds
    for i, (region, block) in enumerate(((node.then, then), (node.orelse, orelse))):
        writer.block, writer.code.body = block, []
        if not of_mode(node):
            writer.holds = [*around, Sym.unary("not", node.test) if i else node.test]
            writer.holds_in[region.key] = writer.holds
        writer.last_use = _uses_in(writer, node, i, uses)
        writer.variables, writer.owner = dict(variables), dict(owner)
        for given, *made in node.entered:
            held = writer.variables[id(made[i])] = writer.variables[id(given)]
            if _last(writer, id(given)) <= writer.steps[id(node)]:
                writer.owner[held[0]] = id(made[i])
        for inner in region.nodes:
            writer.node(inner)
        bodies.append([line for line in writer.code.body if not self_assigned(line)])
        states.append((writer.variables, writer.owner))
    writer.block, writer.code.body, writer.last_use = outer, lines, uses
    writer.holds = around
    writer.step = writer.steps[id(node)]
    writer.owner = _still_needed(writer, *(owner for _, owner in states))
    names = []
    for out, a, b in node.joined:
        names.append(_joined_name(writer, out, (states[0][0].get(id(a)), states[1][0].get(id(b)))))
        writer.owner[names[-1]] = id(out)
    for i, (body, (known, _)) in enumerate(zip(bodies, states, strict=True)):
        writer.variables = known
        ends = [_end(writer, joined[0], joined[1 + i]) for joined in node.joined]
        moved = [(n, e) for n, e in zip(names, ends, strict=True) if n != e]
        if moved:
            body.append(f"{', '.join(n for n, _ in moved)} = {', '.join(e for _, e in moved)}")
    for known, _ in states:  # what is read after a branch: weights are attributes
        variables.update(
            {
                i: v
                for i, v in known.items()
                if v[0].startswith("self.") or _last(writer, i) > writer.step
            }
        )
    writer.variables = variables
    for (out, _, _), name in zip(node.joined, names, strict=True):
        writer.variables[id(out)] = (name, out.layout)
    writer.code.body += conditional(flag, *bodies)
    said = None if of_mode(node) else writer.said(node.test)
    outer.add_later(node.order, lambda: _made_in(node, said, then.lines(), orelse.lines()))


def _made_in(node: IfNode, said: Expr | None, then: list[str], orelse: list[str]) -> list[str]:
    """What the branches make, in ``__init__``."""
    if said is None:
        return then + orelse
    if not then and _says_the_same(node) and not any(map(_is_else, orelse)):
        return orelse
    return conditional(said, then, orelse)


def _is_else(line: str) -> bool:
    return line.startswith(("else:", "elif "))


def _says_the_same(node: IfNode) -> bool:
    """Whether all that stands in the other branch is a condition that holds only there."""
    inner = node.orelse.nodes
    return all(
        isinstance(n, IfNode)
        and answered(node.test, [(n.test, True)]) is False
        and not n.orelse.nodes
        for n in inner
    )


def _end(writer: Writer, out: Tensor, end: Tensor) -> str:
    """What a branch leaves, as it is read after the condition."""
    read = writer.read if out.flattened is not None else writer.ordered
    return str(read(end, out.layout))


def _uses_in(writer: Writer, node: IfNode, branch: int, uses: dict[int, int]) -> dict[int, int]:
    """The steps of last use as one branch sees them: what only the other one reads is of no use in it."""
    end = writer.steps[id(node)]
    region = (node.then, node.orelse)[branch]
    ends = [joined[1 + branch] for joined in node.joined]
    here, steps = last_uses(region.nodes, ends)
    offset = end
    if region.nodes:
        first = region.nodes[0]
        offset = writer.steps[id(first)] - steps[id(first)]
    return {i: step for i, step in uses.items() if step > end} | {
        i: step + offset for i, step in here.items() if uses.get(i, -1) <= end
    }


def _joined_name(writer: Writer, out: Tensor, ends: tuple[Any, Any]) -> str:
    """A variable for what a condition leaves: where the source has no name for it, one that a branch has."""
    if out.name is None:
        for name, _ in filter(None, ends):
            if name.isidentifier() and writer.is_free(name):
                return str(name)
    return writer.free_name(out)


def _still_needed(writer: Writer, then: dict[str, int], orelse: dict[str, int]) -> dict[str, int]:
    """What the variables hold after a condition: of two tensors by one name, that which is read later."""
    later = {
        n: i for n, i in orelse.items() if n in then and _last(writer, i) > _last(writer, then[n])
    }
    return {**orelse, **then, **later}


def _last(writer: Writer, tensor: int) -> int:
    return writer.last_use.get(tensor, -1)


def conditional(test: Expr, then: list[str], orelse: list[str]) -> list[str]:
    if then == orelse:
        return then
    if not then:
        return [f"if {Expr.unary('not', test)}:", *indented(orelse)]
    lines = [f"if {test}:", *indented(then)]
    if not orelse:
        return lines
    alone = orelse[0].startswith("if ") and all(
        line.startswith((" ", "else:", "elif ")) for line in orelse[1:]
    )
    if alone:
        return [*lines, f"el{orelse[0]}", *orelse[1:]]
    return [*lines, "else:", *indented(orelse)]


def _write_optional(writer: Writer, node: IfNode, then: Chain, orelse: Chain) -> None:
    """A condition whose branches are chains from one tensor: one attribute, made in one of two ways."""
    out, source = node.joined[0][0], then.source
    attribute = writer.module_names[id(node.then.key)]

    def made(chain: Chain) -> list[str]:
        if any(isinstance(link, (IfNode, LoopNode)) for link in chain.modules):
            lines = append(writer, f"self.{attribute}", chain)
            return [f"self.{attribute} = nn.Sequential()", *lines]
        parts = constructors(writer, chain)
        sizes = [size_line(writer, size) for size in chain.sizes]
        if not parts:
            text = "nn.Identity()"
        else:
            text = str(parts[0]) if len(parts) == 1 else str(Expr("nn.Sequential")(*parts))
        return [*sizes, f"self.{attribute} = {text}"]

    test = writer.said(node.test)
    if then.modules and orelse.modules:
        lines = conditional(test, made(then), made(orelse))
    else:
        wanted = test if then.modules else Expr.unary("not", test)
        lines = [f"self.{attribute}: nn.Module = nn.Identity()", f"if {wanted}:"]
        lines += indented(made(then if then.modules else orelse))
    writer.block.add(node.order, lines)
    writer.step = writer.steps[id(node)]
    writer.assign(out, Expr(f"self.{attribute}")(writer.read(source, out.layout)), module=True)


# -- names of settings ---------------------------------------------------------------------------


def write_size(writer: Writer, node: SizeNode) -> None:
    """``channels = 2 * filters``; left out in the end where nothing reads it."""
    writer.block.add(node.order, [size_line(writer, node)])
    if not node.in_build:
        writer.of_calls.append(node.symbol)


def size_line(writer: Modules, node: SizeNode) -> str:
    value = writer.said(node.symbol.origin)
    return f"{writer.carry([node.symbol], node.symbol.name.rstrip('_') or '_')} = {value}"


# -- NumPy's arrays ---------------------------------------------------------------------------------


def write_put(writer: Writer, node: PutNode) -> None:
    """``array[key] = value``."""
    with writer.spelling(in_forward=False):
        part = code(node.array)[key_code(node.key)]
        line = f"{part} {node.operator}= {code(node.value)}"
    writer.block.add(node.order, [line])


def write_array(writer: Writer, node: ArrayNode) -> None:
    """A buffer with what NumPy has computed."""
    tensor = node.outputs[0]
    attribute = writer.module_names[id(node.use)]
    buffer = Expr("self.register_buffer")(
        attribute, as_buffer(writer.said(node.value), tensor.dtype), persistent=False
    )
    writer.block.add(node.use.order, [str(buffer)])
    writer.variables[id(tensor)] = (f"self.{attribute}", tensor.layout)


# -- checks ---------------------------------------------------------------------------------------


def write_check(writer: Writer, node: CheckNode) -> None:
    """A check of settings, where the class can say it; the loader and the caller need no other.

    What a layer asks of the sizes of its inputs, which its constructor is not told, and of its mode, is checked as
    it is called.
    """
    known = {p.symbol for p in writer.plan.params}
    asked = {s.root for s in symbols_in(node.test) if s.kind not in ("local", "global", "mode")}
    if not asked <= known:
        return
    sized = writer.plan.kind == "layer" and any(s.kind == "dim" for s in asked)
    called = sized or any(s.kind == "mode" for s in symbols_in(node.test))
    wrong = _shortened(node.test)
    lines = check_lines(writer, node, str(code(expand(wrong)) if called else writer.said(wrong)))
    if called:
        writer.code.body += lines
    elif all(lines != others() for _, others in writer.block.entries):
        writer.block.add(node.order, lines)


def check_lines(writer: Modules, node: CheckNode, test: str) -> list[str]:
    """The statements that raise where ``test`` holds, as the source does."""
    raised = re.match(r"[A-Za-z]+", node.raises)
    kind = raised[0] if raised and raised[0].endswith(("Error", "Exception")) else "ValueError"
    message = f"not supported: {writer.said(_shortened(node.test))}"
    return [f"if {test}:", f"    raise {kind}({message!r})"]


def _shortened(test: Any) -> Any:
    """``x != a and x != b`` of words as ``x not in (a, b)``."""
    parts = list(_joined(test))
    owners = [p.args[0] for p in parts if isinstance(p, Sym) and p.head in ("!=", "not in")]
    if len(parts) < 2 or len(owners) < len(parts) or not all(same(o, owners[0]) for o in owners):
        return test
    words: list[Any] = []
    for part in parts:
        others = part.args[1]
        several = part.head == "not in" and isinstance(others, (list, tuple, set))
        words += sorted(others, key=str) if several else [others]
    if not all(isinstance(w, str) for w in words):
        return test
    return Sym.binary("not in", owners[0], tuple(words))


def _joined(test: Any) -> Iterator[Any]:
    """What a condition joins by ``and``."""
    if isinstance(test, Sym) and test.head == "and":
        for part in test.args:
            yield from _joined(part)
    else:
        yield test
