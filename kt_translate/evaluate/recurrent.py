"""RNN around cells of the source's own: the class of each cell is run over time, one cell after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import calls, external, indexing, models
from kt_translate.evaluate.distributed import in_keras_order, steps_first, steps_of, the_call
from kt_translate.evaluate.signals import Raised
from kt_translate.evaluate.values import Function, Instance, LayerValue, Unknown, map_tensors
from kt_translate.graph.nodes import CallNode
from kt_translate.graph.region import CURRENT, Region, derived
from kt_translate.graph.sym import known
from kt_translate.graph.tensor import Layout, Tensor, tensors_in
from kt_translate.layers.layer import RuleError
from kt_translate.layers.rnn import Recurrent
from kt_translate.layers.rnn_cells import RNN, Cell
from kt_translate.pytorch.expr import OMIT, Expr, unless

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def run(ev: Interpreter, layer: LayerValue, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``RNN(cell)(x, initial_state=..., mask=...)``; raises RuleError where a cell is no class by itself."""
    rule = layer.rule
    assert isinstance(rule, RNN)
    given = dict(zip(("sequences", "initial_state", "mask"), args), **kwargs)
    x, initial = given["sequences"], given.get("initial_state")
    entered = tensors_in(x)
    if ev.demand(rule.stateful, "stateful of RNN"):
        raise RuleError(
            "KT203", "RNN(stateful=True) is not supported for cells of the source's own"
        )
    if isinstance(x, list) and len(x) > 1 and initial is None and entered[1].rank < entered[0].rank:
        x, initial = x[0], x[1:]  # as Keras 2 takes both
    mask = given.get("mask", entered[0].mask)
    backwards = ev.demand(rule.go_backwards, "go_backwards of RNN")
    if backwards:
        x = map_tensors(lambda t: _backwards(steps_first(t, t.layout)), x)
        mask = None if mask is None else _backwards(mask)
    states: list[Any] = []
    waiting = tensors_in(initial)
    for i, cell in enumerate(rule.cells):
        last = i == len(rule.cells) - 1
        start = None if _is_keras(cell) and not waiting else initial_states(ev, cell, x)
        if waiting:
            start = map_tensors(lambda t: waiting.pop(0), start)
        zero_masked = rule.zero_output_for_mask if last else False
        x, after = _over_time(ev, cell, x, start, mask, zero_masked, given.get("constants"))
        states.append(after)
    if ev.demand(rule.return_sequences, "return_sequences of RNN"):
        for tensor in tensors_in(x):
            tensor.mask = given.get("mask", entered[0].mask)
    else:
        x = map_tensors(lambda t: _last(t), x)
    if not ev.demand(rule.return_state, "return_state of RNN"):
        return x
    if rule.is_stacked:
        return [x, *states]
    return [x, *states[0]] if isinstance(states[0], (list, tuple)) else [x, states[0]]


def _backwards(x: Tensor) -> Tensor:
    return derived(lambda e: e.flip(1), [x], x.shape, x.dtype, x.layout, x.layout)


def _last(x: Tensor) -> Tensor:
    shape = (x.shape[0], *x.shape[2:])
    if x.layout is Layout.FIRST:  # (N, C, L, ...)
        return derived(lambda e: e[:, :, -1], [x], shape, x.dtype, x.layout, x.layout)
    return derived(lambda e: e[:, -1], [x], shape, x.dtype)


def _is_keras(cell: Any) -> bool:
    return isinstance(cell, LayerValue) and isinstance(cell.rule, Cell)


# -- states ---------------------------------------------------------------------------------------


