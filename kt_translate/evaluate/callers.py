"""The functions of Keras and TensorFlow that call functions of the source, by their names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.higher_order import (
    cond,
    in_test_phase,
    in_train_phase,
    ops_switch,
    switch,
)
from kt_translate.evaluate.looped import (
    associative_scan,
    foldl,
    foldr,
    fori_loop,
    map_fn,
    ops_map,
    rnn,
    scan,
    tf_scan,
    vectorized_map,
    while_loop,
)
from kt_translate.layers.decisions import decisions
from kt_translate.layers.layer import RuleError

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter

CALLING: dict[str, Callable[..., Any]] = {
    "keras.ops.cond": cond,
    "tf.cond": cond,
    "tf.python.framework.smart_cond.smart_cond": cond,
    "tf.__internal__.smart_cond.smart_cond": cond,
    "keras.utils.smart_cond": cond,
    "keras.backend.switch": switch,
    "keras.ops.switch": ops_switch,
    "keras.backend.in_train_phase": in_train_phase,
    "keras.backend.in_test_phase": in_test_phase,
    "keras.ops.map": ops_map,
    "keras.ops.vectorized_map": vectorized_map,
    "tf.vectorized_map": vectorized_map,
    "tf.map_fn": map_fn,
    "keras.backend.map_fn": map_fn,
    "keras.ops.fori_loop": fori_loop,
    "keras.ops.while_loop": while_loop,
    "tf.while_loop": while_loop,
    "keras.ops.scan": scan,
    "keras.ops.associative_scan": associative_scan,
    "tf.scan": tf_scan,
    "tf.foldl": foldl,
    "tf.foldr": foldr,
    "keras.backend.foldl": foldl,
    "keras.backend.foldr": foldr,
    "keras.backend.rnn": rnn,
}
_SPELLINGS = {"fn1": "true_fn", "fn2": "false_fn"}


def call_with_functions(ev: Interpreter, path: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """``path(*args, **kwargs)`` of one in `CALLING`. Raises RuleError where it cannot be translated."""
    function = CALLING[path]
    given = {_SPELLINGS.get(k, k): v for k, v in kwargs.items() if k != "name"}
    try:
        bound = inspect.signature(function).bind(ev, *args, **given)
    except TypeError as error:
        raise RuleError("KT204", f"{path}: {error}") from error
    with decisions() as taken:
        result = function(*bound.args, **bound.kwargs)
    for value, what in taken:
        ev.demand(value, f"{what} of {path}")
    return result
