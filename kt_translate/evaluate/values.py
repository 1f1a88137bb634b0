"""The values that the evaluator computes with, beside Python's own.

Numbers, strings, lists, tuples and dicts of the source are ordinary Python objects here; what is not plainly known
is a `Sym`; the classes below stand for everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeGuard

import libcst as cst

from kt_translate.graph.choice import Choice
from kt_translate.graph.lists import some_of
from kt_translate.graph.members import Member, Record
from kt_translate.graph.sym import UNKNOWN, Sym
from kt_translate.graph.tensor import Many, Tensor

if TYPE_CHECKING:
    from pathlib import Path

    from kt_translate.diagnostics import Diagnostic
    from kt_translate.graph.arrays import Step
    from kt_translate.graph.nodes import ModuleUse
    from kt_translate.graph.region import Region
    from kt_translate.layers.layer import Layer
    from kt_translate.pytorch.expr import Expr
    from kt_translate.source.syntax import Source


class Unknown:
    """A value that the source alone does not tell: data, files, the results of training."""

    def __init__(self, why: str, line: int = 0, many: bool = False) -> None:
        self.why = why
        self.line = line
        self.many = many  # in a list: any number of items
        self.node: Any = None  # the expression that it is the value of
        self.name: str | None = None  # what the source calls it
        self.parts: tuple[Any, ...] | None = None  # what it is calculated from

    @property
    def origin(self) -> Unknown:
        """Why it is not known: the first that is not calculated from another such value."""
        inner = next((part for part in self.parts or () if isinstance(part, Unknown)), None)
        return self if inner is None else inner.origin

    def __repr__(self) -> str:
        return f"<unknown: {self.why}>"


class Either(Unknown):
    """What a condition leaves where no one value can stand for both sides; one side holds in its branches."""

    def __init__(self, test: Sym, then: Any, orelse: Any, statement: Any, guard: Any) -> None:
        super().__init__("what a condition leaves open")
        self.test = test
        self.then = then
        self.orelse = orelse
        self.statement = statement  # of the source, that has the condition
        self.guard = guard  # the run of a function that it is part of


class UnknownModel(Unknown):
    """A model that is not translated, since a part of it is not known."""


@dataclass(frozen=True)
class External:
    """A name from outside the file, by its canonical path: ``keras.layers.Conv2D``, ``numpy.prod``."""

    path: str


@dataclass(eq=False, repr=False)
class Scope:
    """Names of a module, function or class body, and the scope around it."""

    kind: str  # "module", "function", "class"
    names: dict[str, Any] = field(default_factory=dict)
    parent: Scope | None = None
    globals: set[str] = field(default_factory=set)
    nonlocals: set[str] = field(default_factory=set)
    function: Function | None = None
    given: dict[str, Any] = field(default_factory=dict)  # arguments of the call
    late: dict[Any, Any] = field(default_factory=dict)  # what functions of layers read of it
    read_late: list[tuple[Any, Any]] = field(default_factory=list)  # and have read up to now

    @property
    def module(self) -> Scope:
        return self if self.parent is None else self.parent.module


@dataclass(eq=False, repr=False)
class Function:
    """A function or lambda of the source, with the scope it was made in."""

    name: str
    node: cst.FunctionDef | cst.Lambda
    scope: Scope
    defaults: dict[str, Any]
    line: int
    owner: Class | None = None
    decorators: tuple[str, ...] = ()
    source: Source | None = None  # the file that it stands in
    wrapped: Function | None = None  # what it takes the place of, by ``functools.wraps``
    calculates: bool | None = None  # and does nothing else, once that was asked for
    calls: list[tuple[dict[str, Any], Any, Any]] = field(default_factory=list)
    """The arguments and the result of each call, and where the models in the result ended then."""


@dataclass(eq=False, repr=False)
class Class:
    """A class of the source."""

    name: str
    node: cst.ClassDef
    bases: list[Any]
    names: dict[str, Any]
    scope: Scope
    line: int
    source: Source | None = None
    decorators: tuple[str, ...] = ()  # their canonical paths
    tuple_type: Any = None  # of a named tuple: Python's class of its objects
    members: list[Any] = field(default_factory=list)  # of an enumeration
    definition: Any = UNKNOWN  # how it stands in the output, once that was asked for

    def lookup(self, name: str) -> Any:
        """The attribute by this name in the class or its bases; None if there is none."""
        for cls in self.mro():
            if isinstance(cls, Class) and name in cls.names:
                return cls.names[name]
        return None

    def mro(self) -> list[Any]:
        out: list[Any] = [self]
        for base in self.bases:
            out += base.mro() if isinstance(base, Class) else [base]
        return out

    def keras_base(self) -> str | None:
        """The Keras class that it descends from, by canonical path."""
        return next(
            (b.path for b in self.mro() if isinstance(b, External) and b.path.startswith("keras.")),
            None,
        )


@dataclass(eq=False, repr=False)
class Module:
    """Another file of the source's project; a folder of files has no source."""

    name: str
    path: Path
    scope: Scope
    source: Source | None = None
    problems: list[Diagnostic] = field(default_factory=list)  # in statements of the module itself
    waits: bool = False  # for a name of it to be asked for