def initial_states(ev: Interpreter, cell: Any, x: Any) -> Any:
    """What a cell starts with: as its ``get_initial_state`` says, or zeros of its ``state_size``."""
    first = tensors_in(x)[0]
    batch = indexing.index(ev, external.call(ev, "keras.ops.shape", [first], {}, None), 0)
    own = cell.cls.lookup("get_initial_state") if isinstance(cell, Instance) else None
    if isinstance(own, Function):
        names = {p.name.value for p in own.node.params.params}
        given = {"inputs": x, "batch_size": batch, "dtype": first.dtype}
        found = calls.call(
            ev,
            calls.attribute(ev, cell, "get_initial_state"),
            [],
            {k: v for k, v in given.items() if k in names or own.node.params.star_kwarg},
            None,
            None,
        )
        if not tensors_in(found):
            raise RuleError(
                "KT203", f"what get_initial_state of {cell.cls.name} gives is not known"
            )
        return map_tensors(_named, found)
    size = calls.attribute(ev, cell, "state_size")
    if isinstance(size, Unknown):
        raise RuleError("KT203", "the state_size of this cell is not known")
    return _zeros(ev, size if isinstance(size, (list, tuple)) else [size], batch, first.dtype)


def states_of_cell(ev: Interpreter, cell: Instance) -> Any:
    """What an object starts with as a cell of RNN; None where it is none."""
    CURRENT.append(Region())
    try:
        if isinstance(calls.attribute(ev, cell, "state_size"), Unknown):
            return None
        return initial_states(ev, cell, Tensor((None, None, None)))
    except (RuleError, Raised):  # the constructor may refuse what its arguments are guessed to be
        return None
    finally:
        CURRENT.pop()


def zero_states(
    ev: Interpreter,
    rule: Cell | Recurrent,
    inputs: Any = None,
    batch_size: Any = None,
    **dtype: Any,
) -> Any:
    """``get_initial_state(...)`` of Keras's cells and layers, which take the inputs or their number."""
    if isinstance(inputs, Tensor) and inputs.rank > 0:
        batch_size = indexing.index(ev, external.call(ev, "keras.ops.shape", [inputs], {}, None), 0)
    elif inputs is not None:
        batch_size = inputs
    single = isinstance(rule, Cell) and rule.states == 1 and ev.flavour == "2"
    states: list[Any] = _zeros(ev, [rule.units] * rule.states, batch_size, "float32")  # type: ignore[union-attr]
    return states[0] if single else states


def _zeros(ev: Interpreter, size: Any, batch: Any, dtype: str) -> Any:
    """Zeros for each state of a nest of sizes; a nest in it of numbers alone is the shape of one."""
    made = []
    for one in size:
        shape = one if isinstance(one, (list, tuple)) else (one,)
        if any(isinstance(d, (list, tuple)) for d in shape):
            made.append(_zeros(ev, shape, batch, dtype))
            continue
        full = (batch, *(d for d in shape if d is not None))
        zeros = external.call(ev, "keras.ops.zeros", [full], {"dtype": dtype}, None)
        made.append(_named(zeros))
    return made


def _named(state: Tensor) -> Tensor:
    state.name = state.name or "state"
    return state


# -- one cell -------------------------------------------------------------------------------------


