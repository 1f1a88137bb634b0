"""What the elementwise operations rest on: types of results, broadcasting, constants, and numbers known at run time.

A *number* is a tensor of rank 0 that torch has as a Python number: a size (``x.shape[1]``), or what is computed of sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from kt_translate.graph.region import CURRENT, OpNode, derived
from kt_translate.graph.sym import Sym, known, same
from kt_translate.graph.tensor import Layout, Shape, Tensor
from kt_translate.layers.layer import RuleError
from kt_translate.pytorch.expr import OMIT, Expr, as_expr, torch

_FLOATS = ("float16", "bfloat16", "float32", "float64")


# -- names of ops ---------------------------------------------------------------------------------
def paths(
    *names: str, k: Iterable[str] = (), tf: Iterable[str] = (), np: bool = False
) -> list[str]:
    """The canonical paths of a function: ``names`` of keras.ops (and of numpy), others of K and TensorFlow."""
    found = [f"keras.ops.{n}" for n in names]
    found += [f"keras.backend.{n}" for n in k]
    for name in tf:
        found += [f"tf.{name}"] if "." in name else [f"tf.{name}", f"tf.math.{name}"]
    return found + ([f"numpy.{n}" for n in names] if np else [])


# -- numbers --------------------------------------------------------------------------------------
def is_number(value: Any) -> bool:
    """Whether torch has this tensor as a Python number."""
    return isinstance(value, Tensor) and bool(value.facts.get("number"))


def is_scalar(value: Any) -> bool:
    """Whether this is a Python number in the generated code, whenever it is known."""
    if isinstance(value, Sym):
        return not isinstance(value.value, (tuple, list, str))
    return isinstance(value, (bool, int, float)) or is_number(value)


def is_plain_number(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def number(render: Callable[..., Any], inputs: list[Tensor], dtype: str = "int32") -> Tensor:
    """A Python number that is computed where the tensors are."""
    result = derived(render, inputs, (), dtype, wants=Layout.KEEP, label="number")
    result.facts["number"] = True
    return result


def size_of(x: Tensor, axis: int) -> Any:
    """The size of an axis: what is known of it, or the number that is read off the tensor at run time."""
    size = x.shape[axis]
    if size is not None:
        return size
    result = number(lambda e: e.shape[x.dim(axis)], [x])
    result.facts["size"] = (x, axis % x.rank)
    return result


class StaticShape(tuple):  # type: ignore[type-arg]
    """``x.shape``: the sizes that are known, and the tensor of which the others can be read."""

    tensor: Tensor

    @staticmethod
    def of(x: Tensor) -> StaticShape:
        shape = StaticShape(x.shape)
        shape.tensor = x
        return shape

    @property
    def sizes(self) -> tuple[Any, ...]:
        return tuple(size_of(self.tensor, axis) for axis in range(len(self)))


# -- types ----------------------------------------------------------------------------------------
def is_float(dtype: str) -> bool:
    return dtype.startswith(("float", "bfloat", "complex"))


def dtype_of(value: Any) -> str:
    """The type of an operand; "int" and "float" for Python's numbers, which take on that of their company."""
    if isinstance(value, Tensor):
        if is_number(value) and value.dtype != "bool":
            return "float" if is_float(value.dtype) else "int"
        return value.dtype
    sample = value.value if isinstance(value, Sym) else value
    if isinstance(sample, bool):
        return "bool"
    return "float" if isinstance(sample, float) else "int"


def promoted(*dtypes: str) -> str:
    """Keras's type of a result."""
    strong = [d for d in dtypes if d not in ("int", "float")]
    floats = [d for d in strong if d in _FLOATS]
    if floats:
        if {"float16", "bfloat16"} <= set(floats):
            return "float32"
        return max(floats, key=_FLOATS.index)
    if "float" in dtypes:
        return "float32"
    whole = [d for d in strong if d != "bool"]
    if not whole:
        return "int32" if "int" in dtypes or not strong else strong[0]
    other = [d for d in whole if not d.startswith(("int", "uint"))]
    if other:
        return other[0]
    return _promoted_whole(whole)


def _promoted_whole(dtypes: list[str]) -> str:
    """Of whole numbers: the widest, and one step wider where a sign has to find room."""
    signed = max((int(d[3:]) for d in dtypes if d.startswith("int")), default=0)
    unsigned = max((int(d[4:]) for d in dtypes if d.startswith("uint")), default=0)
    if not signed or not unsigned:
        return f"int{signed}" if signed else f"uint{unsigned}"
    width = max(signed, 2 * unsigned)
    return f"int{width}" if width <= 64 else "float32"