@dataclass(eq=False, repr=False)
class Instance(Record):
    """An object of a class of the source."""

    cls: Class
    attributes: dict[str, Any] = field(default_factory=dict)
    args: list[Any] = field(default_factory=list)
    kwargs: dict[str, Any] = field(default_factory=dict)
    line: int = 0
    use: ModuleUse | None = None  # of a layer or model of the source: the module that it becomes
    pending: bool = False  # its constructor has not run yet
    built: bool = False
    alone: bool = False  # its results go nowhere: nothing asks for masks that are made in it
    bound: dict[str, Any] | None = None
    calls: list[tuple[Any, list[Tensor], Any]] = field(default_factory=list)
    """The class, the inputs and the results of each call."""
    variable: str | None = None
    said: Any = None
    made: dict[str, Any] | None = None  # of plain data: the attributes that its constructor left

    @property
    def expr(self) -> Expr:
        """How the generated code says an object of plain data. Raises RuleError for any other."""
        from kt_translate.evaluate import views

        return views.text_of(self)

    @property
    def plan(self) -> Any:
        """The class of its last call."""
        return self.calls[-1][0] if self.calls else None


@dataclass(eq=False)
class Method:
    """A function bound to an instance."""

    function: Function
    instance: Any


@dataclass(eq=False)
class Super:
    """``super()`` within a method."""

    cls: Class
    instance: Any


@dataclass(eq=False)
class Partial:
    """``functools.partial(function, *args, **kwargs)``."""

    function: Any
    args: list[Any]
    kwargs: dict[str, Any]


@dataclass(eq=False)
class Native:
    """A function that the evaluator does itself: a builtin, a method of a list, ``math.sqrt``."""

    name: str
    call: Callable[..., Any]


@dataclass(eq=False, repr=False)
class LayerValue:
    """A layer that the source made: its declaration, and the torch module that will stand for it."""

    rule: Layer
    use: ModuleUse
    line: int = 0
    calls: list[tuple[list[Tensor], Any]] = field(default_factory=list)
    trainable: bool = True
    built_on: list[Tensor] = field(default_factory=list)  # tells sizes before any call
    replaced: dict[str, Any] = field(default_factory=dict)  # weights that the source has set

    @property
    def name(self) -> Any:
        return self.use.keras_name


@dataclass(eq=False)
class Array:
    """A numpy array (or a data set's part) of which only shape and type are known."""

    shape: tuple[Any, ...] | None
    dtype: str = "float64"
    fill: Any = None  # the number that all of it is, if that is known
    step: Step | None = None  # the last one of the NumPy code that makes it of settings
    puts: int = 0  # how often something was put into it by that


def is_computed(value: Any) -> TypeGuard[Array]:
    """Whether all that makes an array is known."""
    return isinstance(value, Array) and value.step is not None and not value.step.stale


