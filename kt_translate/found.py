"""What is found: models under the names that the report has for them, and builders that none came out of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from kt_translate.builders import Given, Run, is_complete
from kt_translate.diagnostics import Diagnostic
from kt_translate.evaluate import views
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.values import (
    Function,
    Instance,
    ModelValue,
    UnknownModel,
    models_in,
)
from kt_translate.graph.lists import TensorList, as_many, one_by_one
from kt_translate.graph.nodes import CallNode, LayerNode, Param, SizeNode
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, symbols_in
from kt_translate.graph.tensor import Tensor, ends_of, permutation, tensors_in
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.symbols import all_symbols
from kt_translate.pytorch.expr import as_expr

MORE = 8  # outputs that are said of a model with as many as its arguments want, beyond its defaults


@dataclass
class Found:
    """A model of the source, or several that one function gives, under the name that the report has for it."""

    name: str
    kind: str  # "variable", "function", "method"
    line: int
    value: Any  # a ModelValue, or tuples, lists and dicts of them
    params: list[Param] = field(default_factory=list)  # of the factory
    sizes: list[Param] = field(default_factory=list)  # those that Keras finds at build time
    given: Given = field(default_factory=Given)
    keras: str | None = None  # the source's expression for it
    arguments: str = ""  # of the factory in that
    said: list[Diagnostic] = field(default_factory=list)
    stands: tuple[str | None, int] | None = None  # file and line, where they are not the source's
    docstring: str = ""  # of the function that builds it
    run_models: list[ModelValue] = field(default_factory=list)  # all that were made for it
    others: list[tuple[Any, Found]] = field(
        default_factory=list
    )  # that it gives where a condition holds
    lacks_models: bool = False  # one of those that it gives is not translated
    made: list[tuple[Found, int, dict[str, Any]]] = field(default_factory=list)
    """By which calls of functions a variable's model was made, the one to prefer first; of a function, by that which is all
    that it does."""
    builder: str = ""  # the function of the source, where that gives others, too

    @property
    def called(self) -> str:
        """The name by which the source calls what builds it."""
        return self.builder or self.name

    @property
    def models(self) -> list[ModelValue]:
        return models_in(self.value)

    @property
    def has_own_signature(self) -> bool:
        """Whether a function's class can take what the function takes."""
        one = self.kind == "function" and len(self.models) == 1
        one = one and not any(p.gathers for p in self.params) and not self.others
        return one and not self.sizes and not self.given.tensors

    @property
    def open_sizes(self) -> list[Param]:
        """The sizes that only data tells, of all its models."""
        plans = map(plan_of, self.models)
        return list({p.symbol: p for plan in plans for p in plan.open_sizes}.values())


@dataclass
class Object(Found):
    """An object of a class of the source, called, that a variable of the module holds or a function gives."""

    value: Instance
    demands: list[tuple[Any, Any]] = field(default_factory=list)  # what its function takes so


@dataclass
class Gap:
    """A builder of models that none came out of."""

    name: str
    kind: str
    line: int
    said: list[Diagnostic] = field(default_factory=list)
    why: str = ""


