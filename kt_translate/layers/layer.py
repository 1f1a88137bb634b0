"""What a declaration of a Keras layer is made of.

A declaration is a class with Keras's name whose fields are Keras's own signature, in order, with Keras's defaults::

    class Dense(Layer):
        units: int
        activation: Activation = None
        use_bias: bool = True

        def output_shape(self, x: Shape) -> Shape:
            return (*x[:-1], self.units)

        def module(self, x: Tensor) -> Expr:
            return nn.Linear(x.channels, self.units, bias=unless(self.use_bias, True))

Field values may be plain Python values or symbolic (`Sym`); shapes are in Keras's order (channels last) whatever the
layout in torch; the expressions that a declaration builds are in torch's.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from kt_translate.diagnostics import RuleError
from kt_translate.graph.objects import snake_case
from kt_translate.graph.precision import EXACT
from kt_translate.graph.sym import UNKNOWN, Sym, call_symbolic, known, same
from kt_translate.graph.tensor import Dim, Layout, Shape, Tensor, to_first, to_last, torch_dim
from kt_translate.pytorch.expr import OMIT, Expr, F, as_expr, nn, torch, unless

__all__ = [
    "OMIT",
    "REGISTRY",
    "Call",
    "Dim",
    "Expr",
    "F",
    "Layer",
    "Layout",
    "RuleError",
    "Shape",
    "Sym",
    "Tensor",
    "as_expr",
    "is_plain",
    "known",
    "nn",
    "ntuple",
    "same",
    "squeeze_ntuple",
    "to_first",
    "to_last",
    "torch",
    "torch_dim",
    "unless",
]

REGISTRY: dict[str, type[Layer]] = {}
R = TypeVar("R")
EMPTY = inspect.Parameter.empty


@dataclass
class Call:
    """One call of a layer, as the declaration's `forward` sees it when code is written."""

    module: Expr  # self.conv; only meaningful where `module` gave a constructor
    inputs: list[Expr]  # torch expressions, already in the layout that the rule asked for
    tensors: list[Tensor]  # what is known of the inputs; their layout is that of `inputs`
    masks: list[Expr | None]  # of the inputs, for a declaration that `heeds` them
    outputs: list[Tensor]
    options: dict[
        str, Any
    ]  # further arguments of the call: training=, initial_state= ... (tensors as Expr)
    then: Callable[
        ..., Expr
    ]  # then(expr, comment="") writes `x = expr  # comment` and gives the variable

    @property
    def x(self) -> Expr:
        return self.inputs[0]

    @property
    def tensor(self) -> Tensor:
        return self.tensors[0]

    @property
    def output(self) -> Tensor:
        return self.outputs[0]


@dataclass
class Common:
    """The keyword arguments that every Keras layer takes."""

    name: Any = None
    trainable: Any = True
    dtype: Any = None
    input_shape: Any = None  # without the batch axis
    batch_input_shape: Any = None
    batch_size: Any = None
    input_length: Any = None  # of sequences, where the input's shape is said by the layer
    weights: Any = None
    activity_regularizer: Any = None


