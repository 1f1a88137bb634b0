"""Evaluates expressions of the source."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from kt_translate.evaluate import (
    assumed,
    branches,
    calls,
    choices,
    containers,
    elements,
    growing,
    indexed_lists,
    indexing,
    joined_items,
    last_items,
    layer_lists,
    number_lists,
    open_lists,
    spread,
    stars,
    tensor_lists,
    text,
)
from kt_translate.evaluate.builtin import NATIVES
from kt_translate.evaluate.calculations import binary, unary
from kt_translate.evaluate.lambdas import LambdaValue
from kt_translate.evaluate.reflection import SCOPED
from kt_translate.evaluate.values import (
    Either,
    External,
    Function,
    Method,
    Native,
    Scope,
    Super,
    Unknown,
)
from kt_translate.graph.choice import Choice
from kt_translate.graph.lists import Rows, some_of
from kt_translate.graph.nodes import ORDER
from kt_translate.graph.sym import Sym
from kt_translate.source.operators import OPERATORS

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def evaluate(ev: Interpreter, node: Any, scope: Scope) -> Any:
    """The value of an expression; `Unknown` for what is not understood."""
    return layer_lists.counted(ev, as_made(ev, node, scope))


def as_made(ev: Interpreter, node: Any, scope: Scope) -> Any:
    """The value of an expression where a list of layers keeps its length open."""
    rule = EXPRESSIONS.get(type(node))
    if rule is None:
        return Unknown(f"{type(node).__name__} is not understood", ev.line)
    value = rule(ev, node, scope)
    if type(value) is Unknown and value.node is None and type(node) is not cst.Name:
        value.node = node
    return value


def defaults_of(ev: Interpreter, params: cst.Parameters, scope: Scope) -> dict[str, Any]:
    """The values of a function's defaults, evaluated where it is defined."""
    out = {}
    for param in (*params.posonly_params, *params.params, *params.kwonly_params):
        if param.default is not None:
            out[param.name.value] = evaluate(ev, param.default, scope)
    return out


def subscript_key(ev: Interpreter, node: cst.Subscript, scope: Scope) -> Any:
    """The key of ``x[key]``: a value, a slice, or a tuple of them."""
    keys = [_slice(ev, element.slice, scope) for element in node.slice]
    return keys[0] if len(keys) == 1 and not _has_comma(node) else tuple(keys)


def _has_comma(node: cst.Subscript) -> bool:
    return isinstance(node.slice[-1].comma, cst.Comma)


def _slice(ev: Interpreter, node: Any, scope: Scope) -> Any:
    if isinstance(node, cst.Index):
        return evaluate(ev, node.value, scope)
    parts = [
        None if p is None else evaluate(ev, p, scope) for p in (node.lower, node.upper, node.step)
    ]
    return slice(*parts)


# -- one rule per kind of expression --------------------------------------------------------------


def _name(ev: Interpreter, node: cst.Name, scope: Scope) -> Any:
    name = node.value
    try:
        return choices.resolved(ev, layer_lists.settled(ev, ev.lookup(name, scope)))
    except KeyError:
        pass
    if name in CONSTANTS:
        return CONSTANTS[name]
    found = stars.starred(scope, name)
    if found is not None:
        return found
    if name in NATIVES:
        return NATIVES[name]
    if hasattr(builtins, name):
        return External(f"builtins.{name}")
    return Unknown(f"the name {name} is not defined", ev.line)


CONSTANTS = {"True": True, "False": False, "None": None, "Ellipsis": Ellipsis}


def _attribute(ev: Interpreter, node: cst.Attribute, scope: Scope) -> Any:
    return layer_lists.settled(ev, tensor_lists.raw(ev, node, scope))


LEFT_OUT = ("add_loss", "add_metric")  # methods of the source's own layers
MODELS = ("keras.Model", "keras.Model.__init__")  # what makes a model between tensors
TRAINING = ("compile", "fit", "fit_generator")  # methods of models


