"""The whole way from Keras text to PyTorch text."""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass, field
from inspect import cleandoc
from pathlib import Path
from typing import Any

from kt_translate import classes
from kt_translate.call_inputs import likely_input
from kt_translate.cases import said_by_hand, values_of
from kt_translate.diagnostics import Diagnostic, Log, Place, Statement
from kt_translate.discover import discover
from kt_translate.emit import module, parity, training
from kt_translate.evaluate import late
from kt_translate.evaluate.general import file_of
from kt_translate.evaluate.interpreter import Interpreter
from kt_translate.evaluate.open_inputs import UnknownInput
from kt_translate.evaluate.project import texts_beside
from kt_translate.evaluate.signals import MAX_FRAMES
from kt_translate.evaluate.values import Class, Unknown
from kt_translate.factories import kept
from kt_translate.found import Found, Gap, Object
from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.objects import KerasObject
from kt_translate.graph.region import CURRENT, Region
from kt_translate.graph.sym import UNKNOWN, Sym
from kt_translate.homes import Project
from kt_translate.implied import left_over
from kt_translate.layers import catalogue
from kt_translate.lower.class_code import ClassCode
from kt_translate.ops import catalogue as op_catalogue
from kt_translate.report import Writing
from kt_translate.shown import run_examples
from kt_translate.source.flavour import flavour_of
from kt_translate.source.syntax import Source
from kt_translate.tied import in_common
from kt_translate.written import kept_names

MOST_NAMES = 6  # of models, in one message


@dataclass(frozen=True)
class Options:
    """What the command line says about a translation."""

    input_shapes: dict[str, tuple[int | None, ...]] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    path: Path | None = None
    want_test: bool = True
    output: str | None = None  # where the translation will be, seen from the parity test
    project: Project = field(default_factory=Project)  # what is translated together


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
    sys.setrecursionlimit(max(sys.getrecursionlimit(), MAX_FRAMES))
    catalogue.load()
    op_catalogue.load()
    source = Source(text, name, options.path)
    ev, writing = _best(source, options)
    log.diagnostics += [d for d in writing.log.diagnostics if d not in log.diagnostics]
    log.errors += writing.log.errors
    ev.log = writing.log = log
    if not writing.entries:
        log.add("KT003", Place(1), "no Keras model is built here that could be translated")
    _tell_gaps(writing, log)
    _options_that_name_nothing(ev, writing, options)
    parts = training.compiled(_compiled(ev, writing), ev.flavour, log, writing.written, ev)
    trained = training.section(parts, name)
    made = {e["source_name"]: e["factory"] for e in writing.entries if e["status"] == "translated"}
    home, output = writing.home, ""
    home.about = cleandoc(source.module.get_docstring() or "")
    home.training, home.made = trained, made
    if home.module:
        for touched in writing.touched:
            touched.note(ev.constants.values(), ev.constant_files, options.project)
            touched.own_classes += plain_classes(ev)
    else:
        kept_as_is = kept(ev.constants.values(), plain_classes(ev), home.text())
        output = module.render(
            name, home.classes, kept_as_is, trained, made, home.factories, about=home.about
        )
    test = None
    if options.want_test:
        facts = parity.Facts(
            ev.flavour,
            values_of(ev.module.names) | said_by_hand(ev),
            [part.entry() for part in parts],
            ev.precision,
            options.path,
            lambda path: values_of(ev.files[path].scope.names) if path in ev.files else {},
            home.module,
            options.project.relative,
        )
        test = parity.render(
            text, name, options.output or f"{Path(name).stem}_pt.py", writing.entries, facts
        )
    entries = [{k: v for k, v in e.items() if k not in _OF_THE_TEST} for e in writing.entries]
    return Translation(output, test, entries, [part.entry() for part in parts], ev.flavour, log)


def plain_classes(ev: Interpreter) -> list[Class]:
    """The classes of the source, and of the files that it reads, that have nothing to do with Keras."""
    scopes = [ev.module, *(m.scope for m in ev.files.values() if m.scope is not ev.module)]
    found = [v for s in scopes for v in s.names.values() if isinstance(v, Class)]
    return [cls for cls in dict.fromkeys(found) if cls.keras_base() is None]


