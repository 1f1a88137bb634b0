"""The whole way from Keras text to PyTorch text."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import libcst as cst

from kt_translate import classes
from kt_translate.diagnostics import Log, Place
from kt_translate.emit import module, parity, training
from kt_translate.emit.support import words
from kt_translate.evaluate.calls import call_function
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.models import build_deferred, plan_of
from kt_translate.evaluate.signals import Break, Continue, LimitReached, Raised
from kt_translate.evaluate.values import Class, External, Function, ModelValue, plain
from kt_translate.graph.nodes import Param, Plan
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known
from kt_translate.graph.tensor import Layout, Tensor, tensors_in, to_first
from kt_translate.layers import catalogue
from kt_translate.layers.layer import RuleError
from kt_translate.lower.names import Names, class_name
from kt_translate.lower.writer import ClassCode, Writer
from kt_translate.ops import catalogue as op_catalogue
from kt_translate.source.syntax import Source


@dataclass(frozen=True)
class Options:
    """What the command line says about a translation."""

    input_shapes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    want_test: bool = True


@dataclass
class Translation:
    """What comes out: the file's text, the parity test's, and the report's entries."""

    code: str
    test: str | None
    models: list[dict[str, Any]]
    training: list[dict[str, Any]]
    keras: str
    log: Log


def translate(text: str, name: str, options: Options, log: Log) -> Translation:
    """Translate one file. Raises SourceError if the text is not Python."""
    catalogue.load()
    op_catalogue.load()
    source = Source(text, name)
    settings = {k: ast.literal_eval(v) for k, v in options.settings.items()}
    ev = Interpreter(source, log, settings)
    ev.run_module()
    writing = Writing(name, log, _class_names(ev))
    for title, model in _named_models(ev, options):
        writing.model(title, model, plan_of(model))
    made = factories(ev)
    for function, model, plan in made:
        writing.model(function.name, model, plan, "function")
    _gaps(ev, writing, {function.name for function, _, _ in made})
    _left_out(ev, writing)
    if not writing.entries:
        log.add("KT003", Place(1), "no Keras model is built here that could be translated")
    parts = training.compiled(_compiled(ev, writing), "3", log)
    output = module.render(
        name, writing.written, _constants(ev, writing.written), training.render(parts, name)
    )
    test = None
    if options.want_test:
        test = parity.render(text, name, f"{Path(name).stem}_pt.py", writing.entries)
    for entry in writing.entries:
        del entry["arguments"]
    entries = [part.entry() for part in parts]
    return Translation(output, test, writing.entries, entries, "3", log)


def _left_out(ev: Interpreter, writing: Writing) -> None:
    """Say which models of the source have no class: those that no variable or function of the module gives."""
    tried = {e["line"] for e in writing.entries if e["source_kind"] == "variable"}
    tried |= {m.line for m in ev.models if id(m.plan) in writing.codes}
    for line in sorted({m.line for m in ev.models} - tried):
        writing.log.add("KT107", Place(max(line, 1)), "the model made here is not translated")


def _compiled(
    ev: Interpreter, writing: Writing
) -> list[tuple[str, int, dict[str, Any], ClassCode]]:
    """The last ``compile`` of each model that was written."""
    found = {}
    for model, line, given in ev.compiled:
        code = writing.codes.get(id(model.plan))
        if code is not None:
            found[id(model)] = (model.variable or model.plan.name, line, given, code)
    return list(found.values())