# -- shapes ---------------------------------------------------------------------------------------
def broadcast(a: Shape, b: Shape) -> Shape:
    """The shape of an elementwise operation, sizes of 1 stretching. Sizes that are not known win over 1."""
    n = max(len(a), len(b))
    left, right = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    return tuple(_stretched(x, y) for x, y in zip(left, right))


def _stretched(x: Any, y: Any) -> Any:
    if same(y, 1):
        return x
    if same(x, 1) or same(x, y) or (known(x) == 1 and known(y) != 1):
        return y
    if x is None or y is None:
        return y if x is None else x
    if isinstance(x, int) and isinstance(y, int):
        raise RuleError("KT204", f"sizes {x} and {y} do not fit together")
    return x


# -- constants ------------------------------------------------------------------------------------
def listed(value: Any) -> Any:
    """The items of a tuple that is a symbol; everything else as it is."""
    if isinstance(value, Sym) and isinstance(value.value, (tuple, list)):
        return [Sym.index(value, i) for i in range(len(value.value))]
    return value


def leaves(value: Any) -> list[Any]:
    value = listed(value)
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def nested_shape(value: Any) -> tuple[int, ...]:
    """The shape of nested lists of numbers. Raises RuleError where they are ragged."""
    value = listed(value)
    if not isinstance(value, (list, tuple)):
        return ()
    shapes = [nested_shape(v) for v in value]
    if any(s != shapes[0] for s in shapes):
        raise RuleError("KT203", "a list whose parts have different lengths")
    return (len(value), *(shapes[0] if shapes else ()))


def as_list(value: Any) -> Any:
    value = listed(value)
    return [as_list(v) for v in value] if isinstance(value, (list, tuple)) else value


def as_tensor(value: Any, dtype: str | None = None) -> Tensor:
    """``value`` as a tensor of the model: numbers and nested lists of numbers or tensors become one."""
    if isinstance(value, Tensor) and not is_number(value):
        return _here(value)
    value = listed(value)
    parts = leaves(value)
    if isinstance(value, (list, tuple)) and any(
        isinstance(p, Tensor) and not is_number(p) for p in parts
    ):
        return _stacked([as_tensor(v) for v in value])
    if not all(map(is_scalar, parts)):
        raise RuleError("KT203", "the argument is not a tensor of the model")
    return constant(value, dtype)


def _here(x: Tensor) -> Tensor:
    """A constant of the module is made anew where it is used."""
    if "constant" not in x.facts or x.facts["region"] is CURRENT[-1]:
        return x
    made = constant(x.facts["constant"], x.dtype)
    made.name = x.name
    return made


def _stacked(tensors: list[Tensor]) -> Tensor:
    first = tensors[0]
    shape = (len(tensors), *first.shape)
    return derived(
        lambda *es: torch.stack(list(es)), tensors, shape, promoted(*(t.dtype for t in tensors))
    )


def constant(value: Any, dtype: str | None = None) -> Tensor:
    """A tensor of numbers that the source gives."""
    value = as_list(value)
    parts = leaves(value)
    numbers = [p for p in parts if isinstance(p, Tensor)]
    kind = promoted(*map(dtype_of, parts)) if parts else "float32"
    if dtype == "float32" and all(type(p) is int for p in parts):
        value, kind = _as_floats(value), "float32"
    of_type = dtype not in (None, kind) and (kind, dtype) != ("int32", "int64")
    asked: Any = _torch_dtype(dtype) if of_type else OMIT

    def render(*es: Expr, device: Expr) -> Expr:
        given = iter(es)
        return torch.tensor(as_expr(_filled(value, given)), dtype=asked, device=device)

    result = derived(
        render, numbers, nested_shape(value), dtype or kind, wants=Layout.KEEP, device=True
    )
    if not numbers and not of_type:
        result.facts.update(constant=value, region=CURRENT[-1])
    return result


def _as_floats(value: Any) -> Any:
    return [_as_floats(v) for v in value] if isinstance(value, list) else float(value)


def _torch_dtype(dtype: str | None) -> Any:
    return torch.get_default_dtype() if dtype == "float32" else Expr(f"torch.{dtype}")


def _filled(value: Any, given: Any) -> Any:
    if isinstance(value, list):
        return [_filled(v, given) for v in value]
    return next(given) if isinstance(value, Tensor) else value