def _call(ev: Interpreter, node: cst.Call, scope: Scope) -> Any:
    if isinstance(node.func, cst.Name) and node.func.value == "super" and not node.args:
        return _super(ev, scope)
    if growing.call_method(ev, node, scope) or number_lists.call_method(ev, node, scope):
        return None
    if (done := tensor_lists.call_method(ev, node, scope)) is not NotImplemented:
        return done
    elements.opened_by(ev, node, scope)
    start = next(ORDER)
    function = evaluate(ev, node.func, scope)
    chosen = next(ORDER)
    if isinstance(function, Native) and function.name in LEFT_OUT:
        return _left_out(ev, node, scope, function)
    settled = assumed.settled
    read = (
        tensor_lists.raw
        if tensor_lists.copes(function) or isinstance(function, LambdaValue)
        else _layers if _grows(function) else evaluate
    )
    if isinstance(function, (Function, Method)) or function is NATIVES["dict"]:
        read = handed_on
    if getattr(function, "path", getattr(function, "name", None)) in MODELS:
        read, settled = _as_it_stands, layer_lists.as_outputs
    if isinstance(function, Native) and function.name in TRAINING:
        read, settled = _as_it_stands, layer_lists.of_sample
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for arg in node.args:
        value = settled(ev, read(ev, arg.value, scope))
        if function is NATIVES["len"] and (length := layer_lists.length(value)) is not None:
            return length
        if not _grows(function):
            value = layer_lists.counted(ev, value)
        if arg.star == "*":
            args += spread.arguments(ev, function, len(args), value, arg.value)
        elif arg.star == "**":
            kwargs.update(spread.named(ev, function, args, kwargs, value))
        elif arg.keyword is not None:
            kwargs[arg.keyword.value] = value
        else:
            args.append(value)
    if isinstance(function, External) and function.path in SCOPED and not kwargs:
        return SCOPED[function.path](ev, scope, *args)
    if read is tensor_lists.raw and not isinstance(function, LambdaValue):
        if (joined := joined_items.joined(ev, function, args, kwargs)) is not None:
            return joined
        if any(map(tensor_lists.holds_many, [*args, *kwargs.values()])):
            return tensor_lists.call(ev, function, args, kwargs)
    if isinstance(function, Choice):
        at_once = next(ORDER) == chosen + 1
        return choices.call(ev, function, args, kwargs, start if at_once else None)
    receiver, ev.receiver = ev.receiver, len(ev.running) or None
    try:
        return calls.call(ev, function, args, kwargs, node, scope)
    finally:
        ev.receiver = receiver


def _left_out(ev: Interpreter, node: cst.Call, scope: Scope, function: Native) -> Any:
    """A call that is left out: what it is given may call layers, but nothing needs to be known of it."""
    with ev.log.aside():
        for arg in node.args:
            evaluate(ev, arg.value, scope)
    return function.call(ev)


def _grows(function: Any) -> bool:
    """Whether it takes lists of layers of any length."""
    if isinstance(function, Native):
        return function.name == "add"
    return isinstance(function, External) and function.path == "keras.Sequential"


def _layers(ev: Interpreter, node: Any, scope: Scope) -> Any:
    """The layers of a Sequential; among them lists of any length."""
    value = handed_on(ev, node, scope)
    return growing.parts(value) or value


def _as_it_stands(ev: Interpreter, node: Any, scope: Scope) -> Any:
    """The value of an expression, whatever conditions and loops have left open in it."""
    if isinstance(node, (cst.List, cst.Tuple, cst.Dict)):
        return handed_on(ev, node, scope)
    read = branches.conditional if isinstance(node, cst.IfExp) else tensor_lists.raw
    return read(ev, node, scope)


def handed_on(ev: Interpreter, node: Any, scope: Scope) -> Any:
    """The value of an expression that gets another name here, or in another function: a list may stay left open."""
    if isinstance(node, (cst.Tuple, cst.List)):
        starred = [e.value for e in node.elements if isinstance(e, cst.StarredElement)]
        listed = {
            id(n): found
            for n in starred
            if (found := tensor_lists.listed(ev, n, scope)) is not None
        }
        if len(listed) == len(starred):
            parts: list[Any] = []
            for n in (e.value for e in node.elements):
                parts += listed[id(n)] if id(n) in listed else [handed_on(ev, n, scope)]
            return tuple(parts) if isinstance(node, cst.Tuple) else parts
    if isinstance(node, cst.Dict):
        return containers.dictionary(ev, node, scope, _counted)
    own = isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name)
    if own or isinstance(node, cst.Name):
        value = tensor_lists.raw(ev, node, scope)
        if isinstance(value, layer_lists.LayerList) or open_lists.is_open(value):
            return value
        if not own and some_of(value):
            return value
    return as_made(ev, node, scope)


def _counted(ev: Interpreter, node: Any, scope: Scope) -> Any:
    return layer_lists.counted(ev, handed_on(ev, node, scope))


def _super(ev: Interpreter, scope: Scope) -> Any:
    at: Scope | None = scope
    while at is not None:
        if at.function is not None and at.function.owner is not None:
            first = next(iter(at.names.values()), None)
            return Super(at.function.owner, first)
        at = at.parent
    return Unknown("super() outside a class", ev.line)


def _binary(ev: Interpreter, node: cst.BinaryOperation, scope: Scope) -> Any:
    if isinstance(node.operator, cst.Add):
        a, b = handed_on(ev, node.left, scope), handed_on(ev, node.right, scope)
        if tensor_lists.joinable(a, b):
            return [*a, *b]
        if (layers := growing.joined(a, b)) is not None:
            return layers
        a, b = layer_lists.settled(ev, a), layer_lists.settled(ev, b)
    else:
        a, b = evaluate(ev, node.left, scope), evaluate(ev, node.right, scope)
    return binary(ev, OPERATORS[type(node.operator)], a, b)


