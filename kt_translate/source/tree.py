"""The kinds of syntax that the source consists of: one node for each thing that has a meaning.

Unlike `ast`, an ``elif`` is told from an ``if`` in an ``else``, and an argument, an element, a target are nodes of
their own, with or without stars. `reading` makes these nodes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import get_annotations
from typing import Any, ClassVar


class Node:
    """A piece of syntax. Its fields are given in the order in which they are declared."""

    fields: ClassVar[tuple[str, ...]] = ()
    source: Any = None
    """The file that it stands in; None for what stands nowhere."""
    at: Any = None
    """Where it stands: a node of `ast`."""

    def __init_subclass__(cls) -> None:
        cls.fields = (*cls.fields, *get_annotations(cls))

    def __init__(self, *values: Any) -> None:
        for name, value in zip(self.fields, values):
            setattr(self, name, value)

    @property
    def children(self) -> Iterator[Node]:
        """The nodes in it."""
        for name in self.fields:
            value = getattr(self, name)
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, Node):
                    yield child


class Expression(Node):
    """What has a value."""


class Statement(Node):
    """What does something."""


# -- expressions ----------------------------------------------------------------------------------


class Name(Expression):
    value: str


class Attribute(Expression):
    value: Expression
    attr: Name


class Number(Expression):
    evaluated_value: complex


class SimpleString(Expression):
    evaluated_value: str | bytes


class FormattedStringText(Node):
    value: str


class FormattedStringExpression(Node):
    expression: Expression
    format_spec: Sequence[Node] | None


class FormattedString(Expression):
    parts: Sequence[FormattedStringText | FormattedStringExpression]


class Ellipsis(Expression):
    pass


class Arg(Node):
    value: Expression
    keyword: Name | None = None
    star: str = ""


class Call(Expression):
    func: Expression
    args: Sequence[Arg] = ()


class BinaryOperation(Expression):
    left: Expression
    operator: str
    right: Expression


class BooleanOperation(Expression):
    left: Expression
    operator: str
    right: Expression


class UnaryOperation(Expression):
    operator: str
    expression: Expression


class ComparisonTarget(Node):
    operator: str
    comparator: Expression


class Comparison(Expression):
    left: Expression
    comparisons: Sequence[ComparisonTarget]


class IfExp(Expression):
    test: Expression
    body: Expression
    orelse: Expression


class NamedExpr(Expression):
    target: Expression
    value: Expression


class Element(Node):
    value: Expression


class StarredElement(Node):
    value: Expression


class List(Expression):
    elements: Sequence[Element | StarredElement]


class Tuple(Expression):
    elements: Sequence[Element | StarredElement]


class Set(Expression):
    elements: Sequence[Element | StarredElement]


class DictElement(Node):
    key: Expression
    value: Expression


class StarredDictElement(Node):
    value: Expression


class Dict(Expression):
    elements: Sequence[DictElement | StarredDictElement]


class CompFor(Node):
    target: Expression
    iter: Expression
    ifs: Sequence[Expression]
    inner_for_in: CompFor | None


class ListComp(Expression):
    elt: Expression
    for_in: CompFor


class SetComp(ListComp):
    pass


class GeneratorExp(ListComp):
    pass


class DictComp(Expression):
    key: Expression
    value: Expression
    for_in: CompFor


class Index(Node):
    value: Expression


class Slice(Node):
    lower: Expression | None
    upper: Expression | None
    step: Expression | None


class Subscript(Expression):
    value: Expression
    slice: Sequence[Index | Slice]
    is_tuple: bool
    """Whether there is a comma in the brackets."""


class Param(Node):
    name: Name
    annotation: Expression | None = None
    default: Expression | None = None


class Parameters(Node):
    posonly_params: Sequence[Param]
    params: Sequence[Param]
    star_arg: Param | None
    kwonly_params: Sequence[Param]
    star_kwarg: Param | None


class Lambda(Expression):
    params: Parameters
    body: Expression


class Await(Expression):
    expression: Expression


class Yield(Expression):
    value: Expression | None


# -- statements -----------------------------------------------------------------------------------


class SimpleStatementLine(Statement):
    """The statements on one line, with semicolons between them."""

    body: Sequence[Statement]


class IndentedBlock(Node):
    body: Sequence[Statement]


class AssignTarget(Node):
    target: Expression


class Assign(Statement):
    targets: Sequence[AssignTarget]
    value: Expression


class AnnAssign(Statement):
    target: Expression
    annotation: Expression
    value: Expression | None


class AugAssign(Statement):
    target: Expression
    operator: str
    value: Expression


class Expr(Statement):
    value: Expression


class Return(Statement):
    value: Expression | None


class Raise(Statement):
    exc: Expression | None


class Assert(Statement):
    test: Expression
    msg: Expression | None


class Break(Statement):
    pass


class Continue(Statement):
    pass


class Pass(Statement):
    pass


class Del(Statement):
    targets: Sequence[Expression]


class Global(Statement):
    names: Sequence[str]


class Nonlocal(Statement):
    names: Sequence[str]


class ImportAlias(Node):
    name: str
    asname: str | None


class Import(Statement):
    names: Sequence[ImportAlias]


class ImportFrom(Statement):
    module: str
    names: Sequence[ImportAlias]
    level: int


class Clause(Node):
    """``else``, ``except`` or ``finally`` of a statement."""

    body: IndentedBlock


class If(Statement):
    test: Expression
    body: IndentedBlock
    orelse: If | Clause | None


class For(Statement):
    target: Expression
    iter: Expression
    body: IndentedBlock
    orelse: Clause | None = None


class While(Statement):
    test: Expression
    body: IndentedBlock
    orelse: Clause | None


class WithItem(Node):
    item: Expression
    target: Expression | None


class With(Statement):
    items: Sequence[WithItem]
    body: IndentedBlock


class Try(Statement):
    body: IndentedBlock
    handlers: Sequence[Clause]
    orelse: Clause | None
    finalbody: Clause | None


class Match(Statement):
    """Not understood."""


class TypeAlias(Statement):
    """Not understood."""


class FunctionDef(Statement):
    name: Name
    params: Parameters
    body: IndentedBlock
    decorators: Sequence[Expression]
    docstring: str | None


class ClassDef(Statement):
    name: Name
    bases: Sequence[Arg]
    keywords: Sequence[Arg]
    body: IndentedBlock
    decorators: Sequence[Expression]
    docstring: str | None


class Module(Node):
    body: Sequence[Statement]
    docstring: str | None
