"""Masks that only the tensors of Keras 3 have, or only the graph of a model.

MultiHeadAttention takes the masks off whatever it is called on. Where layers are called one by one, in ``call``, nothing
knows of such a mask any more. A functional model has it in its graph all the same: there the tensor is `bare`. What a
model or a layer of the source's own gives may have a mask of which the graph is not told: it is `untold`. Layers that take a
mask as an argument get it from either, attention from the tensor alone; all others hand on what there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kt_translate.graph.nodes import LayerNode
from kt_translate.graph.tensor import Tensor

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


Unmasked = dict[int, tuple[Tensor, Tensor | None, bool, bool]]


def heed(ev: Interpreter, node: LayerNode) -> None:
    """What a layer that was called does to masks."""
    if ev.flavour != "3":
        return
    masked = [t for t in node.inputs if t.mask is not None]
    bare, untold = any(t.bare for t in masked), any(t.untold for t in masked)
    if node.rule.unmasks:
        node.entered = [None if t.bare else t.mask for t in node.inputs]
        bare, untold = node.inputs[0].bare, node.inputs[0].untold
        take_off(ev, node.inputs)
    elif node.rule.heeds:
        bare = False
    for output in node.outputs:
        output.bare, output.untold = bare, untold
        if bare and untold:
            output.mask = None


def take_off(ev: Interpreter, tensors: Iterable[Tensor]) -> None:
    """Let tensors have no masks from here on."""
    for tensor in tensors:
        if tensor.mask is not None:
            ev.unmasked.append((tensor, tensor.mask, tensor.bare))
            if ev.calling or tensor.untold:
                tensor.mask = None
            else:
                tensor.bare = True


def put_on(ev: Interpreter, tensors: Iterable[Tensor]) -> None:
    """A model that is called within another is told the masks, and gives them back to its inputs."""
    for tensor in tensors:
        if tensor.bare:
            ev.unmasked.append((tensor, tensor.mask, True))
            tensor.bare = False


def apart(ev: Interpreter, length: int, made: set[int]) -> Unmasked:
    """What a branch has done to the masks of tensors that it has not ``made``: it is undone for the other branch."""
    done = ev.unmasked[length:]
    outer = [entry for entry in done if id(entry[0]) not in made]
    left = {id(tensor): (tensor, *tensor.masking) for tensor, _, _ in outer}
    for tensor, mask, bare in reversed(outer):
        tensor.mask, tensor.bare = mask, bare
    ev.unmasked[length:] = [entry for entry in done if id(entry[0]) in made]
    return left


def again(ev: Interpreter, left: Unmasked) -> None:
    """Do it once more: where the other branch does the same."""
    for tensor, mask, bare, _ in left.values():
        ev.unmasked.append((tensor, tensor.mask, tensor.bare))
        tensor.mask, tensor.bare = mask, bare


def put_back(ev: Interpreter, length: int) -> None:
    """Undo all but the first ``length`` of what was taken off."""
    while len(ev.unmasked) > length:
        tensor, mask, bare = ev.unmasked.pop()
        tensor.mask, tensor.bare = mask, bare
