"""Functions of keras.ops and TensorFlow on elements, shapes and indices that PyTorch lacks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def divide_no_nan(x: Tensor, y: Tensor) -> Tensor:
    """x / y, and 0 where y is 0; there the gradient, too, is 0 and not NaN."""
    zero = y == 0
    return torch.where(zero, 0.0, x / torch.where(zero, 1.0, y))


def multiply_no_nan(x: Tensor, y: Tensor) -> Tensor:
    """x * y, and 0 where y is 0 even if x is infinite or NaN."""
    return torch.where(y == 0, 0.0, x * y)


def xdivy(x: Tensor, y: Tensor) -> Tensor:
    """x / y, and 0 where x is 0 even if y is as well."""
    zero = x == 0
    return torch.where(zero, 0.0, x / torch.where(zero, 1.0, y))


def clip_by_norm(x: Tensor, limit: float, dims: Sequence[int] | None = None) -> Tensor:
    """x scaled down to a norm of at most ``limit``, over some of the dimensions or all of them."""
    dims = tuple(range(x.dim())) if dims is None else tuple(dims)
    squares = (x * x).sum(dim=dims, keepdim=True)
    norm = torch.where(squares > 0, squares, 1.0).sqrt()
    norm = torch.where(squares > 0, norm, 0.0)
    return x * limit / norm.clamp(min=limit)


def exclusive_cumsum(x: Tensor, dim: int) -> Tensor:
    """At each place the sum of what stands before it: TensorFlow's cumsum(exclusive=True)."""
    before = torch.zeros_like(x.narrow(dim, 0, 1))
    return torch.cat([before, x.narrow(dim, 0, x.shape[dim] - 1)], dim=dim).cumsum(dim)


def exclusive_cumprod(x: Tensor, dim: int) -> Tensor:
    """At each place the product of what stands before it: TensorFlow's cumprod(exclusive=True)."""
    before = torch.ones_like(x.narrow(dim, 0, 1))
    return torch.cat([before, x.narrow(dim, 0, x.shape[dim] - 1)], dim=dim).cumprod(dim)


def quantile_over(
    x: Tensor, q: float, dims: Sequence[int], keepdim: bool = False, nan: bool = False
) -> Tensor:
    """A quantile over several dimensions at once, of which torch.quantile takes one."""
    dims = [d % x.dim() for d in dims]
    flat = x.movedim(dims, list(range(-len(dims), 0))).flatten(-len(dims))
    found = (torch.nanquantile if nan else torch.quantile)(flat, q, dim=-1)
    for d in sorted(dims) if keepdim else []:
        found = found.unsqueeze(d)
    return found


def batched_gather(x: Tensor, indices: Tensor, dim: int, batch_dims: int) -> Tensor:
    """The slices of x along ``dim`` at positions that differ from row to row of the batch.

    tf.gather with ``batch_dims``: the leading dimensions of x and of the indices go together.
    """
    between = x.shape[batch_dims:dim]
    flat = (
        indices.flatten(batch_dims).long()
        if indices.dim() > batch_dims
        else indices.unsqueeze(-1).long()
    )
    x = x.movedim(dim, batch_dims)
    places = flat.reshape(*flat.shape, *[1] * (x.dim() - flat.dim()))
    places = places.expand(*flat.shape, *x.shape[flat.dim() :])
    found = x.gather(batch_dims, places).unflatten(batch_dims, indices.shape[batch_dims:] or (1,))
    count = max(indices.dim() - batch_dims, 1)
    sources = list(range(batch_dims, batch_dims + count))
    found = found.movedim(sources, [s + len(between) for s in sources])
    return found if indices.dim() > batch_dims else found.squeeze(dim)


def batched_gather_nd(x: Tensor, indices: Tensor, batch_dims: int) -> Tensor:
    """tf.gather_nd with ``batch_dims``: elements by their coordinates, in each row of the batch."""
    rows = torch.meshgrid(
        *(torch.arange(n, device=x.device) for n in x.shape[:batch_dims]), indexing="ij"
    )
    inner = [1] * (indices.dim() - 1 - batch_dims)
    places = [row.reshape(*row.shape, *inner) for row in rows]
    at = (*places, *indices.unbind(-1))
    return x[at]


def scatter_nd_reduce(x: Tensor, indices: Tensor, updates: Tensor, reduce: str) -> Tensor:
    """x with ``updates`` taken into elements or slices of it ("amax", "amin", "prod")."""
    depth = indices.shape[-1]
    sizes = x.shape[:depth]
    flat = torch.zeros_like(indices[..., 0], dtype=torch.long)
    for size, place in zip(sizes, indices.unbind(-1), strict=True):
        flat = flat * size + place
    rows = x.reshape(sizes.numel(), -1)
    values = updates.reshape(flat.numel(), -1)
    places = flat.reshape(-1, 1).expand_as(values)
    return rows.scatter_reduce(0, places, values, reduce).reshape(x.shape)


def slice_update(x: Tensor, start: Sequence[int], updates: Tensor) -> Tensor:
    """x with ``updates`` in place of what begins at ``start``; x itself stays as it is."""
    x = x.clone()
    x[tuple(slice(a, a + n) for a, n in zip(start, updates.shape, strict=True))] = updates
    return x


def mirror_pad(x: Tensor, pad: Sequence[int], symmetric: bool = False) -> Tensor:
    """A border that mirrors the tensor, given as F.pad's is: last dimension first.

    F.pad takes the last dimensions only, and never repeats the edge as TensorFlow's "symmetric".
    """
    for i in range(len(pad) // 2):
        before, after = pad[2 * i], pad[2 * i + 1]
        dim = x.dim() - 1 - i
        last = x.shape[dim] - 1
        places = torch.arange(-before, last + 1 + after, device=x.device)
        if symmetric:
            places = torch.where(places < 0, -1 - places, places)
            places = torch.where(places > last, 2 * last + 1 - places, places)
        else:
            places = last - (last - places.abs()).abs()
        x = x.index_select(dim, places)
    return x