class Writing:
    """The classes written so far, and the report's entries for them."""

    def __init__(self, source: str, log: Log, taken: set[str]) -> None:
        self.source = source
        self.log = log
        self.names = Names(taken)
        self.written: list[ClassCode] = []
        self.entries: list[dict[str, Any]] = []
        self.codes: dict[int, ClassCode] = {}

    def class_of(self, plan: Plan) -> ClassCode:
        """The class of a plan, written when it is first asked for. Raises RuleError where it cannot be."""
        if id(plan) not in self.codes:
            if not plan.inputs or not tensors_in(plan.result):
                raise RuleError("KT303", f"the input of {plan.name} is not known")
            code = Writer(plan, self.names.fresh(class_name(plan.name)), self.class_of).write()
            shapes = f"{_shown(code.inputs)} -> {_shown(code.outputs)}"
            code.docstring = f"``{plan.name}`` ({self.source}:{plan.line}): {shapes}."
            self.codes[id(plan)] = code
            self.written.append(code)
        return self.codes[id(plan)]

    def model(self, title: str, model: ModelValue, plan: Plan, kind: str = "variable") -> None:
        """Write a model that the report names."""
        plan.name = title
        code = None
        try:
            code = self.class_of(plan)
        except (RuleError, Raised) as error:
            self.log.add(getattr(error, "code", "KT302"), Place(max(plan.line, 1)), str(error))
        factory = code.name if code is not None else title
        if kind == "function" and code is not None:
            code.factory = factory = title
        self.entries.append(_entry(model, title, kind, factory, plan, code))

    def layer(self, cls: Class, plan: Plan, inferred: dict[str, Any]) -> None:
        """Write a layer or model class of the source."""
        code = None
        try:
            code = self.class_of(plan)
        except (RuleError, Raised) as error:
            self.log.add(getattr(error, "code", "KT302"), Place(max(plan.line, 1)), str(error))
        kind = "class" if classes.subclasses.base_of(cls) == "keras.Model" else "layer"
        entry = _entry(ModelValue("subclass", line=cls.line), cls.name, kind, cls.name, plan, code)
        if code is not None:
            used = set(code.used_parameters)
            entry["inferred"] = {k: v for k, v in inferred.items() if k in used}
            entry["factory"] = code.name
            if plan.gap:
                entry["status"] = "partial"
        self.entries.append(entry)

    def gap(self, name: str, kind: str, line: int, code: str, message: str) -> None:
        """Report something of the source that has no translation."""
        self.log.add(code, Place(max(line, 1)), message)
        self.entries.append(
            {
                "source_name": name,
                "source_kind": kind,
                "line": line,
                "torch_name": name,
                "factory": name,
                "inferred": {},
                "arguments": None,
                "inputs": [],
                "outputs": [],
                "status": "unsupported",
            }
        )


def _class_names(ev: Interpreter) -> set[str]:
    """Names that the output uses already: the module's constants and functions."""
    return {name for name, value in ev.module.names.items() if not isinstance(value, (ModelValue, Class))}


def factories(ev: Interpreter) -> list[tuple[Function, ModelValue, Plan]]:
    """The functions of the module that return a model, each with the class it becomes."""
    found = []
    for function in [v for v in ev.module.names.values() if isinstance(v, Function)]:
        if not isinstance(function.node, cst.FunctionDef):
            continue
        made = _run_factory(ev, function)
        if made is not None:
            found.append((function, *made))
    return found


def _gaps(ev: Interpreter, writing: Writing, factories: set[str]) -> None:
    """Report the functions that build a model, and the Keras classes, that have no translation."""
    for name, value in ev.module.names.items():
        if isinstance(value, Function) and name not in factories and _builds_model(ev, value):
            writing.gap(
                name, "function", value.line, "KT107", f"the model of {name} is not translated"
            )
        if isinstance(value, Class) and classes.subclasses.base_of(value) is not None:
            for plan, inferred in classes.plans_of(ev, value):
                writing.layer(value, plan, inferred)
                break
            else:
                writing.gap(name, "layer", value.line, "KT201", f"the class {name} is not translated")
            continue
        base = value.keras_base() if isinstance(value, Class) else None
        if isinstance(value, Class) and base in ("keras.Model", "keras.Layer"):
            kind = "class" if base == "keras.Model" else "layer"
            writing.gap(
                name, kind, value.line, "KT201", f"no rule yet for the class {name}({base})"
            )


def _builds_model(ev: Interpreter, function: Function) -> bool:
    """Whether the function's own code makes a Keras model."""
    makers = {
        name
        for name, value in ev.module.names.items()
        if isinstance(value, External) and value.path in ("keras.Model", "keras.Sequential")
    }
    called = re.findall(r"([\w.]+)\(", ev.source.code(function.node))
    return any(c in makers or c.endswith((".Model", ".Sequential")) for c in called)