def elements(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, ModelValue]]:
    """The models within a value, each with the text that gets at it."""
    if isinstance(value, ModelValue):
        yield path, value
    elif depth > 3:
        return
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from elements(item, f"{path}[{i}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from elements(item, f"{path}[{key!r}]", depth + 1)
    elif isinstance(value, Instance) and value.cls.keras_base() is None and depth == 0:
        for key, item in value.attributes.items():
            yield from elements(item, f"{path}.{key}", depth + 1)


def lacks_models(value: Any) -> bool:
    """Whether a model in a structure is not translated."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return any(map(lacks_models, value))
    return isinstance(value, UnknownModel)


def path_in(value: Any) -> str:
    return next(path for path, _ in elements(value))


def nested(models: list[ModelValue]) -> set[int]:
    """The modules that are parts of other models."""
    nodes = [n for m in models if m.region is not None for n in m.region.nodes]
    return {id(n.use) for n in nodes if isinstance(n, CallNode)}


def changed(model: ModelValue) -> bool:
    """Whether the source has set something of a layer in it."""
    nodes = model.region.nodes if model.region is not None else []
    return any(n.use.changed for n in nodes if isinstance(n, LayerNode))


def frozen(model: ModelValue) -> bool:
    nodes = model.region.nodes if model.region is not None else []
    return any(n.use.frozen is not False for n in nodes if isinstance(n, (LayerNode, CallNode)))


def parameters_of(made: Run, method: Run) -> list[Param]:
    """What the factory of a model takes that a method makes: the class's arguments, then the method's.

    What must be given comes first, whosever it is. Where the method takes by the same names what it does not
    read off the class, only what else it reads of the class comes with its own. Where it reads both, its own are
    called otherwise.
    """
    taken = {p.symbol.name: p.symbol for p in made.given.params}
    shared = [p for p in method.given.params if p.symbol.name in taken]
    used: set[Symbol] = set()
    for plan in map(plan_of, method.models):
        nodes = [n for n in plan.region.nodes if not isinstance(n, SizeNode)]
        used |= {*all_symbols(nodes), *symbols_in([said for said, _ in plan.demands])}
    before = made.given.params
    if shared and not any(taken[p.symbol.name] in used for p in shared):
        before = [p for p in before if p.symbol in used]
    else:
        for param in shared:
            param.symbol.name = param.symbol.spelled = f"{param.symbol.name}_"
    return sorted([*before, *method.given.params], key=lambda p: p.default is not None)


def arguments_text(given: Given, among: list[Param] | None = None) -> str | None:
    """The arguments that must be given, as the samples have them; None where one is not known."""
    texts = []
    symbols = {p.symbol for p in (given.params if among is None else among)}
    for param in (p for p in given.params if p.symbol in symbols):
        if param.default is None or param.symbol.name in given.guessed:
            value = param.symbol.value
            if not views.sayable(value) or param.symbol.name in given.guessed:
                return None
            name = "**" if param.gathers else f"{param.symbol.name}="
            texts.append(f"{name}{as_expr(value)}")
    return ", ".join(texts)


def inputs_text(given: Given) -> list[str]:
    """The tensors among the arguments, as inputs of their sizes."""
    texts = []
    for name, value in given.tensors.items():
        made = []
        for tensor in tensors_in(value):
            shape = tuple(d.value if isinstance(d, Sym) else d for d in tensor.shape[1:])
            made.append(f"keras.Input({shape!r}, dtype={tensor.dtype!r})")
        texts.append(f"{name}={made[0] if len(made) == 1 else '[' + ', '.join(made) + ']'}")
    return texts


def ports(
    written: list[Tensor], actual: list[Tensor], what: str, found: Found
) -> list[dict[str, Any]]:
    """Inputs or outputs: how the class takes and gives them, and the sizes that this model has by default."""

    def told(value: Any) -> Any:
        """What it is by default, where that is no guess."""
        open_ones = (s.name in found.given.guessed or s.kind == "data" for s in symbols_in(value))
        return None if any(open_ones) else known(value)

    def size(dim: Any) -> int | None:
        return sample if isinstance(sample := told(dim), int) else None

    found_ports = []
    reals = [*chain(*map(one_by_one, actual))]
    for i, (tensor, real) in enumerate(zip(as_many(written, len(reals)), reals, strict=True)):
        given = told(real.facts.get("input"))
        layout = tensor.layout if what == "input" else tensor.given_layout
        found_ports.append(
            {
                "name": given if isinstance(given, str) else f"{what}_{i}",
                "shape": [size(d) for d in real.shape],
                "dtype": tensor.dtype,
                "permute": permutation(tensor.rank, layout),
            }
        )
    return found_ports


def outputs_of(code: ClassCode, outputs: Any, found: Found) -> list[dict[str, Any]]:
    """The outputs that a model has by default, and those that it has beyond them with other arguments."""
    most = max(ends_of(outputs), key=len)
    shown = ports(code.outputs, tensors_in(outputs), "output", found)
    more = ports(most, most, "output", found)[len(shown) :]
    if any(isinstance(t, TensorList) for t in most):  # all of one kind
        last = {**shown[-1], "shape": [None] * len(shown[-1]["shape"])}
        more += [{**last, "name": f"output_{len(shown) + i}"} for i in range(MORE)]
    return [*shown, *({**port, "optional": True} for port in more)]


def each_of(codes: list[ClassCode], found: Found) -> list[dict[str, Any]]:
    """Of several models that come together: what gets at each in what the factory gives, and how it takes and gives."""
    paths = {id(model): path for path, model in elements(found.value)}
    return [
        {
            "path": paths.get(id(model), ""),
            "torch_name": code.name,
            "inputs": ports(code.inputs, tensors_in(model.inputs), "input", found),
            "outputs": outputs_of(code, model.outputs, found),
        }
        for model, code in zip(found.models, codes, strict=True)
    ]


def take(found: Found, runs: list[Run], others: set[int]) -> None:
    """Give the models of a run the parameters of what they were built by, but not those that it was handed."""
    found.given = runs[-1].given
    found.lacks_models = lacks_models(found.value)
    found.sizes = [p for done in runs for p in done.given.sizes]
    found.run_models = [m for done in runs for m in done.models]
    found.said = [d for done in runs for d in done.found]
    demands = demands_of(runs)
    params = [*found.sizes, *found.params]
    modules = {n: m for done in runs for n, m in done.given.modules.items()}
    own = [m for m in found.models if id(m) not in others]
    for model in [*own, *(m for done in runs for m in done.models)]:
        if is_complete(model):
            plan = plan_of(model)
            plan.params = plan.params or params
            plan.modules = plan.modules or modules
    for model in filter(is_complete, own):
        plan_of(model).demands = demands


def demands_of(runs: list[Run]) -> list[tuple[Any, Any]]:
    """What the runs take for granted."""
    return [
        (said, value)
        for done in runs
        for said, value in done.demands
        if isinstance(said, Sym) and value is not UNKNOWN
    ]


def name_parts(found: Found, function: Function) -> None:
    """Models that come together are called by their keys, or as the source calls what it gets."""
    if len(found.models) < 2:
        return
    keys = list(found.value) if isinstance(found.value, dict) else []
    for i, model in enumerate(found.models):
        if model.variable or isinstance(model.name, str):
            continue
        if i < len(keys) and len(keys) == len(found.models) and isinstance(keys[i], str):
            model.variable = keys[i]
            continue
        calls = [models_in(result) for _, result, _ in function.calls]
        model.variable = next((c[i].variable for c in calls if i < len(c) and c[i].variable), None)
