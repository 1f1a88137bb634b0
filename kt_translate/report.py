"""The classes and factories that stand for the models found, and the report's entries for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kt_translate import classes
from kt_translate.diagnostics import Diagnostic, Log, Place
from kt_translate.discover import Found, Gap
from kt_translate.emit.module import FactoryCode
from kt_translate.emit.support import words
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Class, ModelValue, plain
from kt_translate.graph.nodes import CallNode, Param, Plan
from kt_translate.graph.sym import UNKNOWN, Sym, code, known, symbols_in
from kt_translate.graph.tensor import Layout, Tensor, tensors_in, to_first
from kt_translate.layers.layer import RuleError
from kt_translate.lower.liveness import live
from kt_translate.lower.names import Names, attribute_name, class_name
from kt_translate.lower.writer import ClassCode, Writer, shown_shape

_TAKEN = ["nn", "F", "torch", "Tensor", "Any", "np", "math", "load_keras_weights", "like_keras"]
_PLAIN_NAMES = {"model", "m", "net", "network", "seq"}


@dataclass
class _Written:
    """How a model found is made in the output."""

    factory: str
    codes: list[ClassCode]
    inferred: dict[str, Any]
    sizes_said: bool = True


class Writing:
    """The classes and factories written so far, and the report's entries for them."""

    def __init__(self, source: str, log: Log, taken: set[str]) -> None:
        self.source = source
        self.log = log
        self.names = Names({*taken, *_TAKEN})
        self.written: list[ClassCode] = []
        self.factories: list[FactoryCode] = []
        self.entries: list[dict[str, Any]] = []
        self.codes: dict[int, ClassCode] = {}  # of each plan, by its id
        self.titles: dict[int, str] = {}  # of each model, by its id
        self._undocumented: list[tuple[Plan, ClassCode]] = []
        self.seen: set[int] = set()  # lines on which the models that were written are made

    def class_of(self, plan: Plan) -> ClassCode:
        """The class of a plan, written when it is first asked for. Raises RuleError where it cannot be."""
        if id(plan) not in self.codes:
            if not plan.inputs or not tensors_in(plan.result):
                raise RuleError("KT303", f"the input of {plan.name} is not known")
            name = class_name(plan.name)
            own = plan.keep_signature and plan.name == name
            code = Writer(plan, name if own else self.names.fresh(name), self.class_of).write()
            self.codes[id(plan)] = code
            self.written.append(code)
            self._undocumented.append((plan, code))
            self.seen.add(plan.line)
        return self.codes[id(plan)]

    def document(self) -> None:
        """Say of every class what it stands for."""
        for plan, code in self._undocumented:
            shapes = f"{_shown(code.inputs)} -> {_shown(code.outputs)}"
            title = plan.title or plan.name
            code.docstring = f"``{title}`` ({plan.file or self.source}:{plan.line}): {shapes}."
        self._undocumented.clear()

    # -- models ---------------------------------------------------------------------------------
    def add(self, found: Found) -> None:
        """Write a model, or several that belong together, and its entry."""
        for said in found.said:
            self._say(said)
        for model in found.models:
            self.titles.setdefault(id(model), found.name)
            self.seen.add(model.line)
        made = self._made_by_call(found)
        if made is None:
            self._name_plans(found)
            made = self._made(found)
        if made is None:
            self._entry(found.name, found.kind, found.line, self._gap(found.name, found.line))
            return
        model = found.models[0]
        whole = not any("gap" in m.attributes for m in found.models)
        entry = self._entry(
            found.name,
            found.kind,
            found.line,
            made.factory,
            torch_name=made.codes[0].name,
            inferred=made.inferred,
            inputs=_ports(made.codes[0].inputs, tensors_in(model.inputs), "input", found),
            outputs=_ports(made.codes[0].outputs, tensors_in(model.outputs), "output", found),
            status="translated" if whole else "partial",
        )
        if found.keras is not None:
            entry["keras"] = found.keras
            entry["torch"] = f"{made.factory}({found.arguments})"
        self._guesses(found)

    def layer(self, cls: Class, plan: Plan, inferred: dict[str, Any]) -> None:
        """Write a layer or model class of the source, and its entry."""
        try:
            code = self.class_of(plan)
        except (RuleError, Raised) as error:
            message = str(error)
            kind = classes.kind_of(cls)
            self.untranslated(cls.name, kind, cls.line, getattr(error, "code", "KT302"), message)
            return
        self.seen.add(cls.line)
        found = Found(cls.name, "class", cls.line, None)
        self._entry(
            cls.name,
            classes.kind_of(cls),
            cls.line,
            code.name,
            inferred={k: v for k, v in inferred.items() if k in code.used_parameters},
            inputs=_ports(code.inputs, plan.inputs, "input", found),
            outputs=_ports(code.outputs, tensors_in(plan.result), "output", found),
            status="partial" if plan.gap else "translated",
        )

    def gap(self, gap: Gap) -> None:
        """Report a builder of models that none came out of."""
        for said in gap.said:
            self._say(said)
        self.untranslated(
            gap.name, gap.kind, gap.line, "KT107", f"the model of {gap.name} is not translated"
        )

    def untranslated(self, name: str, kind: str, line: int, code: str, message: str) -> None:
        """Report something of the source that has no translation."""
        self.log.add(code, Place(max(line, 1)), message)
        self._entry(name, kind, line, self._gap(name, line))

    def _say(self, said: Diagnostic) -> None:
        if said not in self.log.diagnostics:
            self.log.diagnostics.append(said)

    def _guesses(self, found: Found) -> None:
        guessed = {n: v for n, v in found.given.guessed.items() if v is not None}
        if guessed:
            shown = ", ".join(f"{name}={value!r}" for name, value in guessed.items())
            self.log.add(
                "KT101",
                Place(max(found.line, 1)),
                f"nothing in the file calls {found.name}: it was read for {shown}",
                f"--input-shape {found.name}=... and --set NAME=VALUE give others",
            )

    # -- classes --------------------------------------------------------------------------------
    def _name_plans(self, found: Found) -> None:
        """The classes are called by what the source calls the models."""
        title = re.split(r"[.\[]", found.name.rstrip("]"))
        name = found.name if found.kind == "function" else "_".join(p for p in title[-2:] if p)
        if found.kind == "method" and "[" not in found.name:
            name = title[-1]
        for i, model in enumerate(found.models):
            plan = plan_of(model)
            if id(plan) in self.codes:
                continue
            if len(found.models) == 1:
                plan.name = name
                plan.file, plan.line = found.stands or (None, found.line)
            else:
                plan.name = model.variable or plan.name
                if plan.name in _PLAIN_NAMES:
                    plan.name = f"{name}_{i}"
            for node in live(plan.region.nodes, tensors_in(plan.result), plan.inputs):
                inner = node.plan if isinstance(node, CallNode) else None
                if inner is not None and inner.kind == "model" and inner.name in _PLAIN_NAMES:
                    inner.title, inner.name = inner.name, f"{plan.name}_layers"

    def _made(self, found: Found) -> _Written | None:
        """The classes of a model found, and what makes instances of them. None where one cannot be written."""
        own_signature = (
            found.kind == "function"
            and len(found.models) == 1
            and not found.sizes
            and not found.given.tensors
        )
        codes = []
        for model in found.models:
            plan = plan_of(model)
            plan.keep_signature |= own_signature and id(plan) not in self.codes
            try:
                codes.append(self.class_of(plan))
            except (RuleError, Raised) as error:
                code = getattr(error, "code", "KT302")
                hint = _input_hint(found.name) if code == "KT303" else ""
                self.log.add(code, Place(max(plan.line, 1)), str(error), hint)
        if len(codes) < len(found.models):
            return None
        if own_signature and plan_of(found.models[0]).keep_signature:
            codes[0].factory = found.name
            return _Written(found.name, codes, {})
        if found.kind == "variable" and not any(c.parameters for c in codes):
            return _Written(codes[0].name, codes, {})
        return self._factory(found, codes)

    def _factory(self, found: Found, codes: list[ClassCode]) -> _Written | None:
        """A function that takes what the source's takes, and gives the modules."""
        used = {n for c in codes for n in c.used_parameters}
        sizes = [p for p in found.sizes if p.symbol.name in used]
        unsaid = used - {p.symbol.name for p in [*found.params, *sizes]}
        if unsaid:
            self.log.add(
                "KT102",
                Place(max(found.line, 1)),
                f"the model {found.name} depends on {', '.join(sorted(unsaid))}",
            )
            return None
        body, table = _instances(found.models, codes)
        name = found.name if found.kind == "function" else self._factory_name(found)
        returns = _structure(found.value, table)
        annotation = codes[0].name if isinstance(found.value, ModelValue) else "Any"
        if isinstance(found.value, tuple):
            returns = returns.removeprefix("(").removesuffix(")")
            if len(found.value) == len(codes):
                annotation = f"tuple[{', '.join(c.name for c in codes)}]"
        self.factories.append(
            FactoryCode(
                name,
                _signature(found.params, sizes),
                returns,
                annotation,
                f"``{found.name}`` ({self.source}:{found.line}).",
                body,
            )
        )
        inferred = {
            p.symbol.name: p.symbol.value for p in sizes if p.symbol.value is not UNKNOWN
        }
        return _Written(name, codes, inferred)

    def _factory_name(self, found: Found) -> str:
        owner, _, last = re.sub(r"[\[\]'\"]+", "_", found.name).strip("_").rpartition(".")
        last = re.sub(r"\W+", "_", last).strip("_")
        verb = re.match(r"(build|make|create|get|define|construct|_)", last)
        name = last if verb else f"make_{last}"
        if name in self.names.taken and owner:
            name = f"make_{re.sub(r'(?<=[a-z])(?=[A-Z])', '_', owner).lower()}_{last}"
        return self.names.fresh(re.sub(r"\W+", "_", name))

    def _made_by_call(self, found: Found) -> _Written | None:
        """A variable's model as an instance of the class of the function that made it."""
        for maker, at, table in found.made:
            general = maker.models[at]
            made = self.codes.get(id(plan_of(general)))
            if made is None or not all(_sayable(table.get(n)) for n in made.used_parameters):
                continue
            if any(n not in table for n in made.used_parameters):
                continue
            model = found.models[0]
            self.codes[id(plan_of(model))] = made
            defaults = {p.symbol.name: p.default for p in plan_of(general).params}
            given = {n: str(code(table[n])) for n in made.used_parameters}
            given = {n: text for n, text in given.items() if text != defaults[n]}
            if not given:
                return _Written(made.name, [made], {})
            name = self._factory_name(found)
            call = f"{made.name}({', '.join(f'{n}={text}' for n, text in given.items())})"
            docstring = f"``{found.name}`` ({self.source}:{found.line})."
            self.factories.append(FactoryCode(name, [], call, made.name, docstring))
            return _Written(name, [made], {})
        return None

    # -- entries --------------------------------------------------------------------------------
    def _gap(self, name: str, line: int) -> str:
        """A factory that says that there is nothing to be made."""
        text = f"{name} ({self.source}:{line}) is not translated"
        plain_name = name.isidentifier() and not any(c.name == name for c in self.written)
        factory = name if plain_name else self._factory_name(Found(name, "method", line, None))
        if any(f.name == factory for f in self.factories):
            factory = self.names.fresh(f"make_{factory}")
        self.names.taken.add(factory)
        self.factories.append(
            FactoryCode(factory, ["*args: Any", "**kwargs: Any"], None, "nn.Module", text)
        )
        return factory

    def _entry(
        self,
        name: str,
        kind: str,
        line: int,
        factory: str,
        torch_name: str | None = None,
        inferred: dict[str, Any] | None = None,
        inputs: list[dict[str, Any]] | None = None,
        outputs: list[dict[str, Any]] | None = None,
        status: str = "unsupported",
    ) -> dict[str, Any]:
        entry = {
            "source_name": name,
            "source_kind": kind,
            "line": line,
            "torch_name": torch_name or factory,
            "factory": factory,
            "inferred": inferred or {},
            "inputs": inputs or [],
            "outputs": outputs or [],
            "status": status,
            "keras": None,
            "torch": None,
        }
        self.entries.append(entry)
        return entry


