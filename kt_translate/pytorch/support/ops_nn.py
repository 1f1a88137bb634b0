"""Functions of keras.ops and tf.nn that PyTorch lacks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def one_hot(ids: Tensor, classes: int, dtype: torch.dtype | None = None) -> Tensor:
    """One-hot vectors of floats. Keras gives zeros for an id that is no class; F.one_hot fails."""
    found = ids.unsqueeze(-1) == torch.arange(classes, device=ids.device)
    return found.to(dtype or torch.get_default_dtype())


def conv_transpose(
    x: Tensor,
    weight: Tensor,
    size: Sequence[int],
    stride: int | Sequence[int],
    padding: str,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """A transposed convolution of (N, C, ...) with an output of ``size``, as TensorFlow places it.

    "same" cuts off what is too much at both ends, the odd element at the end.
    """
    functions = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
    x = functions[len(size) - 1](x, weight, stride=stride, dilation=dilation)
    for dim, length in enumerate(size, start=2):
        more = x.shape[dim] - length
        start = max(more, 0) // 2 if padding == "same" else 0
        if more < 0:
            x = F.pad(x, [0, 0] * (x.dim() - 1 - dim) + [0, -more])
        x = x.narrow(dim, start, length)
    return x


def binary_crossentropy_shifted(output: Tensor, target: Tensor) -> Tensor:
    """Binary cross-entropy of probabilities, clipped, and 1e-7 added in the logarithm."""
    output = output.clamp(1e-7, 1 - 1e-7)
    return -(target * (output + 1e-7).log() + (1 - target) * (1 - output + 1e-7).log())


def scaled_crossentropy(output: Tensor, target: Tensor, dim: int) -> Tensor:
    """Categorical cross-entropy of probabilities, made to sum to 1 and clipped to 1e-7."""
    output = (output / output.sum(dim, keepdim=True)).clamp(1e-7, 1 - 1e-7)
    return -(target * output.log()).sum(dim)


def ctc_batch_cost(
    target: Tensor, output: Tensor, input_length: Tensor, label_length: Tensor
) -> Tensor:
    """Keras's CTC loss (N, 1) of probabilities (N, L, C) whose last class is the blank.

    TensorFlow gives an infinite loss where the input is too short for the labels.
    """
    logits = (output.transpose(0, 1) + 1e-7).log()
    losses = F.ctc_loss(
        logits.log_softmax(-1),
        target.long(),
        input_length.long().view(-1),
        label_length.long().view(-1),
        blank=output.shape[-1] - 1,
        reduction="none",
    )
    return losses.unsqueeze(1)


def embedding_lookup(table: Tensor, ids: Tensor) -> Tensor:
    """The rows of ``table`` by number, whatever the rank of either."""
    return table[ids.long()]


def depth_to_space(x: Tensor, block: int) -> Tensor:
    """Channels (N, C, H, W) into blocks of pixels. TensorFlow has a block's pixels in the slow part
    of the channels, F.pixel_shuffle in the fast one.
    """
    n, channels, height, width = x.shape
    x = x.view(n, block, block, channels // block**2, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(n, -1, height * block, width * block)


def space_to_depth(x: Tensor, block: int) -> Tensor:
    """Blocks of pixels of (N, C, H, W) into channels, in TensorFlow's order: first pixels, then
    channels.
    """
    n, channels, height, width = x.shape
    x = x.reshape(n, channels, height // block, block, width // block, block)
    return x.permute(0, 3, 5, 1, 2, 4).reshape(n, -1, height // block, width // block)


def extract_patches(
    x: Tensor,
    size: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Tensor:
    """Patches of (N, C, H, W), each in the order of rows, columns, channels, which is TensorFlow's;
    F.unfold has the channels first.
    """
    height, width = (
        (n - (k - 1) * d - 1) // s + 1
        for n, k, s, d in zip(x.shape[2:], size, stride, dilation, strict=True)
    )
    patches = F.unfold(x, size, dilation=dilation, stride=stride)
    patches = patches.view(len(x), x.shape[1], size[0] * size[1], -1).transpose(1, 2)
    return patches.reshape(len(x), -1, height, width)


def segment_reduce(
    x: Tensor, segments: Tensor, count: int, reduction: str, *, empty: float | None = None
) -> Tensor:
    """One element for each of ``count`` segments of the first axis: a "sum", "mean", "prod", "amax"
    or "amin".

    TensorFlow drops what has a negative number, and fills an empty segment with the lowest number
    for a maximum, with the highest for a minimum, unless ``empty`` says with what.
    """
    if empty is None:
        limits = torch.finfo(x.dtype) if x.is_floating_point() else torch.iinfo(x.dtype)
        empty = {"prod": 1, "amax": limits.min, "amin": limits.max}.get(reduction, 0)
    segments = torch.where(segments < 0, count, segments).long()
    index = segments.view(-1, *[1] * (x.dim() - 1)).expand_as(x)
    start = x.new_full((count + 1, *x.shape[1:]), empty)
    return start.scatter_reduce(0, index, x, reduction, include_self=False)[:count]


def bincount(
    x: Tensor,
    weights: Tensor | None = None,
    *,
    minlength: int = 0,
    maxlength: int | None = None,
    binary: bool = False,
) -> Tensor:
    """How often each number from 0 on occurs in every row of (..., n), or whether it does (``binary``).

    Numbers from ``maxlength`` on are not counted.
    """
    length = max(int(x.max()) + 1, minlength)
    rows = x.reshape(-1, x.shape[-1])
    places = rows + length * torch.arange(len(rows), device=x.device).unsqueeze(-1)
    flat = None if weights is None else weights.flatten()
    counts = torch.bincount(places.flatten(), weights=flat, minlength=len(rows) * length)
    counts = counts.view(*x.shape[:-1], length)[..., :maxlength]
    return counts.clamp(max=1) if binary else counts


def in_top_k(targets: Tensor, predictions: Tensor, k: int) -> Tensor:
    """Whether fewer than ``k`` predictions (N, C) are larger than that of the target class (N,)."""
    targets = targets.long()
    classes = predictions.shape[-1]
    valid = (targets >= 0) & (targets < classes)
    own = predictions.gather(-1, targets.clamp(0, classes - 1).unsqueeze(-1))
    return valid & ((predictions > own).sum(-1) < k)