def _over_time(
    ev: Interpreter,
    cell: Any,
    x: Any,
    states: Any,
    mask: Tensor | None,
    zero_masked: Any,
    constants: Any,
) -> tuple[Any, Any]:
    """A cell on all steps: its outputs, and the states that it ends in."""
    if _is_keras(cell):
        return _keras_layer(ev, cell, x, states, mask, zero_masked)
    more = tensors_in(constants)
    inner, y = _one_step(ev, cell, x, states, more)
    output, after = y if isinstance(y, (list, tuple)) and len(y) == 2 else (y, None)
    ends = tensors_in(after)
    begins = tensors_in(states)
    if len(ends) != len(begins):
        raise RuleError("KT203", "a cell that gives as many states as it takes is needed")
    wanted = [t.layout for t in inner.plan.inputs] if isinstance(inner, CallNode) else []
    inputs = [steps_first(t, w) for t, w in zip(tensors_in(x), wanted)]
    starts = [_in_layout(t, w) for t, w in zip(begins, wanted[len(inputs) :])]
    for start, end, layout in zip(begins, ends, wanted[len(inputs) :]):
        if (end.rank > 3 and end.layout is not layout) or not _alike(start.shape, end.shape):
            raise RuleError("KT203", "a cell whose states keep their shape is needed")
    outputs = [steps_of(tensors_in(x)[0], t) for t in tensors_in(output)]
    kept = [Tensor(s.shape, s.dtype, s.layout, name=s.name) for s in starts]
    n, m = len(inputs), len(inputs) + len(starts)

    def over(module: Expr, *given: Expr) -> Expr:
        xs, begun, rest = given[:n], given[n:m], given[m : m + len(more)]
        return Expr("over_steps")(
            module,
            xs[0] if n == 1 else tuple(xs),
            tuple(begun),
            constants=tuple(rest) if rest else OMIT,
            mask=OMIT if mask is None else given[-1],
            zero_masked=OMIT if mask is None else unless(zero_masked, False),
        )

    inner.use.region = CURRENT[-1]
    taken = [*inputs, *starts, *more, *([] if mask is None else [mask])]
    node = CallNode(taken, [*outputs, *kept], ev.line, inner.plan, inner.use, inner.args, over)
    CURRENT[-1].add(node)
    shown = iter([in_keras_order(t, s) for t, s in zip(outputs, tensors_in(output))])
    ended = iter(kept)
    return map_tensors(lambda t: next(shown), output), map_tensors(lambda t: next(ended), after)


def _one_step(
    ev: Interpreter, cell: Any, x: Any, states: Any, constants: list[Tensor]
) -> tuple[CallNode, Any]:
    """The call of the cell's class on one step, and what it gives."""
    if not isinstance(cell, Instance):
        raise RuleError("KT203", f"RNN({calls.text_of(cell)}) is not supported; supported: cells")

    def step(t: Tensor) -> Tensor:
        layout = Layout.FIRST if t.rank > 4 else Layout.LAST
        return Tensor((t.shape[0], *t.shape[2:]), t.dtype, layout)

    region = Region()
    CURRENT.append(region)
    try:
        pictures = map_tensors(lambda t: t.seen_in(Layout.FIRST) if t.rank > 3 else t, states)
        arguments = [map_tensors(step, x), pictures]
        named = {"constants": constants} if constants else {}
        y = calls.call(ev, cell, arguments, named, None, None)
    finally:
        CURRENT.pop()
    if isinstance(y, Unknown):
        raise RuleError("KT203", f"what the cell {cell.cls.name} gives is not known: {y.why}")
    inner = the_call(region)
    if inner is None:
        raise RuleError("KT203", f"RNN({cell.cls.name}) is not supported: it is no class by itself")
    return inner, y


def _keras_layer(
    ev: Interpreter, cell: LayerValue, x: Any, states: Any, mask: Tensor | None, zero_masked: Any
) -> tuple[Any, Any]:
    """A cell of Keras's own among others: the layer that computes it over time."""
    settings = {"return_sequences": True, "return_state": True, "zero_output_for_mask": zero_masked}
    layer = models.make_layer(ev, "RNN", [cell], settings)
    given = {"initial_state": tensors_in(states) or None, "mask": mask}
    output, *after = calls.call(ev, layer, [x], given, None, None)
    return output, after


def _in_layout(x: Tensor, layout: Layout) -> Tensor:
    if x.rank < 4 or x.layout is layout:
        return x
    return derived(lambda e: e, [x], x.shape, x.dtype, layout, layout)


def _alike(a: tuple[Any, ...], b: tuple[Any, ...]) -> bool:
    """Whether shapes may be the same."""
    pairs = [(known(m), known(n)) for m, n in zip(a[1:], b[1:], strict=False)]
    return len(a) == len(b) and all(m == n for m, n in pairs if None not in (m, n))