def _input_hint(name: str) -> str:
    return f"say it: --input-shape {name}=28,28,1, without the batch axis"


def _sayable(value: Any) -> bool:
    """Whether a value can be written where the module's own names are known."""
    if isinstance(value, Sym):
        return all(s.kind == "global" for s in symbols_in(value))
    if isinstance(value, (list, tuple)):
        return all(map(_sayable, value))
    return plain(value)


def _signature(params: list[Param], sizes: list[Param]) -> list[str]:
    """The parameters of a factory; what has no default after one that has is given by name."""
    texts: list[str] = []
    by_name: list[str] = []
    for param in params:
        hint = f": {param.annotation}" if param.annotation else ""
        text = f"{param.symbol.name}{hint}"
        if param.default is not None:
            text += f" = {param.default}" if hint else f"={param.default}"
        after_default = param.default is None and any("=" in t for t in texts)
        (by_name if param.keyword_only or after_default else texts).append(text)
    for size in sizes:
        told = f" = {size.symbol.value!r}" if size.symbol.value is not UNKNOWN else ""
        by_name.append(f"{size.symbol.name}: int{told}")
    return [*texts, *(["*", *by_name] if by_name else [])]


def _instances(
    models: list[ModelValue], codes: list[ClassCode]
) -> tuple[list[str], dict[int, str]]:
    """The modules, as the factory writes them; those that others are made of are these others' parts."""
    made = {
        id(model): f"{code.name}({', '.join(f'{n}={n}' for n in code.used_parameters)})"
        for model, code in zip(models, codes, strict=True)
    }
    body: list[str] = []
    places: dict[int, str] = {}
    for outer, code in zip(models, codes, strict=True):
        name = attribute_name(outer.variable or plan_of(outer).name, "model")
        parts = {
            id(model): place
            for model, part in zip(models, codes, strict=True)
            if model is not outer
            and id(model) not in places
            and (place := _part_of(outer, code, model, part)) is not None
        }
        if parts:
            body.append(f"{name} = {made[id(outer)]}")
            places |= {i: f"{name}.{place}" for i, place in parts.items()}
            places[id(outer)] = name
    return body, {**made, **places}


