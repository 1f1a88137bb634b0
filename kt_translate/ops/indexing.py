"""``x[key]`` as Python and TensorFlow mean it, and slices by their starts and sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import UNKNOWN, Sym, known
from kt_translate.graph.tensor import Dim, Layout, Shape, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.op import op
from kt_translate.ops.values import as_tensor, is_number, is_scalar, listed, size_of, without
from kt_translate.pytorch.expr import Expr, as_expr

WHOLE = slice(None)


def index_tensor(x: Tensor, key: Any) -> Tensor:
    """``x[key]`` with numbers, slices, None, Ellipsis, tensors and lists of numbers."""
    keys = list(key) if isinstance(key, tuple) else [key]
    keys = [_key(k) for k in keys]
    at, filled = _spread(keys, x.rank)
    if any(isinstance(k, Tensor) and not is_number(k) and k.rank > 0 for k in filled):
        return _by_tensors(x, filled)
    x, filled = _forwards(x, filled)
    if all(k is not None for k in filled) and x.layout is Layout.FIRST and x.rank > 2:
        return _in_place(x, filled)
    shown = (
        filled
        if at == len(keys)
        else [*filled[:at], Ellipsis, *filled[len(filled) - (len(keys) - at - 1) :]]
    )
    return _sliced_as(x, _trimmed(shown), _shape(x.shape, filled), Layout.LAST, Layout.LAST)


def _spread(keys: list[Any], rank: int) -> tuple[int, list[Any]]:
    """Where the keys have ``...`` (their number, if they have none), and a key for each axis."""
    given = sum(_axes(k) for k in keys)
    if given > rank:
        raise RuleError("KT204", f"{given} indices for a tensor of rank {rank}")
    at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
    return at, keys[:at] + [WHOLE] * (rank - given) + keys[at + 1 :]


def shape_at(shape: Shape, key: Any) -> Shape:
    """The shape of ``x[key]`` with numbers, slices, None and Ellipsis."""
    return _shape(shape, _spread(list(key) if isinstance(key, tuple) else [key], len(shape))[1])


def _key(key: Any) -> Any:
    if isinstance(key, (list, tuple)):
        return as_tensor(key)
    if isinstance(key, float):
        raise RuleError("KT204", "an index that is no whole number")
    return key


def _axes(key: Any) -> int:
    """How many axes a key takes."""
    if key is None or key is Ellipsis:
        return 0
    if isinstance(key, Tensor) and key.dtype == "bool":
        return key.rank
    return 1


def _in_place(x: Tensor, keys: list[Any]) -> Tensor:
    """Numbers and slices on a channels-first picture, which stays one if it can."""
    dropped = [a for a, k in enumerate(keys) if not isinstance(k, slice)]
    wants, layout = without(x, dropped)
    ordered = keys if wants is Layout.LAST else [keys[0], keys[-1], *keys[1:-1]]
    return _sliced_as(x, _trimmed(ordered), _shape(x.shape, keys), wants, layout)


def _trimmed(keys: list[Any]) -> list[Any]:
    """Without the whole axes at the end, which go without saying; ``...`` where the others are behind it."""
    keys = list(keys)
    while len(keys) > 1 and (keys[-1] == WHOLE or keys[-1] is Ellipsis) and _is_whole(keys[-1]):
        keys.pop()
    return keys


def _is_whole(key: Any) -> bool:
    return key is Ellipsis or (isinstance(key, slice) and key == WHOLE)


def _sliced_as(x: Tensor, keys: list[Any], shape: Shape, wants: Layout, layout: Layout) -> Tensor:
    if len(keys) == 1 and _is_whole(keys[0]):
        return x
    inputs = [t for k in keys for t in _tensors(k)]

    def render(e: Expr, *numbers: Expr) -> Expr:
        rest = iter(numbers)
        return e[tuple(_filled(k, rest) for k in keys)]

    return derived(render, [x, *inputs], shape, x.dtype, layout, wants, label="index")


def _tensors(key: Any) -> Iterator[Tensor]:
    parts = (key.start, key.stop, key.step) if isinstance(key, slice) else (key,)
    yield from (p for p in parts if isinstance(p, Tensor))


def _filled(key: Any, numbers: Iterator[Expr]) -> Any:
    if isinstance(key, slice):
        return slice(*(_filled(p, numbers) for p in (key.start, key.stop, key.step)))
    return next(numbers) if isinstance(key, Tensor) else key


def _forwards(x: Tensor, keys: list[Any]) -> tuple[Tensor, list[Any]]:
    """Torch has no negative steps: the axis is turned round, and read forwards."""
    axis, turned, out = 0, [], []
    for key in keys:
        if isinstance(key, slice) and key.step is not None and decided(key.step, "the step") < 0:
            turned.append(axis)
            start, stop = (None if p is None else _mirrored(p) for p in (key.start, key.stop))
            step = -decided(key.step, "the step")
            key = slice(start, stop, None if step == 1 else step)
        out.append(key)
        axis += _axes(key)
    return (flipped(x, tuple(turned)) if turned else x), out


def _mirrored(position: Any) -> Any:
    if isinstance(position, Tensor):
        raise RuleError("KT203", "a backwards slice whose ends are only known at run time")
    return -1 - position


def flipped(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    dims = tuple(x.dim(a) for a in axes)
    return derived(
        lambda e: e.flip(*dims), [x], x.shape, x.dtype, x.layout, Layout.KEEP, label="flip"
    )


# -- shapes ---------------------------------------------------------------------------------------
def _shape(before: Shape, keys: list[Any]) -> Shape:
    shape: list[Any] = []
    axis = 0
    for key in keys:
        if key is None:
            shape.append(1)
            continue
        if isinstance(key, slice):
            shape.append(sliced_size(before[axis], key))
        axis += 1
    return tuple(shape)


def sliced_size(size: Dim, key: slice) -> Dim:
    """The size of an axis that is sliced; None where it is not known."""
    if _is_whole(key):
        return size
    if _is_one(key) and (size is None or known(size) is UNKNOWN):
        return 1  # as long as there is something to take
    step = 1 if key.step is None else known(key.step)
    if size is None or step is UNKNOWN or any(True for _ in _tensors(key)):
        return None
    parts = [known(p) for p in (size, key.start, key.stop)]
    if (
        step is None
        or any(p is UNKNOWN for p in parts)
        or not all(isinstance(p, (int, type(None))) for p in parts)
    ):
        return None
    total, start, stop = parts
    length = len(range(*slice(start, stop, step).indices(total)))
    if not any(isinstance(p, Sym) for p in (size, key.start, key.stop)):
        return length
    if step < 1:
        return None
    if any(isinstance(p, Sym) and known(p) == 0 and not _counts(p) for p in (key.start, key.stop)):
        return None  # its sign is not known: `x[:-end]` is nothing where `end` is 0
    first = 0 if key.start is None else key.start
    last = size if key.stop is None else key.stop
    if start is not None and start < 0:
        first = size + key.start
    if stop is not None and stop < 0:
        last = size + key.stop
    span: Dim = last - first
    if step != 1:
        span = (span + (key.step - 1)) // key.step
    return span if known(span) == length else None


def _counts(place: Sym) -> bool:
    """Whether a place is 0 in the first turn of a loop alone: ``i * width``."""
    zero = {s for s in place.symbols if s.value == 0}
    return place.head in "*+" and bool(zero) and all(s.kind == "loop" for s in zero)


def _is_one(key: slice) -> bool:
    """Whether a slice takes one element: the first, the last, or the one at a place."""
    first = 0 if key.start is None else key.start
    if key.step not in (None, 1) or type(first) is not int:
        return False
    return (first == -1 and key.stop is None) or (type(key.stop) is int and key.stop - first == 1)


# -- by tensors -----------------------------------------------------------------------------------
def _by_tensors(x: Tensor, keys: list[Any]) -> Tensor:
    """Masks and tensors of positions, as numpy has them: their axes come where the first of them stands."""
    x, keys = _forwards(x, keys)
    places = [i for i, k in enumerate(keys) if isinstance(k, Tensor) and not is_number(k)]
    shape: list[Any] = []
    axis = 0
    for i, key in enumerate(keys):
        if i in places:
            if i == places[0]:
                shape += _joined_shape([keys[p] for p in places])
        elif key is None:
            shape.append(1)
        elif isinstance(key, slice):
            shape.append(sliced_size(x.shape[axis], key))
        axis += _axes(key)
    if places != list(range(places[0], places[-1] + 1)):
        raise RuleError("KT203", "indexing by tensors that are not side by side")
    ordered = [k if i not in places else positions(k) for i, k in enumerate(keys)]
    return _sliced_as(x, _trimmed(ordered), tuple(shape), Layout.LAST, Layout.LAST)


def _joined_shape(indices: list[Tensor]) -> list[Any]:
    if any(k.dtype == "bool" for k in indices):
        return [None]
    ranks = [k.rank for k in indices]
    return list(indices[ranks.index(max(ranks))].shape)


def positions(indices: Tensor) -> Tensor:
    """A tensor that torch takes for positions (bytes are masks to it, floats nothing at all)."""
    if indices.dtype in ("bool", "int32", "int64"):
        return indices
    return derived(lambda e: e.long(), [indices], indices.shape, "int64", wants=Layout.KEEP)


# -- slices by start and size ---------------------------------------------------------------------
def numbers_in(value: Any, what: str) -> list[Any]:
    """The numbers of a list that may be a tensor of known ones."""
    if isinstance(value, Tensor) and "constant" in value.facts:
        value = value.facts["constant"]
    value = listed(value)
    if is_scalar(value):
        return [value]
    if not isinstance(value, (list, tuple)) or not all(map(is_scalar, value)):
        raise RuleError("KT203", f"{what} computed from data")
    return list(value)


def plus(a: Any, b: Any) -> Any:
    """a + b of numbers, some of them only known at run time."""
    from kt_translate.ops.arithmetic import operation

    if type(a) is int and a == 0:
        return b
    return operation("+", a, b)


@op("keras.ops.slice", "tf.slice", input_="inputs", begin="start_indices", size="shape")
def slice_(inputs: Any, start_indices: Any, shape: Any, name: Any = None) -> Tensor:
    x = as_tensor(inputs)
    keys = []
    sizes = numbers_in(shape, "sizes")
    for axis, (start, size) in enumerate(zip(numbers_in(start_indices, "starts"), sizes)):
        if isinstance(size, int) and size == -1:
            keys.append(slice(None if _is_zero(start) else start, None))
            continue
        whole = (
            _is_zero(start) and x.shape[axis] is not None and known(size) == known(x.shape[axis])
        )
        stop = None if whole else plus(start, size)
        keys.append(slice(None if _is_zero(start) else start, stop))
    return index_tensor(x, tuple(keys))


def _is_zero(value: Any) -> bool:
    return type(value) is int and value == 0


@op("tf.strided_slice", "keras.ops.strided_slice", input="input_")
def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: Any = 0,
    end_mask: Any = 0,
    ellipsis_mask: Any = 0,
    new_axis_mask: Any = 0,
    shrink_axis_mask: Any = 0,
) -> Tensor:
    starts, stops = numbers_in(begin, "starts"), numbers_in(end, "ends")
    steps = [1] * len(starts) if strides is None else numbers_in(strides, "steps")
    keys: list[Any] = []
    for i, (start, stop, step) in enumerate(zip(starts, stops, steps)):
        bit = 1 << i
        if ellipsis_mask & bit:
            keys.append(Ellipsis)
        elif new_axis_mask & bit:
            keys.append(None)
        elif shrink_axis_mask & bit:
            keys.append(start)
        else:
            first, last = None if begin_mask & bit else start, None if end_mask & bit else stop
            keys.append(slice(first, last, None if step == 1 else step))
    return index_tensor(as_tensor(input_), tuple(keys))


@op("keras.ops.get_item")
def get_item(x: Any, key: Any) -> Tensor:
    return index_tensor(as_tensor(x), key)


__all__ = [
    "as_expr",
    "flipped",
    "index_tensor",
    "numbers_in",
    "positions",
    "size_of",
    "sliced_size",
]