def _run_factory(ev: Interpreter, function: Function) -> tuple[ModelValue, Plan] | None:
    """Run a function on its parameters as symbols, with its defaults as samples."""
    params = function.node.params
    names = [p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)]
    symbols = {n: Symbol(n, known(function.defaults.get(n, UNKNOWN))) for n in names}
    region = Region()
    before, models = len(ev.demands), len(ev.models)
    diagnostics = list(ev.log.diagnostics)
    CURRENT.append(region)
    try:
        result = call_function(ev, function, [], {n: Sym.of(s) for n, s in symbols.items()})
    except (Raised, LimitReached, Break, Continue):
        result = None
    finally:
        CURRENT.pop()
    demands, ev.demands[before:] = ev.demands[before:], []
    if not isinstance(result, ModelValue):
        del ev.models[models:]
        if not _builds_model(ev, function):
            ev.log.diagnostics[:] = diagnostics
        return None
    plan = plan_of(result)
    plan.keep_signature = True
    plan.line = function.line
    plan.demands = [
        (said, value) for said, value in demands if plain(value) and value is not UNKNOWN
    ]
    defaults = {
        p.name.value: ev.source.code(p.default)
        for p in (*params.posonly_params, *params.params, *params.kwonly_params)
        if p.default is not None
    }
    plan.params = [Param(s, defaults.get(n), _annotation(s.value)) for n, s in symbols.items()]
    for model in ev.models:
        if model.plan is not None and model.plan is not plan and not model.plan.params:
            model.plan.params = plan.params
    return result, plan


def _annotation(sample: Any) -> str:
    """The type of a parameter, from its default."""
    if isinstance(sample, (bool, int, float, str)):
        return type(sample).__name__
    if isinstance(sample, (tuple, list)) and sample and all(isinstance(v, int) for v in sample):
        return "Sequence[int]"
    return "Any"


def _named_models(ev: Interpreter, options: Options) -> list[tuple[str, ModelValue]]:
    """The models that variables of the module hold, each once, in order of their lines."""
    found: dict[int, tuple[str, ModelValue]] = {}
    for name, value in ev.module.names.items():
        if isinstance(value, ModelValue) and id(value) not in found:
            shape = options.input_shapes.get(name, options.input_shapes.get(""))
            if value.deferred and shape is not None:
                build_deferred(ev, value, shape)
            found[id(value)] = (name, value)
    return sorted(found.values(), key=lambda item: item[1].line)


def _shown(found: list[Tensor]) -> str:
    parts = []
    for tensor in found:
        sizes = [
            "N" if i == 0 else "L" if d is None else str(d)
            for i, d in enumerate(tensor.torch_shape)
        ]
        parts.append(f"({', '.join(sizes)})")
    return ", ".join(parts)


def _constants(ev: Interpreter, written: list[ClassCode]) -> list[str]:
    """The module's constants that the classes name, as the source assigns them."""
    used: dict[str, Symbol] = {}
    text = "\n".join(line for code in written for line in [*code.init, *code.body])
    found = words(text)
    for name, value in ev.module.names.items():
        symbol = (
            getattr(value, "args", (None,))[0] if getattr(value, "head", "") == "symbol" else None
        )
        if isinstance(symbol, Symbol) and symbol.kind == "global" and symbol.name in found:
            used[name] = symbol
    return [f"{symbol.name} = {symbol.value!r}" for symbol in used.values()]


def _entry(
    model: ModelValue, title: str, kind: str, factory: str, plan: Plan, code: ClassCode | None
) -> dict[str, Any]:
    return {
        "source_name": title,
        "source_kind": kind,
        "line": model.line if kind == "variable" else plan.line,
        "torch_name": factory if code is None else code.name,
        "factory": factory,
        "inferred": {},
        "arguments": "" if all(p.default is not None for p in plan.params) else None,
        "inputs": (
            [] if code is None else [_port(t, f"input_{i}") for i, t in enumerate(code.inputs)]
        ),
        "outputs": (
            [] if code is None else [_port(t, f"output_{i}") for i, t in enumerate(code.outputs)]
        ),
        "status": (
            "unsupported"
            if code is None
            else "partial" if "gap" in model.attributes else "translated"
        ),
    }


def _port(tensor: Tensor, name: str) -> dict[str, Any]:
    given = tensor.facts.get("input")
    first = tensor.layout is Layout.FIRST and tensor.rank > 3
    return {
        "name": given if isinstance(given, str) else name,
        "shape": [d if isinstance(d, int) else None for d in tensor.shape],
        "dtype": tensor.dtype,
        "permute": list(to_first(tensor.rank)) if first else None,
    }