def _comparison(ev: Interpreter, node: cst.Comparison, scope: Scope) -> Any:
    left = _perhaps_either(ev, node.left, scope)
    result: Any = True
    for target in node.comparisons:
        op = OPERATORS[type(target.operator)]
        right = evaluate(ev, target.comparator, scope)
        one = assumed.compared(left, right, op)
        if one is None:
            one = _in_turn(ev, binary(ev, op, assumed.settled(ev, left), right))
        if one is False:
            return False
        result = one if result is True else Sym.binary("and", result, one)
        left = right
    return result


def _in_turn(ev: Interpreter, test: Any) -> Any:
    """A comparison, or what it is where the first or last turn of a loop is run apart."""
    told = [truth for loop in ev.apart if (truth := loop.told(ev, test)) is not None]
    return told[-1] if told else test


def _perhaps_either(ev: Interpreter, node: Any, scope: Scope) -> Any:
    value = tensor_lists.raw(ev, node, scope)
    return value if isinstance(value, Either) else layer_lists.settled(ev, value)


def _unary(ev: Interpreter, node: cst.UnaryOperation, scope: Scope) -> Any:
    value = evaluate(ev, node.expression, scope)
    if isinstance(node.operator, cst.Not):
        value = choices.tested(ev, value)
        if isinstance(value, Sym):
            return Sym.unary("not", value)
        truth = ev.truth(value)
        return Unknown("not of what is not known", ev.line) if truth is None else not truth
    op = {cst.Minus: "-", cst.Plus: "+", cst.BitInvert: "~"}[type(node.operator)]
    return unary(ev, op, value)


def _conditional(ev: Interpreter, node: cst.IfExp, scope: Scope) -> Any:
    return assumed.settled(ev, branches.conditional(ev, node, scope))


def _subscript(ev: Interpreter, node: cst.Subscript, scope: Scope) -> Any:
    value = tensor_lists.raw(ev, node.value, scope)
    key = subscript_key(ev, node, scope)
    layer = open_lists.at(value, key) or indexed_lists.taken(ev, value, key)
    if layer is not None:
        return layer
    if isinstance(node.value, cst.Attribute):  # ``model.outputs[0]``
        value = layer_lists.settled(ev, value)
    some = some_of(value)
    if some is not None:
        return tensor_lists.index(ev, some, key)
    if (last := last_items.read(value, key, node.value, scope)) is not None:
        return last
    if (sizes := spread.last_sizes(ev, value, key, node.value)) is not None:
        return sizes
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Rows):
        return tensor_lists.row(ev, value[0], key)
    return indexing.index(ev, layer_lists.settled(ev, value), key)


def _lambda(ev: Interpreter, node: cst.Lambda, scope: Scope) -> Any:
    function = Function("<lambda>", node, scope, defaults_of(ev, node.params, scope), ev.line)
    function.source = ev.source
    return function


def _concatenated(ev: Interpreter, node: cst.ConcatenatedString, scope: Scope) -> Any:
    return binary(ev, "+", evaluate(ev, node.left, scope), evaluate(ev, node.right, scope))


def _named(ev: Interpreter, node: cst.NamedExpr, scope: Scope) -> Any:
    value = evaluate(ev, node.value, scope)
    ev.assign(node.target, value, scope)
    return value


EXPRESSIONS: dict[type, Callable[[Any, Any, Scope], Any]] = {
    cst.Name: _name,
    cst.Attribute: _attribute,
    cst.Call: _call,
    cst.BinaryOperation: _binary,
    cst.Comparison: _comparison,
    cst.BooleanOperation: branches.boolean,
    cst.UnaryOperation: _unary,
    cst.IfExp: _conditional,
    cst.Integer: lambda ev, n, s: n.evaluated_value,
    cst.Float: lambda ev, n, s: n.evaluated_value,
    cst.Imaginary: lambda ev, n, s: n.evaluated_value,
    cst.SimpleString: lambda ev, n, s: n.evaluated_value,
    cst.ConcatenatedString: _concatenated,
    cst.FormattedString: text.fstring,
    cst.List: lambda ev, n, s: containers.elements(ev, n.elements, s, opened=True),
    cst.Tuple: lambda ev, n, s: tuple(containers.elements(ev, n.elements, s)),
    cst.Set: lambda ev, n, s: set(
        indexing.settled_items(ev, containers.elements(ev, n.elements, s))
    ),
    cst.Dict: containers.dictionary,
    cst.ListComp: containers.comprehension,
    cst.SetComp: containers.comprehension,
    cst.GeneratorExp: containers.comprehension,
    cst.DictComp: containers.dict_comprehension,
    cst.Subscript: _subscript,
    cst.Lambda: _lambda,
    cst.NamedExpr: _named,
    cst.Ellipsis: lambda ev, n, s: Ellipsis,
}