@dataclass(eq=False, repr=False)
class ModelValue:
    """A Keras model: its graph from inputs to outputs, in the region in which it was built."""

    kind: str  # "functional", "sequential", "subclass"
    inputs: Any = None  # tensors in the structure that the source gives them
    outputs: Any = None
    region: Region | None = None
    name: Any = None
    line: int = 0
    layers: list[Any] = field(default_factory=list)  # Sequential: in order, called or not
    use: ModuleUse | None = None
    plan: Any = None
    trainable: bool = True
    variable: str | None = None
    called: str | None = None  # the name of its class, whatever the source calls it
    made_by: str | None = None  # the function that makes several of its kind
    deferred: list[Any] = field(default_factory=list)
    begun: bool = False  # a Sequential that its first call gave an input
    maker: Any = None  # the function that built it, and its arguments
    attributes: dict[str, Any] = field(default_factory=dict)
    original: ModelValue | None = None  # of which this is a copy
    from_call: str = "{}"  # how Keras has the model from a call of the function that gives it


def plain(value: Any) -> bool:
    """Whether this is an ordinary Python value through and through (no symbol, tensor, layer ... within)."""
    if isinstance(value, (bool, int, float, str, bytes, complex, range, Member)):
        return True
    if value is None or value is Ellipsis:
        return True
    if isinstance(value, (list, tuple, set, frozenset)):
        return all(map(plain, value))
    if isinstance(value, slice):
        return all(map(plain, (value.start, value.stop, value.step)))
    if isinstance(value, dict):
        return all(plain(k) and plain(v) for k, v in value.items())
    return False


def name_value(value: Any, name: str) -> None:
    """Let what a name is given to be called by it: tensors, layers and models take their first name."""
    if not name.strip("_"):  # what the source throws away
        return
    if isinstance(value, Tensor):
        value.name = value.name or name
    elif isinstance(value, Array) and value.step is not None:
        value.step.name = value.step.name or name
    elif isinstance(value, LayerValue):
        value.use.hint = value.use.hint or name
    elif isinstance(value, Unknown):
        value.name = value.name or name
    elif (some := some_of(value)) is not None:
        some.tensors.name = some.tensors.name or name
    elif isinstance(value, (Instance, ModelValue)):
        value.variable = value.variable or name
        if value.use is not None:
            value.use.hint = value.use.hint or name


VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))


def items_of(value: Any, count: int | None) -> list[Any] | None:
    """The items of an iterable value; None where they are not known."""
    if isinstance(value, Sym):
        sample = value.value
        if isinstance(sample, (dict, range)):
            return list(sample)
        if isinstance(sample, (tuple, list, str)):
            return [Sym.index(value, i) for i in range(len(sample))]
        return [Sym.index(value, i) for i in range(count)] if count is not None else None
    if isinstance(value, (list, tuple, range, str, set, frozenset, dict, *VIEWS)):
        return None if endless(value) else list(value)  # type: ignore[call-overload]
    if isinstance(value, Class) and value.members:
        return list(value.members)
    if isinstance(value, Array) and count is not None:
        return [Array(None, value.dtype) for _ in range(count)]
    return None


def endless(value: Any) -> bool:
    """Whether the number of items is not known: what a loop over data has filled."""
    if not isinstance(value, (list, tuple)):
        return False
    for item in value:
        if isinstance(item, Many):
            item.refuse()
    return any(isinstance(v, Unknown) and v.many for v in value)


def opaque(value: Any) -> bool:
    """Whether Python's operators and builtins can do nothing with a value here: its content is not known."""
    return isinstance(value, OPAQUE) or endless(value)


def holds_opaque(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(opaque(v) or holds_opaque(v) for v in value)


OPAQUE = (
    Unknown,
    Array,
    External,
    Native,
    Function,
    Class,
    Module,
    Method,
    Partial,
    Instance,
    LayerValue,
    ModelValue,
    Choice,
)


def models_in(value: Any) -> list[ModelValue]:
    """The models in a nested structure."""
    if isinstance(value, ModelValue):
        return [value]
    if isinstance(value, (list, tuple)):
        return [m for v in value for m in models_in(v)]
    if isinstance(value, dict):
        return [m for v in value.values() for m in models_in(v)]
    return []


def map_tensors(function: Callable[[Tensor], Any], value: Any) -> Any:
    """The same structure with ``function`` of each tensor, in the order of `tensors_in`."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, (list, tuple)):
        kind = tuple if isinstance(value, tuple) else list
        return kind(map_tensors(function, v) for v in value)
    if isinstance(value, dict):
        done = {k: map_tensors(function, value[k]) for k in sorted(value, key=str)}
        return {k: done[k] for k in value}
    return value
