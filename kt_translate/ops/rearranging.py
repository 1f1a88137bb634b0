"""``keras.ops.rearrange``: axes regrouped by a pattern, ``"b (h p) c -> b h (p c)"``."""

from __future__ import annotations

import re
from typing import Any

from kt_translate.graph.tensor import Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arithmetic import operation
from kt_translate.ops.op import op
from kt_translate.ops.reshaping import permuted, reshape_to
from kt_translate.ops.shape import product
from kt_translate.ops.values import as_tensor, size_of


def _groups(text: str) -> list[list[str]]:
    """The axes of one side of a pattern, those in parentheses together."""
    found = re.findall(r"\(([^()]*)\)|(\S+)", text)
    return [inner.split() if not name else [name] for inner, name in found]


def _sizes(x: Tensor, groups: list[list[str]], given: dict[str, Any]) -> dict[str, Any]:
    """The size of every named axis; the one of a group that is not given is what is left."""
    sizes = dict(given)
    for axis, group in enumerate(groups):
        missing = [n for n in group if n not in sizes and n != "1"]
        if len(missing) > 1:
            raise RuleError("KT204", f"the sizes of {', '.join(missing)} are not given")
        if missing:
            rest = product([sizes[n] for n in group if n in sizes])
            size = size_of(x, axis)
            sizes[missing[0]] = size if len(group) == 1 else operation("//", size, rest)
    return sizes


@op("keras.ops.rearrange")
def rearrange(tensor: Any, pattern: Any, **axes_lengths: Any) -> Tensor:
    x = as_tensor(tensor)
    text = decided(pattern, "the pattern")
    if "..." in text:
        raise RuleError("KT203", "a pattern with an ellipsis")
    before, after = (_groups(side) for side in text.split("->"))
    if len(before) != x.rank:
        raise RuleError("KT204", f"the pattern {text!r} for a tensor of rank {x.rank}")
    sizes = _sizes(x, before, axes_lengths)
    names = [n for group in before for n in group if n != "1"]
    if any(len(group) != 1 or group == ["1"] for group in before):
        x = reshape_to(x, [sizes[n] for n in names])
    wanted = [n for group in after for n in group if n != "1"]
    if sorted(wanted) != sorted(names):
        raise RuleError("KT204", f"the sides of {text!r} have different axes")
    if wanted != names:
        x = permuted(x, tuple(names.index(n) for n in wanted))
    if any(len(group) != 1 or group == ["1"] for group in after):
        x = reshape_to(x, [product([sizes[n] for n in group if n != "1"]) for group in after])
    return x