class Layer:
    """Base of all declarations; ``class Conv(Layer, abstract=True)`` for a family without a name of its own."""

    layout: ClassVar[Layout] = Layout.KEEP  # torch layout of inputs of rank >= 3, and of the output
    masking: ClassVar[str] = "drop"  # "pass": the input's mask goes on
    heeds: ClassVar[bool] = False  # the masks of its inputs change what it gives
    unmasks: ClassVar[bool] = False  # Keras 3 takes the masks off its inputs
    keras_kind: ClassVar[str]  # Keras's automatic name: "conv2d"
    flavours: ClassVar[dict[str, dict[str, Any]]] = (
        {}
    )  # other defaults in "2" (tf.keras 2), and beyond those in "1": {"2": {"field": value}}
    renamed: ClassVar[dict[str, str]] = {}  # old keyword -> field: {"nb_filter": "filters"}
    unused: ClassVar[frozenset[str]] = frozenset()  # what Keras 2 takes and makes nothing of
    counts: ClassVar[
        tuple[str, ...]
    ] = ()  # of which Keras 2 takes the whole part: Dense(units / 2)
    only: ClassVar[dict[str, tuple[Any, ...]]] = {}  # values that are supported; any other is KT203
    inert: ClassVar[tuple[str, ...]] = ()  # arguments without effect on the numbers in PyTorch
    call_arguments: ClassVar[tuple[str, ...]] = ("inputs", "training", "mask")
    # of its `call`, in Keras's order; none where all that comes by place is an input
    activates_inside: ClassVar[bool] = False  # whether its activation is not one of its output
    settings_kept: ClassVar[tuple[str, ...]] = ()
    common: Common
    flavour: ClassVar[str]
    given: ClassVar[frozenset[str]]
    defaults: ClassVar[dict[str, Any]] = (
        {}
    )  # of the fields, in order; `EMPTY` for what must be given

    def __init_subclass__(cls, aliases: tuple[str, ...] = (), abstract: bool = False) -> None:
        # A dataclass in all but the time that it takes to make one: there are many declarations.
        own = [n for n, kind in cls.__annotations__.items() if not kind.startswith("ClassVar")]
        cls.defaults = cls.defaults | {name: getattr(cls, name, EMPTY) for name in own}
        if abstract:
            return
        cls.keras_kind = vars(cls).get("keras_kind") or snake_case(cls.__name__)
        for name in (cls.__name__, *aliases):
            if name in REGISTRY:
                raise TypeError(f"Keras layer {name!r} already has a declaration")
            REGISTRY[name] = cls

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        vars(self).update(self.defaults, **dict(zip(self.defaults, args)), **kwargs)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.defaults)
        return f"{type(self).__name__}({given})"

    # -- what the evaluator asks ----------------------------------------------------------------
    def keras_precision(self) -> float:
        """How near to exact Keras's own layer comes in float64."""
        return EXACT

    def call_order(self) -> tuple[str, ...]:
        """What a call's arguments mean by their places."""
        return self.call_arguments

    def check(self) -> None:
        """Raise `RuleError` for settings that Keras or PyTorch cannot do. Called once, when the layer is made."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the output, in Keras's order, from those of the inputs. Default: as the first input."""
        return shapes[0]

    def output_dtype(self, *dtypes: str) -> str:
        return (
            dtypes[0]
            if dtypes and dtypes[0].startswith(("float", "bfloat", "complex"))
            else "float32"
        )

    def wants(self, *tensors: Tensor) -> list[Layout]:
        """The layout in which each input is wanted. KEEP: as it comes (further inputs then follow the first)."""
        return [self.layout for _ in tensors]

    def outputs(self, *tensors: Tensor, **options: Any) -> list[Tensor]:
        """What comes out. ``tensors`` have their layouts already as `wants` asked."""
        shape = self.output_shape(*(t.shape for t in tensors))
        layout = self.layout if self.layout is not Layout.KEEP else tensors[0].layout
        if len(shape) < 3 or (self.layout is Layout.KEEP and len(shape) != tensors[0].rank):
            layout = Layout.LAST
        mask = self.output_mask(*tensors)
        return [Tensor(shape, self.output_dtype(*(t.dtype for t in tensors)), layout, mask)]

    def result(self, outputs: list[Tensor], *args: Any) -> Any:
        """What a call on ``args`` gives to the source: the output, or the list of them."""
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def output_mask(self, *tensors: Tensor) -> Tensor | None:
        """The mask of the output; `derived` tensors where it is computed."""
        return tensors[0].mask if self.masking == "pass" and tensors else None

    # -- what the emitter asks ------------------------------------------------------------------
    def module(self, *tensors: Tensor) -> Expr | None:
        """The torch module's constructor; None where a function does it."""
        return None

    def forward(self, call: Call) -> Expr:
        """The expression for the output. Default: the module, called on the input."""
        return call.module(*call.inputs)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        """A module that does the whole call by itself, for use within nn.Sequential; None if there is none."""
        return self.module(*tensors)

    def parameters(self) -> Iterator[tuple[str, str]]:
        """(torch parameter, field prefix) of the weights that have initializer, regularizer and constraint settings:
        ("weight", "kernel") stands for kernel_initializer, kernel_regularizer, kernel_constraint.
        """
        return iter(())

    @property
    def weights_name(self) -> str | None:
        """The name that the source gives to what holds the weights."""
        name: str | None = self.common.name
        return name

    # -- binding --------------------------------------------------------------------------------
    @classmethod
    def signature(cls) -> list[tuple[str, Any]]:
        """(name, default) of the fields in Keras's order; `EMPTY` for required ones."""
        return list(cls.defaults.items())

    @classmethod
    def bind(cls: type[R], args: list[Any], kwargs: dict[str, Any], flavour: str = "3") -> R:
        """The layer that ``cls(*args, **kwargs)`` makes in Keras. Raises RuleError for arguments Keras does not know."""
        names = [name for name, _ in cls.signature()]  # type: ignore[attr-defined]
        if len(args) > len(names):
            raise RuleError(
                "KT204",
                f"{cls.__name__} takes {len(names)} positional arguments, {len(args)} were given",
            )
        given = dict(zip(names, args))
        common = Common()
        for key, value in kwargs.items():
            key = cls.renamed.get(key, key)  # type: ignore[attr-defined]
            if key in names:
                if key in given:
                    raise RuleError("KT204", f"{cls.__name__} got {key!r} twice")
                given[key] = value
            elif key in _COMMON:
                setattr(common, _COMMON[key], _common_value(key, value))
            elif key not in _COMMON_INERT and (flavour == "3" or key not in cls.unused):  # type: ignore[attr-defined]
                raise RuleError("KT204", f"{cls.__name__} has no argument {key!r}")
        defaults = dict(cls.signature())  # type: ignore[attr-defined]
        for older in {"1": ("2", "1"), "2": ("2",)}.get(flavour, ()):
            defaults |= cls.flavours.get(older, {})  # type: ignore[attr-defined]
        old = cls.flavours.get("2", {})  # type: ignore[attr-defined]
        needed = {n for n, d in defaults.items() if d is EMPTY}
        defaults |= {n: old[n] for n in needed & old.keys()}  # what only Keras 3 asks for
        values = {name: given.get(name, defaults[name]) for name in names}
        missing = [name for name, value in values.items() if value is EMPTY]
        if missing:
            raise RuleError("KT204", f"{cls.__name__} needs {', '.join(missing)}")
        for name, allowed in cls.only.items():  # type: ignore[attr-defined]
            value = values[name]
            if not any(same(value, a) for a in allowed):
                shown = ", ".join(repr(a) for a in allowed)
                raise RuleError(
                    "KT203",
                    f"{cls.__name__}({name}={as_text(value)}) is not supported; supported: {shown}",
                )
        values |= {name: _whole_part(values[name]) for name in cls.counts}  # type: ignore[attr-defined]
        layer = cls(**values)
        layer.common = common  # type: ignore[attr-defined]
        layer.flavour = "2" if flavour == "1" else flavour  # type: ignore[attr-defined]
        layer.given = frozenset(given)  # type: ignore[attr-defined]
        layer.check()  # type: ignore[attr-defined]
        return layer