def _part_of(
    outer: ModelValue, code: ClassCode, model: ModelValue, part: ClassCode
) -> str | None:
    """The attribute in which a model's class has another model."""
    plan = plan_of(outer)
    nodes = live(plan.region.nodes, tensors_in(plan.result), plan.inputs)
    if not any(isinstance(n, CallNode) and n.use is model.use for n in nodes):
        return None
    found = re.findall(rf"^self\.(\w+) = {part.name}\(", "\n".join(code.init), re.MULTILINE)
    return found[0] if len(found) == 1 else None


def _structure(value: Any, table: dict[int, str]) -> str:
    """What the source returns, with the modules in place of the models."""
    if isinstance(value, ModelValue):
        return table[id(value)]
    if isinstance(value, (list, tuple)):
        parts = [_structure(v, table) for v in value]
        if isinstance(value, list):
            return f"[{', '.join(parts)}]"
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_structure(v, table)}" for k, v in value.items()) + "}"
    return repr(value) if plain(value) else "None"


def _shown(found: list[Tensor]) -> str:
    return ", ".join(f"({', '.join(shown_shape(tensor))})" for tensor in found)


def _ports(
    written: list[Tensor], actual: list[Tensor], what: str, found: Found
) -> list[dict[str, Any]]:
    """Inputs or outputs: how the class takes and gives them, and the sizes that this model has by default."""

    def size(dim: Any) -> int | None:
        told = not any(s.name in found.given.guessed for s in symbols_in(dim))
        sample = known(dim)
        return sample if told and isinstance(sample, int) else None

    ports = []
    for i, (tensor, real) in enumerate(zip(written, actual, strict=True)):
        given = real.facts.get("input")
        first = tensor.layout is Layout.FIRST and tensor.rank > 3
        ports.append(
            {
                "name": given if isinstance(given, str) else f"{what}_{i}",
                "shape": [size(d) for d in real.shape],
                "dtype": tensor.dtype,
                "permute": list(to_first(tensor.rank)) if first else None,
            }
        )
    return ports


def constants(names: dict[str, Any], codes: list[ClassCode], factories: list[FactoryCode]) -> list[str]:
    """The module's constants that classes and factories name, as the source assigns them."""
    texts = [t for c in codes for t in [*c.init, *c.body, *c.parameters]]
    texts += [t for f in factories for t in [*f.parameters, f.returns or ""]]
    found = words("\n".join(texts))
    used = []
    for value in names.values():
        symbols = symbols_in(value) if isinstance(value, Sym) and value.head == "symbol" else ()
        used += [s for s in symbols if s.kind == "global" and s.name in found]
    return [f"{symbol.name} = {symbol.value!r}" for symbol in dict.fromkeys(used)]
