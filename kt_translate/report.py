"""The classes and factories that stand for the models found, and the report's entries for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kt_translate import cases, classes, factories
from kt_translate.diagnostics import Diagnostic, Log, Place, Statement, error_code
from kt_translate.emit.definitions import FactoryCode
from kt_translate.evaluate.models import plan_of
from kt_translate.evaluate.open_sizes import told_by_weights
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Class, Instance, ModelValue, Module
from kt_translate.found import Found, Gap, Object, each_of, outputs_of, ports
from kt_translate.graph.nodes import Plan
from kt_translate.graph.objects import snake_case
from kt_translate.graph.sym import UNKNOWN, Sym, symbols_in
from kt_translate.graph.tensor import Tensor
from kt_translate.homes import Home, Project
from kt_translate.layers.layer import RuleError
from kt_translate.lower.class_code import ClassCode
from kt_translate.lower.modules import sizes_of
from kt_translate.objects import made_object
from kt_translate.pytorch.library import reserved_names
from kt_translate.written import Classes


@dataclass
class _Written:
    """How a model found is made in the output."""

    factory: str
    codes: list[ClassCode]
    inferred: dict[str, Any]
    cases: list[cases.Case] = field(default_factory=list)  # of what it gives for other arguments


class Writing(Classes):
    """The classes and factories written so far, and the report's entries for them."""

    def __init__(
        self, home: Home, log: Log, project: Project, files: Mapping[Path, Module], source: str
    ) -> None:
        super().__init__(home, project, files)
        self.source = source
        self.log = log
        self.names = home.names
        self.factories = home.factories
        self.entries: list[dict[str, Any]] = []
        self.stuck: set[Statement] = set()  # loops and functions whose code could not be written

    # -- models ---------------------------------------------------------------------------------
    def add(self, found: Found) -> None:
        """Write a model, or several that belong together, and its entry."""
        for said in found.said:
            self._say(said)
        for model in found.models:
            self.titles.setdefault(id(model), found.name)
            self.seen.add(model.line)
        if found.stands and self.home_of(found.stands[0]) is not None:
            self.name_plans(found)
            self._codes(found)  # the report on that file has it
            return
        handed_on = found.kind == "function"
        made = self._handed_on(found) if handed_on else self._made_by_call(found)
        if made is None:
            self.name_plans(found)
            made = self._made(found)
        if made is None:
            self._entry(found.name, found.kind, found.line, self._gap(found.name, found.line))
            return
        if found.kind == "variable" and plan_of(found.models[0]).factory is None:
            plan_of(found.models[0]).factory = made.factory
        each = each_of(made.codes, found)
        entry = self._entry(
            found.name,
            found.kind,
            found.line,
            made.factory,
            torch_name=made.codes[0].name,
            inferred=made.inferred,
            inputs=each[0]["inputs"],
            outputs=each[0]["outputs"],
            status="partial" if found.lacks_models else _status(made.codes),
        )
        if len(each) > 1:
            entry["models"] = each
        entry["cases"] = cases.of_models(found, made.factory, made.codes, found.value)
        entry["cases"] += made.cases
        self._guesses(found)

    def layer(self, cls: Class, plan: Plan, instance: Instance, tensors: list[Tensor]) -> None:
        """Write a layer or model class of the source, and its entry; the object is made and takes the tensors."""
        try:
            code = self.class_of(plan)
        except (RuleError, Raised) as error:
            self._take_down(error)
            kind = classes.kind_of(cls)
            self.untranslated(cls.name, kind, cls.line, error_code(error), str(error))
            return
        self.seen.add(cls.line)
        found = Found(cls.name, "class", cls.line, None)
        sizes = classes.inferred(plan, tensors)
        entry = self._entry(
            cls.name,
            classes.kind_of(cls),
            cls.line,
            self._sized(found, plan, code, sizes),
            torch_name=code.name,
            inferred={k: v for k, v in sizes.items() if k in code.used_parameters},
            inputs=ports(code.inputs, plan.inputs, "input", found),
            outputs=outputs_of(code, plan.result, found),
            status=_status([code]),
        )
        if not code.gap:
            entry["cases"] = [cases.of_class(cls, code.name, code, plan, instance, tensors)]

    def _sized(self, found: Found, plan: Plan, code: ClassCode, told: dict[str, Any]) -> str:
        """The name of the class, or of a function that gives it where the weights are to tell sizes."""
        sizes = [n for n in code.used_parameters if n in sizes_of(plan) and n not in told]
        if not sizes or code.gap:
            return code.name
        said = f"``{found.name}`` ({self.source}:{found.line}); the weights tell its sizes."
        name = self.names.fresh(f"make_{snake_case(found.name)}")
        self.factories.append(factories.sized_class(name, code.name, sizes, said))
        return name

    def object(self, found: Object) -> None:
        """Write what a variable of the module holds or a function gives, an object of a class of the source."""
        name, kind, line, instance = found.name, found.kind, found.line, found.value
        plan, tensors, results = instance.calls[-1]
        try:
            made = made_object(found, self.class_of)
        except (RuleError, Raised) as error:
            self._take_down(error)
            hint = _input_hint(name) if getattr(error, "code", "") == "KT303" else ""
            self.untranslated(name, kind, line, error_code(error), str(error), hint)
            return
        code = made.code
        if made.open_sizes:
            said = f"nothing tells the input of {name}: {told_by_weights(made.open_sizes)}"
            self.log.add("KT101", Place(max(line, 1)), said)
        factory = code.name
        if made.text != f"{code.name}()" or kind == "function":
            factory = factories.name_of(found, self.names)
            docstring = f"``{name}`` ({self.source}:{line})."
            taken = factories.signature(found.params, [], made.parameters)
            body = [
                line
                for condition, said in made.guards
                for line in (f"if {condition}:", f"    raise NotImplementedError({said})")
            ]
            self.factories.append(
                FactoryCode(factory, taken, made.text, code.name, docstring, body)
            )
        self.codes.setdefault(id(plan), code)
        self.titles[id(instance)] = name
        self._entry(
            name,
            kind,
            line,
            factory,
            torch_name=code.name,
            inputs=ports(code.inputs, tensors, "input", found),
            outputs=outputs_of(code, results, found),
            status=_status([code]),
        )

    def gap(self, gap: Gap) -> None:
        """Report a builder of models that none came out of."""
        for said in gap.said:
            self._say(said)
        why = f" ({gap.why})" if gap.why else ""
        message = f"the model of {gap.name} is not translated{why}"
        self.untranslated(gap.name, gap.kind, gap.line, "KT107", message)

    def untranslated(
        self, name: str, kind: str, line: int, code: str, message: str, hint: str = ""
    ) -> None:
        """Report something of the source that has no translation."""
        self.log.add(code, Place(max(line, 1)), message, hint)
        self._entry(name, kind, line, self._gap(name, line))

    def _take_down(self, error: RuleError | Raised) -> None:
        """Remember what is not to be kept where the source is read once more."""
        if isinstance(error, RuleError) and error.code == "KT302" and error.where is not None:
            self.stuck.add(error.where)

    def _say(self, said: Diagnostic) -> None:
        if said not in self.log.diagnostics:
            self.log.diagnostics.append(said)

    def _guesses(self, found: Found) -> None:
        guessed = {n: v for n, v in found.given.guessed.items() if v is not None}
        if guessed:
            shown = ", ".join(
                f"{name}={factories.guess_text(value)}" for name, value in guessed.items()
            )
            said = f"nothing tells what {found.name} is given: it was read for {shown}"
            if list(guessed) == ["input"]:
                widths = sorted(s.name for s in symbols_in(guessed["input"]))
                told = told_by_weights(widths) if widths else f"taken for {shown}"
                said = f"nothing tells the input of {found.name}: {told}"
            self.log.add(
                "KT101",
                Place(max(found.line, 1)),
                said,
                f"--input-shape {found.name}=... and --set NAME=VALUE give others",
            )
        for name, value in found.given.taken.items():
            said = f"{found.name} is translated for {name} = {value}, whatever it is given"
            self.log.add("KT301", Place(max(found.line, 1)), said)

    # -- classes --------------------------------------------------------------------------------
    def _codes(self, found: Found) -> list[ClassCode]:
        """The classes of the models found; fewer than there are models where one cannot be written."""
        codes = []
        for model in found.models:
            if "gap" in model.attributes:
                continue
            plan = plan_of(model)
            plan.keep_signature |= found.has_own_signature and id(plan) not in self.codes
            try:
                codes.append(self.class_of(plan))
            except (RuleError, Raised) as error:
                self._take_down(error)
                code = error_code(error)
                hint = _input_hint(found.name) if code == "KT303" else ""
                self.log.add(code, Place(max(plan.line, 1)), str(error), hint)
        return codes

    def _made(self, found: Found) -> _Written | None:
        """The classes of a model found, and what makes instances of them. None where one cannot be written."""
        codes = self._codes(found)
        if len(codes) < len(found.models):
            return None
        plan = plan_of(found.models[0])
        if found.has_own_signature and plan.keep_signature and not plan.open_sizes:
            codes[0].factory = factories.name_of(found, self.names)
            return _Written(codes[0].factory, codes, {})
        if found.kind == "variable" and not any(c.parameters for c in codes):
            return _Written(codes[0].name, codes, {})
        return self._factory(found, codes)

    def _factory(self, found: Found, codes: list[ClassCode]) -> _Written | None:
        """A function that takes what the source's takes, and gives the modules."""
        others = self.others(found, codes[0])
        used = {n for c in [*codes, *(c for _, _, c in others)] for n in c.used_parameters}
        sizes = [p for p in found.sizes if p.symbol.name in used]
        models = [*found.models, *(m for _, other, _ in others for m in other.models)]
        named = factories.named_on_the_way(models, used)
        said = {p.symbol.name for p in [*found.params, *sizes, *found.open_sizes]} | named.keys()
        unsaid = used - said
        if unsaid:
            self.log.add(
                "KT102",
                Place(max(found.line, 1)),
                f"the model {found.name} depends on {', '.join(sorted(unsaid))}",
            )
            return None
        body, table = factories.instances(found.models, codes)
        name = factories.name_of(found, self.names)
        returns = factories.structure(found.value, table)
        annotation = codes[0].name if isinstance(found.value, ModelValue) else "Any"
        for test, _, code in others:
            body += factories.where(test, code)
            annotation += f" | {code.name}"
        if isinstance(found.value, tuple):
            returns = returns.removeprefix("(").removesuffix(")")
            if len(found.value) == len(codes):
                annotation = f"tuple[{', '.join(c.name for c in codes)}]"
        self.factories.append(
            FactoryCode(
                name,
                factories.signature(found.params, sizes, found.open_sizes),
                returns,
                annotation,
                f"``{found.name}`` ({self.source}:{found.line}).",
                [*named.values(), *body],
            )
        )
        inferred = {p.symbol.name: p.symbol.value for p in sizes if p.symbol.value is not UNKNOWN}
        more = [c for _, o, code in others for c in cases.of_models(o, name, [code], o.value)]
        return _Written(name, codes, inferred, more)

    def _made_by_call(self, found: Found) -> _Written | None:
        """A variable's model as an instance of the class of the function that made it."""
        for maker, at, table in found.made:
            general = maker.models[at]
            made = self.codes.get(id(plan_of(general)))
            if maker.made or made is None:  # where it only calls another one, that has the class
                continue
            if not all(factories.sayable(table.get(n)) for n in made.used_parameters):
                continue
            open_sizes = plan_of(general).open_sizes
            table = {p.symbol.name: Sym.of(p.symbol) for p in open_sizes} | table
            if any(n not in table for n in made.used_parameters):
                continue
            self.codes[id(plan_of(found.models[0]))] = made
            said = factories.arguments_said(made, table, plan_of(general).params)
            if not said:
                return _Written(made.name, [made], {})
            name = factories.name_of(found, self.names)
            call = factories.instance(made.name, said, [p.symbol.name for p in open_sizes])
            docstring = f"``{found.name}`` ({self.source}:{found.line})."
            sizes = factories.signature([], [], open_sizes)
            self.factories.append(FactoryCode(name, sizes, call, made.name, docstring))
            return _Written(name, [made], {})
        return None

    def _handed_on(self, found: Found) -> _Written | None:
        """A function that only calls another builder, as one that gives an instance of that one's class."""
        for maker, _, table in found.made:
            codes = self._codes(maker)
            if not codes or not table.keys() >= set(codes[0].used_parameters):
                break
            said = factories.arguments_said(codes[0], table, maker.params)
            self.codes[id(plan_of(found.models[0]))] = codes[0]
            name = factories.name_of(found, self.names)
            docstring = f"``{found.name}`` ({self.source}:{found.line})."
            call = factories.instance(codes[0].name, said, [])
            taken = factories.signature(found.params, [], [])
            self.factories.append(FactoryCode(name, taken, call, codes[0].name, docstring))
            return _Written(name, codes, {})
        return None

    # -- entries --------------------------------------------------------------------------------
    def _gap(self, name: str, line: int) -> str:
        """A factory that says that there is nothing to be made."""
        text = f"{name} ({self.source}:{line}) is not translated"
        plain_name = name.isidentifier() and name not in reserved_names()
        plain_name = plain_name and not any(c.name == name for c in self.written)
        factory = (
            name if plain_name else factories.name_of(Found(name, "method", line, None), self.names)
        )
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
            "cases": [{"name": name, "skip": f"{name} is not translated"}],
        }
        self.entries.append(entry)
        return entry


def _status(codes: list[ClassCode]) -> str:
    return "partial" if any(c.gap for c in codes) else "translated"


def _input_hint(name: str) -> str:
    return f"say it: --input-shape {name}=28,28,1, without the batch axis"