def _best(source: Source, options: Options) -> tuple[Interpreter, Writing]:
    """The source read and its models written. Where the code of one could not be, again without what was in its way."""
    tries: list[_Try] = []
    given_up: set[Statement] = set()
    in_place: set[Statement] = set()
    inputs: dict[tuple[str, int], Any] = {}
    start = options.project.state()
    for nothing_kept in (False, False, True):
        made = _try(source, options, given_up, in_place, nothing_kept, inputs)
        unknown = {
            p: likely_input(u.layers) for p, u in inputs.items() if isinstance(u, UnknownInput)
        }
        if found := {place: shape for place, shape in unknown.items() if shape is not None}:
            inputs |= found
            options.project.restore(start)
            made = _try(source, options, given_up, in_place, nothing_kept, inputs)
        tries.append(made)
        if not made[1].stuck and not made[0].picked:
            break
        given_up |= made[1].stuck
        in_place |= made[0].picked
        options.project.restore(start)
    ev, writing, CURRENT[:], state = min(tries, key=lambda t: (bool(t[0].picked), _missing(t[1])))
    options.project.restore(state)
    return ev, writing


_Try = tuple[Interpreter, Writing, list[Region], Any]


def _try(
    source: Source,
    options: Options,
    given_up: set[Statement],
    in_place: set[Statement],
    nothing_kept: bool,
    inputs: dict[tuple[str, int], Any],
) -> _Try:
    start = options.project.state()
    read_late: dict[tuple[Any, str], Any] = {}
    settings = {k: ast.literal_eval(v) for k, v in options.settings.items()}
    unrolled: set[Any] = set()
    while True:
        CURRENT[:] = [Region()]
        ev = Interpreter(source, Log(), settings)
        ev.flavour = flavour_of(source.text, texts_beside(options.path, source.text))
        ev.input_shapes, ev.inputs = options.input_shapes, inputs
        ev.given_up, ev.nothing_kept = frozenset(given_up), nothing_kept
        ev.in_place, ev.module.late = frozenset(in_place), read_late
        ev.decided = set(unrolled)
        try:
            ev.run_module()
            if not (found := late.changed(ev.module)):
                run_examples(ev)
                writing = _written(ev, source.name, ev.log, options)
                return ev, writing, list(CURRENT), options.project.state()
            read_late |= found
        except LeftOpen as left:
            if unrolled.issuperset(left.statements):
                raise
            unrolled |= set(left.statements)
        options.project.restore(start)


def _missing(writing: Writing) -> int:
    """How many models are not there, or not whole."""
    return sum(entry["status"] != "translated" for entry in writing.entries)


_OF_THE_TEST = ("cases",)  # of an entry: what gives the model, on either side


def _written(ev: Interpreter, name: str, log: Log, options: Options) -> Writing:
    """Every model that the source builds, with its class and its entry."""
    path = Path(os.path.abspath(options.path)) if options.path is not None else None
    home = options.project.home(path, name, kept_names(ev.module.names))
    writing = Writing(home, log, options.project, ev.files, name)
    every = list(discover(ev, ev.input_shapes))
    given = [found for found in every if isinstance(found, Object)]
    for found in every:
        if isinstance(found, Found) and not isinstance(found, Object):
            writing.name_plans(found)
    for found in every:
        if isinstance(found, Gap):
            writing.gap(found)
        elif not isinstance(found, Object):
            writing.add(found)
    for group in in_common(every):
        names = list(dict.fromkeys(found.name for found in group))
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        log.add(
            "KT208",
            Place(max(group[0].line, 1)),
            f"{', '.join(names[:MOST_NAMES])}{more} have layers in common: modules that their "
            "factories make have weights of their own",
            "to train them together, use the parts of one, or set them: a.dense = b.dense",
        )
    called = {id(instance) for _, instance, _ in ev.objects if instance.calls}
    failed: list[tuple[Class, list[Diagnostic]]] = []
    for cls in classes.keras_classes(ev):
        if writing.home_of(file_of(ev, cls)) is not None:
            continue  # the report on that file has it
        use = None if ev.class_plans.get(id(cls.node)) else writing.borrow(cls)
        if use is not None:
            writing.layer(cls, use.plan, use.instance, use.tensors)
            continue
        before = list(ev.log.diagnostics)
        if uses := classes.uses_of(ev, cls):
            for own in classes.alone(uses):
                writing.layer(cls, *own)
        elif classes.has_call(cls):  # another class may make it, and give it what it needs
            failed.append((cls, [d for d in ev.log.diagnostics if d not in before]))
            ev.log.diagnostics[:] = before
    for cls, said in failed:
        if since := ev.class_plans.get(id(cls.node)):
            for own in classes.alone(since):
                writing.layer(cls, *own)
        else:
            ev.log.diagnostics += said
            place = f" ({file}:{cls.line})" if (file := file_of(ev, cls)) else ""
            kind, message = classes.kind_of(cls), f"the class {cls.name} is not translated{place}"
            writing.untranslated(cls.name, kind, classes.line_of(ev, cls), "KT201", message)
    _objects(ev, writing, called)
    for found in given:
        _object(ev, writing, found)
    for found in left_over(ev, set(writing.codes), writing.seen):
        writing.add(found)
    writing.lend(uses[0] for uses in ev.class_plans.values() if uses)
    writing.document()
    writing.entries.sort(key=lambda entry: entry["line"])
    return writing


