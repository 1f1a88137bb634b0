"""Runs the statements of a source on values that are known and on symbols.

What is data, files or training gives `Unknown` values that flow on without harm. Steps and depth are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import libcst as cst

from kt_translate.defects import defect
from kt_translate.diagnostics import Log, Place, Statement, shorten
from kt_translate.evaluate import (
    attributes,
    calls,
    choices,
    elements,
    expressions,
    late,
    modules,
    open_ends,
    recursion,
    statements,
)
from kt_translate.evaluate.registered import Registrants
from kt_translate.evaluate.signals import (
    MAX_STEPS,
    Break,
    Continue,
    LimitReached,
    Raised,
    Return,
    Signal,
    TooDeep,
)
from kt_translate.evaluate.state import State, refuse_turns
from kt_translate.evaluate.values import (
    Class,
    External,
    Function,
    Instance,
    ModelValue,
    Module,
    Scope,
    Unknown,
    UnknownModel,
    items_of,
    name_value,
    plain,
)
from kt_translate.graph import conditions
from kt_translate.graph.lists import LeftOpen
from kt_translate.graph.precision import EXACT
from kt_translate.graph.sym import UNKNOWN, Sym, Symbol, known, substitute
from kt_translate.graph.terms import expand, shown
from kt_translate.source.syntax import Source, comments_before


class Interpreter:
    """The state of one evaluation: the source, the scope at hand, the log, and the bounds."""

    precision = EXACT  # of Keras's own arithmetic, in what was called
    trial: open_ends.Trial | None = None  # of the loop that is run
    last_case: Any = None  # of the chain of ``elif`` that is run
    receiver: int | None = None  # how deep the call stands that takes lists which loops left open
    in_vain: frozenset[Any] = frozenset()  # values with which builders give nothing
    nothing_kept = False  # no loop and no condition, after all else has failed
    given_up: frozenset[Statement] = frozenset()  # loops and functions that could not be written
    in_place: frozenset[Statement] = frozenset()  # and those whose layers are asked for

    def __init__(self, source: Source, log: Log, settings: dict[str, Any]) -> None:
        self.source = self.main = source
        self.flavour = "3"  # of Keras: "3", "2" or "1"
        self.data_format = "channels_last"  # the backend's, for layers that are told none
        self.origin: int | None = None  # in another file: the line of the main one that led there
        self.files: dict[Path, Module] = {}  # other files of the project
        self.imported: dict[int, int] = {}  # what is theirs by id: the lines that import it
        self.registrants = Registrants()  # files whose decorators have not run
        self.custom_objects: dict[str, Any] = {}  # which the source gives names among Keras's own
        self.trying = 0  # within statements that ``try`` guards
        self.log, self.settings = log, settings
        self.module = Scope("module", {"__name__": "__main__", "__file__": source.name})
        self.line = 0
        self.comments: list[str] = []  # above the statement at hand, until something is made there
        self.steps = 0
        self.vain_steps = 0  # of builders with likely arguments of which nothing came
        self.running: list[Scope] = []  # the functions that are under way
        self.demands: list[tuple[Any, Any]] = []
        self.opened: list[Sym] = []  # lists and dicts of parameters that were changed
        self.checking = False  # within the test of an ``if`` that raises
        self.calling = 0  # within ``call`` of a layer or model of the source
        self.hurried = False  # an input of which nothing is known ends the run
        self.hidden = False  # a layer was asked for that a class holds
        self.picked: set[Statement] = set()  # what holds it
        self.inlining = 0  # while functions on tensors are run in place
        self.quiet = 0  # within functions whose demands are their callers' to report
        self.rest: list[tuple[Sequence[Any] | None, Scope]] = []  # to come, None: of a loop
        self.rest_of_function = 0
        self.scope = self.module  # of the statement at hand
        self.loops: list[Any] = []  # that are run for a general turn now
        self.guards: list[object] = []  # of runs of functions that can be done again
        self.decided: set[Any] = set()  # loops and conditions that what follows lets us not keep
        self.assumed: list[tuple[Sym, bool]] = []  # the conditions in whose branches we are
        self.apart: list[Any] = []  # the loops of which a turn is run apart
        self.unmasked: list[Any] = []  # what has lost its mask, and how it was
        self.plans: dict[Any, list[Any]] = {}  # classes of functions on tensors
        self.under_way: set[Any] = set()
        self.itself: dict[Any, Any] = {}  # of these, the classes that may hold themselves
        self.class_plans: dict[int, list[Any]] = {}  # of its layers: (plan, object, tensors)
        self.models: list[Any] = []
        self.compiled: list[tuple[Any, int, dict[str, Any]]] = []
        self.bindings: list[tuple[str, Any, int]] = []  # of the module's variables to models
        self.made: dict[int, list[Any]] = {}  # the objects of each of the source's Keras classes
        self.objects: list[tuple[str, Any, int]] = []  # the same, to the source's own layers
        self.constants: dict[str, Symbol] = {}  # numbers and texts that keep their names
        self.constant_files: dict[str, Path] = {}  # where they are assigned
        self.rebound: set[str] = set()  # variables of the module that hold several numbers in turn
        self.used_settings: set[str] = set()
        self.open_sizes: dict[str, Symbol] = {}  # numbers that only data tells
        self.starts: dict[int, Any] = {}  # what the Sequential models made on a line take
        self.saved: dict[str, Any] = {}  # models by the files that the source saves them to
        self.input_shapes: dict[str, tuple[int | None, ...]] = {}  # said by hand
        self.inputs: dict[tuple[str, int], Any] = {}  # by their places: of unknown shape

    # -- running --------------------------------------------------------------------------------
    def run_module(self) -> None:
        """Run the module's statements; one that fails leaves its targets unknown, the rest goes on."""
        for statement in self.source.module.body:
            self.run_guarded(statement, self.module)

    def run_guarded(self, statement: Any, scope: Scope) -> None:
        try:
            self.statement(statement, scope)
        except Raised as raised:
            open_ends.forget_targets(self, statement, scope, raised.text)
            if open_ends.matters(self, statement, scope):
                self.note("KT106", f"the source raises here: {raised.text}")
        except (Return, Break, Continue):
            return
        except LimitReached as limit:
            self.note("KT103", str(limit))

    @contextmanager
    def in_file(self, source: Source | None) -> Iterator[None]:
        """Within, the statements are those of ``source``."""
        if source is None or source is self.source:
            yield
            return
        before = self.source, self.line, self.origin
        self.origin = None if source is self.main else self.main_line
        self.source = source
        try:
            yield
        finally:
            self.source, self.line, self.origin = before

    @property
    def main_line(self) -> int:
        """The line of the main file: of the statement at hand, or of the one that led to another file."""
        return self.line if self.origin is None else self.origin

    @property
    def file(self) -> str | None:
        """The other file that is at hand, as messages call it; None in the main one."""
        return None if self.origin is None else self.source.name

    def place(self, node: Any = None) -> Place:
        """Where in the main file we are, to the column where ``node`` is given."""
        if self.origin is not None or node is None:
            return Place(max(self.main_line, 1))
        return self.source.place(node, self.line)

    def note(self, code: str, message: str, hint: str = "", node: Any = None) -> None:
        if self.origin is not None:
            message = f"{message} ({self.source.name}:{self.line})"
        self.log.add(code, self.place(node), message, hint)

    def taken_comments(self) -> str:
        """The comments above the statement at hand, for what is made first by it."""
        text, self.comments = "\n".join(self.comments), []
        return text

    def block(self, statements: Sequence[Any], scope: Scope) -> None:
        for i, statement in enumerate(statements):
            self.rest.append((statements[i + 1 :], scope))
            try:
                self.statement(statement, scope)
            finally:
                self.rest.pop()

    def statement(self, node: Any, scope: Scope) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise LimitReached(f"evaluation stopped after {MAX_STEPS} statements")
        if self.trial is not None:
            self.trial.check(self)
        self.line = self.source.line(node) or self.line
        self.comments = comments_before(node)
        outer, self.scope = self.scope, scope
        try:
            if (run := statements.STATEMENTS.get(type(node))) is not None:
                run(self, node, scope)
            elif isinstance(node, cst.SimpleStatementLine):
                self.suite(node, scope)
            else:
                self.note("KT104", f"{type(node).__name__} statements are not understood")
        except (Signal, RecursionError):  # `run_body` says that it goes too deep
            raise
        except Exception as error:
            self.note("KT005", defect(error))
            raise Raised(str(error)) from error
        finally:
            self.scope = outer

    def suite(self, suite: Any, scope: Scope) -> None:
        if isinstance(suite, cst.IndentedBlock):
            self.block(suite.body, scope)
        else:
            for small in suite.body:
                self.line = self.source.line(small) or self.line
                statements.STATEMENTS[type(small)](self, small, scope)

    def evaluate(self, node: Any, scope: Scope) -> Any:
        return expressions.evaluate(self, node, scope)

    def test(self, node: Any, scope: Scope) -> Any:
        """The value of an expression as a condition."""
        return choices.tested(self, self.evaluate(node, scope))

    # -- names ----------------------------------------------------------------------------------
    def lookup(self, name: str, scope: Scope) -> Any:
        """The value of a name; raises KeyError if no scope has it."""
        at: Scope | None = scope
        while at is not None:
            if name in at.names and (at is scope or at.kind != "class"):
                return modules.value_of(self, at, name)
            at = at.parent
        raise KeyError(name)

    def bind(self, name: str, value: Any, scope: Scope) -> None:
        if name in scope.globals:
            scope = scope.module
        elif name in scope.nonlocals:
            at = scope.parent
            while at is not None and name not in at.names:
                at = at.parent
            scope = at or scope
        if scope.kind == "module" and name in self.settings:
            value = self.settings[name]
            self.used_settings.add(name)
        if scope is self.module:
            if getattr(value, "source", None) not in (None, self.main):
                self.imported.setdefault(id(value), self.line)
            self._note_binding(name, value, scope.names.get(name))
        scope.names[name] = value

    def _note_binding(self, name: str, value: Any, before: Any) -> None:
        """Remember what variables of the module hold: their models, and which numbers change."""
        if isinstance(value, (ModelValue, UnknownModel)):
            self.bindings.append((name, value, self.line))
        elif isinstance(value, Instance) and value.use is not None:
            self.objects.append((name, value, self.line))
        elif before is not None and plain(value) and known(before) != value:
            self.rebound.add(name)

    def assign(self, target: Any, value: Any, scope: Scope) -> None:
        """Bind a target: a name, an attribute, an element, or a nest of them."""
        if isinstance(target, cst.Name):
            self.bind(target.value, value, scope)
            name_value(value, target.value)
        elif isinstance(target, (cst.Tuple, cst.List)):
            self._unpack(target.elements, value, scope)
        elif isinstance(target, cst.Attribute):
            owner = self.evaluate(target.value, scope)
            attributes.set_attribute(self, owner, target.attr.value, value)
        elif isinstance(target, cst.Subscript):
            elements.put(self, target, value, scope)

    def _unpack(self, targets: Sequence[Any], value: Any, scope: Scope) -> None:
        star = next((i for i, e in enumerate(targets) if isinstance(e, cst.StarredElement)), None)
        n = len(targets)
        value = choices.settled(self, value)
        items = items_of(value, None if star is not None else n)
        if items is None:
            for i, element in enumerate(targets):
                part = elements.unpacked(self, value, i, element.value)
                self.assign(element.value, [] if i == star else part, scope)
            return
        if star is None:
            if len(items) != n:
                raise Raised(f"ValueError: {len(items)} values for {n} names")
            for element, item in zip(targets, items):
                self.assign(element.value, item, scope)
            return
        after = n - star - 1
        for element, item in zip(targets[:star], items[:star]):
            self.assign(element.value, item, scope)
        self.assign(targets[star].value, list(items[star : len(items) - after]), scope)
        for element, item in zip(targets[star + 1 :], items[len(items) - after :]):
            self.assign(element.value, item, scope)

    # -- truth ----------------------------------------------------------------------------------
    def truth(self, value: Any, what: str = "a condition") -> bool | None:
        """True or False; None where it is not known. A parameter that decides is noted as demanded."""
        value = choices.tested(self, value)
        if isinstance(value, Sym):
            return self.decide(value, what)
        if isinstance(value, Unknown):
            return None
        try:
            return isinstance(value, (External, Function, Class, Instance)) or bool(value)
        except TypeError:
            return True

    def decide(self, value: Sym, what: str) -> bool | None:
        unknown = value.value is UNKNOWN
        self.quiet += unknown  # whoever goes one way all the same tells which
        self.demand(conditions.as_tested(value), what)
        self.quiet -= unknown
        return None if unknown else bool(value.value)

    def demand(self, value: Any, what: str) -> Any:
        """The sample behind a symbolic value, noted as taken for granted unless it is a constant of the module."""
        if isinstance(value, Sym) and conditions.depends(value):
            value = substitute(value, conditions.taken(self.demands))
        if isinstance(value, Sym) and conditions.depends(value):
            refuse_turns(value)
            if self.is_pinned(value):
                return known(value)
            if parts := conditions.checked_apart(value):
                for part in parts:
                    self.demand(Sym.of(part), what)
                return self.demand(substitute(expand(value), parts), what)
            self.demands.append((value, value.value))
            if not self.quiet and value.value is not UNKNOWN:
                self.note_taken(what, shown(value), repr(value.value))
        return known(value)

    def note_taken(self, what: str, said: str, taken: str) -> None:
        """Tell that something is translated for one value of what it depends on."""
        said = shorten(said)
        self.note("KT301", f"{what} depends on {said}: translated for {said} = {shorten(taken)}")

    def bind_method(
        self, function: Function, instance: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        return calls.bind_arguments(self, function, [instance, *args], kwargs)

    def run_method(
        self, function: Function, instance: Any, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> Any:
        """Run a method of the source in place."""
        return self.run_body(function, self.bind_method(function, instance, args, kwargs))

    def is_pinned(self, value: Sym) -> bool:
        """Whether all that a value depends on was taken for granted already."""
        fixed = {s for s in value.symbols if s.kind in ("global", "local")}
        return value.symbols <= fixed | conditions.taken(self.demands).keys()

    def run_body(self, function: Function, names: dict[str, Any]) -> Any:
        """Run a function of the source with its parameters bound. What it returns."""
        scope = Scope("function", names, function.scope, function=function, given=dict(names))
        recursion.enter(self, function, names)
        line, rest, self.rest_of_function = self.line, self.rest_of_function, len(self.rest)
        self.running.append(scope)
        try:
            with self.in_file(function.source):
                if isinstance(function.node, cst.Lambda):
                    return self.evaluate(function.node.body, scope)
                self._run_kept(function.node.body, scope)
        except Return as result:
            return result.value
        except RecursionError:
            raise TooDeep("it goes too deep") from None
        finally:
            self.running.pop()
            self.line, self.rest_of_function = line, rest
        return None

    def _run_kept(self, body: Any, scope: Scope) -> None:
        """Run a function's body; again with that decided which leaves open what it asks for."""
        state, decided = State(self, scope), set(self.decided)
        self.guards.append(object())
        try:
            while True:
                try:
                    with late.settled_at_end(scope):
                        return self.suite(body, scope)
                except LeftOpen as left:
                    if left.everywhere or self.decided.issuperset(left.statements):
                        raise
                    self.decided |= set(left.statements)
                    state.restore(but_demands=left.told)
        finally:
            self.decided = decided
            self.guards.pop()