# -- elementwise operations of several operands ---------------------------------------------------
def apply(
    render: Callable[..., Any],
    *operands: Any,
    dtype: str | None = None,
    label: str = "op",
    lift: bool = False,
) -> Tensor:
    """``render`` of the operands' expressions, broadcasting; Python's numbers stay what they are unless ``lift``ed.

    Channels-first pictures stay so where all of their rank can be read that way; a vector along the channels
    then gets the axes that it lacks.
    """
    given = [o if is_scalar(o) else as_tensor(o) for o in operands]
    dtype = dtype or promoted(*map(dtype_of, given))
    if all(map(is_scalar, given)):
        numbers = [o for o in given if isinstance(o, Tensor)]
        return number(_with_inputs(render, given, numbers), numbers, dtype)
    real = [o for o in given if isinstance(o, Tensor) and "constant" not in o.facts]
    if all(map(is_number, real)):
        real = [o for o in given if isinstance(o, Tensor)]
    shapes = [o.shape for o in given if isinstance(o, Tensor)]
    rank = max(map(len, shapes))
    full = [o for o in real if o.rank == rank]
    small = all(o.rank in (0, 1, rank) for o in given if isinstance(o, Tensor))
    layout = _common_layout(full) if small and full else Layout.LAST
    shape: Shape = ()
    for s in shapes:
        shape = broadcast(shape, s)
    stretch = rank - 2 if layout is Layout.FIRST and rank > 2 else 0
    wants = [layout if o.rank == rank else Layout.LAST for o in real]
    whole = _with_inputs(render, given, real, stretch, lift)
    result = derived(whole, real, shape, dtype, layout, label=label)
    node = result.node
    assert isinstance(node, OpNode)
    node.wants = wants
    node.pointwise = {o.rank for o in given if isinstance(o, Tensor)} <= {0, rank}
    return result


def _common_layout(full: list[Tensor]) -> Layout:
    if full[0].rank > 3 and any(t.layout is Layout.FIRST for t in full):
        return Layout.FIRST
    return full[0].layout


def _with_inputs(
    render: Callable[..., Any],
    given: list[Any],
    inputs: list[Tensor],
    stretch: int = 0,
    lift: bool = False,
) -> Callable[..., Any]:
    """``render`` of all operands, from the expressions of those that are inputs."""
    at = {id(t): i for i, t in enumerate(inputs)}
    tensors = [i for i, t in enumerate(inputs) if not is_number(t)]
    lead = next((i for i in tensors if is_float(inputs[i].dtype)), None)

    def new(value: Any, es: tuple[Expr, ...]) -> Expr:
        if lead is not None:
            return es[lead].new_tensor(value)
        return torch.tensor(as_expr(value), device=es[tensors[0]].device if tensors else OMIT)

    def operand(value: Any, es: tuple[Expr, ...]) -> Expr:
        if not isinstance(value, Tensor):
            return new(value, es) if lift else as_expr(value)
        if is_number(value):
            return new(es[at[id(value)]], es) if lift else es[at[id(value)]]
        e = es[at[id(value)]] if id(value) in at else new(value.facts["constant"], es)
        along = (slice(None), *[None] * stretch)
        return e[along] if stretch and value.rank == 1 else e

    return lambda *es: render(*(operand(value, es) for value in given))


def several(
    render: Callable[..., Any],
    inputs: list[Tensor],
    shapes: list[Shape],
    dtype: str,
    layout: Layout = Layout.LAST,
    wants: Layout = Layout.LAST,
    label: str = "op",
) -> list[Tensor]:
    """The tensors that one expression gives at once: ``a, b = x.chunk(2, dim=1)``."""
    outputs = [Tensor(shape, dtype, layout) for shape in shapes]
    only = len(shapes) == 1  # of a tuple all the same
    node = OpNode(
        list(inputs),
        outputs,
        render=(lambda *es: render(*es)[0]) if only else render,
        wants=[wants] * len(inputs),
        label=label,
    )
    CURRENT[-1].add(node)
    return outputs


def without(x: Tensor, dropped: Iterable[int], keepdims: bool = False) -> tuple[Layout, Layout]:
    """(layout wanted, layout of the result) where axes of ``x``, counted from 0, fall away and all others stay."""
    if x.layout is not Layout.FIRST or x.rank < 3 or keepdims:
        return Layout.KEEP, x.layout
    gone = set(dropped)
    left = [a for a in range(x.rank) if a not in gone]
    if x.rank - 1 in gone or len(left) <= 1:
        return Layout.KEEP, Layout.LAST
    if 0 in gone:
        return Layout.LAST, Layout.LAST
    return Layout.KEEP, Layout.FIRST if len(left) > 2 else Layout.LAST