def _objects(ev: Interpreter, writing: Writing, called: set[int]) -> None:
    """The variables of the module that hold objects of the source's own models, and layers that are no model's part."""
    seen: set[tuple[str, int]] = set()
    for name, instance, line in ev.objects:
        cls = instance.cls
        is_model = classes.kind_of(cls) == "class"
        if (name, line) in seen or (id(instance) in called and not is_model):
            continue
        seen.add((name, line))
        _object(ev, writing, Object(name, "variable", line, instance))


def _object(ev: Interpreter, writing: Writing, found: Object) -> None:
    """An object of a class of the source, which is tried on likely inputs where the source never calls it."""
    name, instance = found.name, found.value
    cls = instance.cls
    shape = ev.input_shapes.get(name, ev.input_shapes.get(""))
    if not instance.calls and classes.has_call(cls):
        classes.try_calls(ev, cls, instance, shape)
    if instance.calls:
        writing.object(found)
    elif classes.has_call(cls) and classes.kind_of(cls) == "class":
        message = f"the model {name} is not translated"
        writing.untranslated(name, found.kind, found.line, "KT201", message)


def _tell_gaps(writing: Writing, log: Log) -> None:
    """What is not translated is an error, if nothing else has been called one."""
    for entry in writing.entries if not log.has_errors else []:
        if entry["status"] != "translated":
            part = "only in part" if entry["status"] == "partial" else "not"
            log.add(
                "KT107",
                Place(max(entry["line"], 1)),
                f"{entry['source_name']} is {part} translated",
            )


def _options_that_name_nothing(ev: Interpreter, writing: Writing, options: Options) -> None:
    """Warn of --input-shape and --set for names that the source does not have."""
    titles = {str(entry["source_name"]) for entry in writing.entries}
    for name in options.input_shapes:
        if name and name not in titles and name.rpartition(".")[0] not in titles:
            known = ", ".join(sorted(titles)) or "none"
            writing.log.add(
                "KT101", Place(1), f"--input-shape {name}: no such model here; there is {known}"
            )
    for name in [n for n in options.settings if n not in ev.used_settings]:
        writing.log.add("KT101", Place(1), f"--set {name}: the source gives no value to that name")


def _compiled(
    ev: Interpreter, writing: Writing
) -> list[tuple[str, int, dict[str, Any], ClassCode]]:
    """The last ``compile`` of each model that was written, once for each line and class."""
    last = {id(model): (model, line, given) for model, line, given in ev.compiled}
    found: dict[tuple[str, int], tuple[str, int, dict[str, Any], ClassCode]] = {}
    for model, line, given in last.values():
        code = writing.codes.get(id(model.plan))
        if code is not None and id(model.plan) not in writing.of_others:
            title = writing.titles.get(id(model)) or model.variable or model.plan.name
            found.setdefault((code.name, line), (title, line, _settled(given), code))
    return list(found.values())


def _settled(value: Any) -> Any:
    """Settings of an optimizer or a loss with samples in place of the parameters of functions."""
    if isinstance(value, Sym) and any(s.kind != "global" for s in value.symbols):
        return Unknown("an argument") if value.value is UNKNOWN else value.value
    if isinstance(value, (list, tuple)):
        return type(value)(map(_settled, value)) if type(value) in (list, tuple) else value
    if isinstance(value, dict):
        return {k: _settled(v) for k, v in value.items()}
    if isinstance(value, KerasObject):
        return KerasObject(value.path, _settled(value.args), _settled(value.kwargs))
    return value
