"""``keras.utils.conv_utils``: what layers of the source's own, written as Keras's, bring their settings into form with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate.calculations import binary
from kt_translate.evaluate.values import Unknown, items_of
from kt_translate.graph.sym import UNKNOWN, Sym, call_symbolic, known

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def _data_format(ev: Interpreter, value: Any = None) -> Any:
    return ev.data_format if value is None else _word(ev, value)


def _word(ev: Interpreter, value: Any) -> Any:
    said = ev.demand(value, "a word")
    return said.lower() if isinstance(said, str) else said


def _tuple(ev: Interpreter, value: Any, n: Any, *args: Any, **kwargs: Any) -> Any:
    """A number for each of the axes."""
    count = ev.demand(n, "the number of axes")
    sample = known(value)
    if sample is UNKNOWN or not isinstance(count, int):
        return Unknown("sizes that are not known", ev.line)
    return (value,) * count if isinstance(sample, int) else tuple(items_of(value, count) or ())


def _reach(ev: Interpreter, size: Any, dilation: Any) -> Any:
    """How far a dilated kernel reaches: ``(size - 1) * dilation + 1``."""
    if not isinstance(dilation, Sym) and dilation == 1:
        return size
    return binary(ev, "+", binary(ev, "*", binary(ev, "-", size, 1), dilation), 1)


def _conv_length(
    ev: Interpreter,
    input_length: Any,
    filter_size: Any,
    padding: Any,
    stride: Any,
    dilation: Any = 1,
) -> Any:
    if input_length is None:
        return None
    reach = _reach(ev, filter_size, dilation)
    more = {"valid": "-", "full": "+"}.get(_word(ev, padding))
    length = input_length
    if more is not None:
        length = binary(ev, more, length, binary(ev, "-", reach, 1))
    return binary(ev, "//", binary(ev, "-", binary(ev, "+", length, stride), 1), stride)


def _deconv_length(
    ev: Interpreter,
    input_length: Any,
    filter_size: Any,
    padding: Any,
    output_padding: Any = None,
    stride: Any = 0,
    dilation: Any = 1,
) -> Any:
    if input_length is None:
        return None
    reach, kind = _reach(ev, filter_size, dilation), _word(ev, padding)
    if output_padding is None:
        length = binary(ev, "*", input_length, stride)
        if kind == "full":
            return binary(ev, "-", length, binary(ev, "-", binary(ev, "+", stride, reach), 2))
        over = binary(ev, "-", reach, stride)
        over = call_symbolic("max", over, 0) if isinstance(over, Sym) else max(over, 0)
        return binary(ev, "+", length, over) if kind == "valid" else length
    pad = {"same": binary(ev, "//", reach, 2), "full": binary(ev, "-", reach, 1)}.get(kind, 0)
    length = binary(ev, "*", binary(ev, "-", input_length, 1), stride)
    length = binary(ev, "-", binary(ev, "+", length, reach), binary(ev, "*", 2, pad))
    return binary(ev, "+", length, output_padding)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "normalize_data_format": _data_format,
    "standardize_data_format": _data_format,
    "normalize_tuple": _tuple,
    "standardize_tuple": _tuple,
    "normalize_padding": _word,
    "standardize_padding": _word,
    "conv_output_length": _conv_length,
    "deconv_output_length": _deconv_length,
}