_COMMON = {
    "name": "name",
    "trainable": "trainable",
    "dtype": "dtype",
    "input_shape": "input_shape",
    "batch_input_shape": "batch_input_shape",
    "batch_shape": "batch_input_shape",
    "input_dim": "input_shape",
    "batch_size": "batch_size",
    "input_length": "input_length",
    "weights": "weights",
    "activity_regularizer": "activity_regularizer",
}
_COMMON_INERT = ("autocast", "dynamic", "input_dtype", "ragged", "sparse")


def _common_value(key: str, value: Any) -> Any:
    return (value,) if key == "input_dim" else value


def _whole_part(count: Any) -> Any:
    if isinstance(count, Sym):
        return call_symbolic("int", count) if isinstance(count.value, float) else count
    return int(count) if isinstance(count, float) else count


def as_text(value: Any) -> str:
    """``value`` as the source would say it, for messages."""
    path = getattr(value, "path", None)
    if isinstance(path, str):
        return path
    try:
        return str(as_expr(value))
    except Exception:
        return re.sub(r"<[\w.]*?(\w+) object at 0x\w+>", r"<\1>", repr(value))


def is_plain(value: Any) -> bool:
    """Whether the value (or every part of a tuple) is an ordinary known value and not a symbol."""
    if isinstance(value, (tuple, list)):
        return all(map(is_plain, value))
    return not isinstance(value, Sym) and value is not UNKNOWN


def ntuple(value: Any, n: int) -> tuple[Any, ...]:
    """``value`` for each of ``n`` axes: Keras takes one number or a tuple; either may be symbolic."""
    if isinstance(value, (tuple, list)):
        if len(value) == 1:
            return tuple(value) * n
        if len(value) != n:
            raise RuleError(
                "KT203", f"{len(value)} numbers were given for {n} axes: {as_text(value)}"
            )
        return tuple(value)
    if isinstance(value, Sym) and all(
        isinstance(known(v), (tuple, list)) for v in _possible(value)
    ):
        return tuple(Sym.index(value, i) for i in range(n))
    return (value,) * n


def _possible(value: Any) -> list[Any]:
    """What a value may be: through names for it, the sides of conditions."""
    if isinstance(value, Sym) and value.head == "symbol" and value.args[0].kind == "local":
        return _possible(value.args[0].origin)
    if isinstance(value, Sym) and value.head == "if":
        return [v for side in value.args[1:] for v in _possible(side)]
    return [value]


def squeeze_ntuple(values: tuple[Any, ...]) -> Any:
    """One number where all are the same, as one writes it: (3, 3) -> 3; (stride[0], stride[1]) -> stride."""
    if all(same(v, values[0]) for v in values):
        return values[0]
    first = values[0]
    if isinstance(first, Sym) and first.head == "index":
        whole = first.args[0]
        pairs = all(isinstance(v, tuple) and len(v) == len(values) for v in _possible(whole))
        if pairs and all(same(v, Sym.index(whole, i)) for i, v in enumerate(values)):
            return whole
    return values
