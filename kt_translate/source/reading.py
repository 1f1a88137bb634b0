"""From Python's `ast` to the nodes of `tree`."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from kt_translate.source import tree

OPERATORS: dict[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.MatMult: "@",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.UAdd: "+",
    ast.USub: "-",
    ast.Invert: "~",
}


class Reader:
    """Makes the nodes of a file. One method for each class of `ast`."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.outer: ast.AST | None = None  # the f-string that it is in: within, `ast` misplaces

    def read(self, node: Any) -> Any:
        """The node for one of `ast`; None for None."""
        if node is None:
            return None
        return self.placed(getattr(self, type(node).__name__)(node), node)

    def placed(self, made: Any, node: ast.AST) -> Any:
        made.source, made.at = self.source, self.outer or node
        return made

    def each(self, nodes: Sequence[Any]) -> list[Any]:
        return [self.read(node) for node in nodes]

    def block(self, statements: Sequence[ast.stmt]) -> tree.IndentedBlock:
        return tree.IndentedBlock(self.body(statements))

    def body(self, statements: Sequence[ast.stmt]) -> list[tree.Statement]:
        """Statements; simple ones are on a line."""
        found: list[tree.Statement] = []
        for statement in statements:
            made = self.read(statement)
            if not isinstance(made, _COMPOUND):
                made = self.placed(tree.SimpleStatementLine([made]), statement)
            found.append(made)
        return found

    def clause(self, statements: Sequence[ast.stmt]) -> Any:
        return tree.Clause(self.block(statements)) if statements else None

    # -- statements -----------------------------------------------------------------------------
    def Module(self, node: ast.Module) -> tree.Module:
        return tree.Module(self.body(node.body), ast.get_docstring(node, clean=True))

    def Assign(self, node: ast.Assign) -> tree.Assign:
        targets = [tree.AssignTarget(target) for target in self.each(node.targets)]
        return tree.Assign(targets, self.read(node.value))

    def AnnAssign(self, node: ast.AnnAssign) -> tree.AnnAssign:
        return tree.AnnAssign(*self.each([node.target, node.annotation, node.value]))

    def AugAssign(self, node: ast.AugAssign) -> tree.AugAssign:
        operator = OPERATORS[type(node.op)]
        return tree.AugAssign(self.read(node.target), operator, self.read(node.value))

    def Expr(self, node: ast.Expr) -> tree.Expr:
        return tree.Expr(self.read(node.value))

    def Return(self, node: ast.Return) -> tree.Return:
        return tree.Return(self.read(node.value))

    def Raise(self, node: ast.Raise) -> tree.Raise:
        return tree.Raise(self.read(node.exc))

    def Assert(self, node: ast.Assert) -> tree.Assert:
        return tree.Assert(self.read(node.test), self.read(node.msg))

    def Break(self, node: ast.Break) -> tree.Break:
        return tree.Break()

    def Continue(self, node: ast.Continue) -> tree.Continue:
        return tree.Continue()

    def Pass(self, node: ast.Pass) -> tree.Pass:
        return tree.Pass()

    def Delete(self, node: ast.Delete) -> tree.Del:
        return tree.Del(self.each(node.targets))

    def Global(self, node: ast.Global) -> tree.Global:
        return tree.Global(node.names)

    def Nonlocal(self, node: ast.Nonlocal) -> tree.Nonlocal:
        return tree.Nonlocal(node.names)

    def alias(self, node: ast.alias) -> tree.ImportAlias:
        return tree.ImportAlias(node.name, node.asname)

    def Import(self, node: ast.Import) -> tree.Import:
        return tree.Import(self.each(node.names))

    def ImportFrom(self, node: ast.ImportFrom) -> tree.ImportFrom:
        return tree.ImportFrom(node.module or "", self.each(node.names), node.level)

    def If(self, node: ast.If) -> tree.If:
        rest = node.orelse
        if len(rest) == 1 and isinstance(rest[0], ast.If) and self.is_elif(rest[0]):
            orelse: Any = self.read(rest[0])
        else:
            orelse = self.clause(rest)
        return tree.If(self.read(node.test), self.block(node.body), orelse)

    def is_elif(self, node: ast.If) -> bool:
        line: bytes = self.source.lines[node.lineno - 1].encode()
        return line[node.col_offset :].startswith(b"elif")

    def For(self, node: ast.For) -> tree.For:
        orelse = self.clause(node.orelse)
        target, through = self.read(node.target), self.read(node.iter)
        return tree.For(target, through, self.block(node.body), orelse)

    AsyncFor = For

    def While(self, node: ast.While) -> tree.While:
        orelse = self.clause(node.orelse)
        return tree.While(self.read(node.test), self.block(node.body), orelse)

    def With(self, node: ast.With) -> tree.With:
        return tree.With(self.each(node.items), self.block(node.body))

    AsyncWith = With

    def withitem(self, node: ast.withitem) -> tree.WithItem:
        return tree.WithItem(self.read(node.context_expr), self.read(node.optional_vars))

    def Try(self, node: ast.Try) -> tree.Try:
        return tree.Try(
            self.block(node.body),
            [self.clause(handler.body) for handler in node.handlers],
            self.clause(node.orelse),
            self.clause(node.finalbody),
        )

    TryStar = Try

    def Match(self, node: Any) -> tree.Match:
        return tree.Match()

    def TypeAlias(self, node: Any) -> tree.TypeAlias:
        return tree.TypeAlias()

    def FunctionDef(self, node: ast.FunctionDef) -> tree.FunctionDef:
        return tree.FunctionDef(
            tree.Name(node.name),
            self.read(node.args),
            self.block(node.body),
            self.each(node.decorator_list),
            ast.get_docstring(node, clean=True),
        )

    AsyncFunctionDef = FunctionDef

    def ClassDef(self, node: ast.ClassDef) -> tree.ClassDef:
        return tree.ClassDef(
            tree.Name(node.name),
            [self.argument(base) for base in node.bases],
            self.each(node.keywords),
            self.block(node.body),
            self.each(node.decorator_list),
            ast.get_docstring(node, clean=True),
        )

    def arguments(self, node: ast.arguments) -> tree.Parameters:
        plain = [*node.posonlyargs, *node.args]
        values = [None] * (len(plain) - len(node.defaults)) + self.each(node.defaults)
        given = [self.parameter(a, value) for a, value in zip(plain, values)]
        named = zip(node.kwonlyargs, self.each(node.kw_defaults))
        return tree.Parameters(
            given[: len(node.posonlyargs)],
            given[len(node.posonlyargs) :],
            self.parameter(node.vararg),
            [self.parameter(a, value) for a, value in named],
            self.parameter(node.kwarg),
        )

    def parameter(self, node: ast.arg | None, default: Any = None) -> Any:
        if node is None:
            return None
        made = tree.Param(tree.Name(node.arg), self.read(node.annotation), default)
        return self.placed(made, node)

    # -- expressions ----------------------------------------------------------------------------
    def Constant(self, node: ast.Constant) -> tree.Expression:
        if node.value is Ellipsis:
            return tree.Ellipsis()
        if isinstance(node.value, (str, bytes)):
            return tree.SimpleString(node.value)
        if isinstance(node.value, (bool, type(None))):
            return tree.Name(str(node.value))
        return tree.Number(node.value)

    def Name(self, node: ast.Name) -> tree.Name:
        return tree.Name(node.id)

    def Attribute(self, node: ast.Attribute) -> tree.Attribute:
        return tree.Attribute(self.read(node.value), tree.Name(node.attr))

    def Call(self, node: ast.Call) -> tree.Call:
        keywords = self.each(node.keywords)
        args = [*map(self.argument, node.args), *keywords]
        if any(isinstance(arg, ast.Starred) for arg in node.args) and keywords:
            args.sort(key=lambda arg: (arg.at.lineno, arg.at.col_offset))
        return tree.Call(self.read(node.func), args)

    def argument(self, node: ast.expr) -> tree.Arg:
        starred = isinstance(node, ast.Starred)
        value = self.read(node.value if isinstance(node, ast.Starred) else node)
        made: tree.Arg = self.placed(tree.Arg(value, None, "*" if starred else ""), node)
        return made

    def keyword(self, node: ast.keyword) -> tree.Arg:
        value = self.read(node.value)
        return tree.Arg(value, tree.Name(node.arg)) if node.arg else tree.Arg(value, None, "**")

    def BinOp(self, node: ast.BinOp) -> tree.BinaryOperation:
        operator = OPERATORS[type(node.op)]
        return tree.BinaryOperation(self.read(node.left), operator, self.read(node.right))

    def BoolOp(self, node: ast.BoolOp) -> tree.BooleanOperation:
        operator = OPERATORS[type(node.op)]
        left, *rest = self.each(node.values)
        for right in rest:
            left = self.placed(tree.BooleanOperation(left, operator, right), node)
        return left  # type: ignore[no-any-return]

    def UnaryOp(self, node: ast.UnaryOp) -> tree.UnaryOperation:
        return tree.UnaryOperation(OPERATORS[type(node.op)], self.read(node.operand))

    def Compare(self, node: ast.Compare) -> tree.Comparison:
        pairs = zip(node.ops, self.each(node.comparators))
        targets = [tree.ComparisonTarget(OPERATORS[type(op)], value) for op, value in pairs]
        return tree.Comparison(self.read(node.left), targets)

    def IfExp(self, node: ast.IfExp) -> tree.IfExp:
        return tree.IfExp(*self.each([node.test, node.body, node.orelse]))

    def NamedExpr(self, node: ast.NamedExpr) -> tree.NamedExpr:
        return tree.NamedExpr(self.read(node.target), self.read(node.value))

    def elements(self, nodes: Sequence[ast.expr]) -> list[tree.Node]:
        return [
            (tree.StarredElement if isinstance(node, ast.Starred) else tree.Element)(value)
            for node in nodes
            for value in [self.read(node.value if isinstance(node, ast.Starred) else node)]
        ]

    def List(self, node: ast.List) -> tree.List:
        return tree.List(self.elements(node.elts))

    def Tuple(self, node: ast.Tuple) -> tree.Tuple:
        return tree.Tuple(self.elements(node.elts))

    def Set(self, node: ast.Set) -> tree.Set:
        return tree.Set(self.elements(node.elts))

    def Dict(self, node: ast.Dict) -> tree.Dict:
        pairs = zip(self.each(node.keys), self.each(node.values))
        return tree.Dict(
            [
                tree.StarredDictElement(value) if key is None else tree.DictElement(key, value)
                for key, value in pairs
            ]
        )

    def clauses(self, nodes: Sequence[ast.comprehension]) -> tree.CompFor | None:
        if not nodes:
            return None
        first, *rest = nodes
        return tree.CompFor(
            self.read(first.target), self.read(first.iter), self.each(first.ifs), self.clauses(rest)
        )

    def ListComp(self, node: ast.ListComp) -> tree.ListComp:
        return tree.ListComp(self.read(node.elt), self.clauses(node.generators))

    def SetComp(self, node: ast.SetComp) -> tree.SetComp:
        return tree.SetComp(self.read(node.elt), self.clauses(node.generators))

    def GeneratorExp(self, node: ast.GeneratorExp) -> tree.GeneratorExp:
        return tree.GeneratorExp(self.read(node.elt), self.clauses(node.generators))

    def DictComp(self, node: ast.DictComp) -> tree.DictComp:
        key, value = self.read(node.key), self.read(node.value)
        return tree.DictComp(key, value, self.clauses(node.generators))

    def Subscript(self, node: ast.Subscript) -> tree.Subscript:
        is_tuple = isinstance(node.slice, ast.Tuple)
        keys = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return tree.Subscript(self.read(node.value), list(map(self.key, keys)), is_tuple)

    def key(self, node: ast.expr) -> tree.Index | tree.Slice:
        if isinstance(node, ast.Slice):
            return tree.Slice(*self.each([node.lower, node.upper, node.step]))
        return tree.Index(self.read(node))

    def Starred(self, node: ast.Starred) -> tree.StarredElement:
        return tree.StarredElement(self.read(node.value))

    def Lambda(self, node: ast.Lambda) -> tree.Lambda:
        return tree.Lambda(self.read(node.args), self.read(node.body))

    def JoinedStr(self, node: ast.JoinedStr) -> tree.FormattedString:
        outer, self.outer = self.outer, self.outer or node
        parts = []
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts.append(tree.FormattedStringText(part.value))
            else:
                parts.append(self.read(part))
        self.outer = outer
        return tree.FormattedString(parts)

    def FormattedValue(self, node: ast.FormattedValue) -> tree.FormattedStringExpression:
        spec = self.read(node.format_spec)
        return tree.FormattedStringExpression(self.read(node.value), spec and spec.parts)

    def Await(self, node: ast.Await) -> tree.Await:
        return tree.Await(self.read(node.value))

    def Yield(self, node: Any) -> tree.Yield:
        return tree.Yield(self.read(node.value))

    YieldFrom = Yield


_COMPOUND = (
    tree.If,
    tree.For,
    tree.While,
    tree.With,
    tree.Try,
    tree.Match,
    tree.FunctionDef,
    tree.ClassDef,
)
