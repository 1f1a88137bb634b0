"""Helpers inside Keras and TensorFlow that the sources of layers and of applications call."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kt_translate.evaluate import policies
from kt_translate.evaluate.values import Unknown, items_of, plain
from kt_translate.graph.algebra import decided
from kt_translate.graph.conditions import TRAINING
from kt_translate.graph.sym import Sym, known, symbols_in
from kt_translate.graph.tensor import Tensor, tensors_in
from kt_translate.graph.terms import expand
from kt_translate.ops.op import call_op

if TYPE_CHECKING:
    from kt_translate.evaluate.interpreter import Interpreter


def _input_shape(
    ev: Interpreter,
    input_shape: Any,
    default_size: Any,
    min_size: Any,
    data_format: Any,
    require_flatten: Any,
    weights: Any = None,
) -> Any:
    """The given shape, or the usual one. What Keras checks of it is left to Keras."""
    without = Sym.binary("is", input_shape, None) if isinstance(input_shape, Sym) else True
    size = decided(expand(default_size), without, True)
    if symbols_in(size) & symbols_in(input_shape):
        size = known(size)  # for the sample, which is None
    default = (size, size, 3)
    if isinstance(input_shape, Sym):
        return Sym.binary("or", input_shape, default)
    sizes = items_of(input_shape, None)
    if sizes and all(isinstance(s, Sym) or plain(s) for s in sizes):
        return input_shape
    return default if known(require_flatten) is not False else (None, None, 3)


def _correct_pad(ev: Interpreter, inputs: Any, kernel_size: Any) -> Any:
    """What MobileNet pads before a convolution of stride 2 so that it is centred."""
    if not isinstance(inputs, Tensor):
        return Unknown("the padding of what is not known", ev.line)
    sizes = items_of(kernel_size, None) or (kernel_size, kernel_size)
    pads = []
    for size, kernel in zip(inputs.shape[1:3], sizes):
        half = Sym.binary("//", kernel, 2) if isinstance(kernel, Sym) else kernel // 2
        less = (
            1
            if size is None
            else 1 - size % 2 if isinstance(size, int) else Sym.binary("-", 1, size % 2)
        )
        pads.append((half - less, half))
    return tuple(pads)


def _mode(ev: Interpreter) -> Any:
    """The phase that Keras is in: within ``call``, what it hands that as ``training``."""
    return Sym.of(TRAINING) if ev.calling else phase()


def phase() -> Tensor:
    """That as a tensor."""
    made: Tensor = call_op("keras.backend.learning_phase", [], {})
    return made


def _nothing(ev: Interpreter, *args: Any, **kwargs: Any) -> None:
    return None


def _is_tensor(ev: Interpreter, value: Any) -> bool:
    return isinstance(value, Tensor)


def _source_inputs(ev: Interpreter, tensor: Any, *rest: Any) -> Any:
    if isinstance(tensor, Tensor):
        from kt_translate.evaluate.applications import source_inputs

        return tensors_in(source_inputs(tensor))
    return Unknown("the inputs of a tensor from outside", ev.line)


def _shape(ev: Interpreter, dims: Any = None) -> Any:
    """A shape of TensorFlow's: the sizes, as a tensor's own are."""
    sizes = [dims] if isinstance(dims, (int, Sym)) else items_of(dims, None)
    return Unknown("a shape that is not known", ev.line) if sizes is None else tuple(sizes)


def _size(ev: Interpreter, dimension: Any) -> Any:
    return dimension


INTERNALS: dict[str, Callable[..., Any]] = {
    **policies.FUNCTIONS,
    "keras.backend.learning_phase": _mode,
    "keras.backend.backend": lambda ev: "tensorflow",
    "keras.config.backend": lambda ev: "tensorflow",
    "keras.applications.imagenet_utils.obtain_input_shape": _input_shape,
    "keras.applications.imagenet_utils._obtain_input_shape": _input_shape,
    "keras.applications.imagenet_utils.correct_pad": _correct_pad,
    "keras.applications.imagenet_utils.validate_activation": _nothing,
    "keras.backend.get_keras_mask": lambda ev, x: getattr(x, "mask", None),
    "keras.backend.is_keras_tensor": _is_tensor,
    "keras.utils.is_keras_tensor": _is_tensor,
    "tf.TensorShape": _shape,
    "tf.python.framework.tensor_shape.TensorShape": _shape,
    "tf.compat.dimension_value": _size,
    "tf.dimension_value": _size,
    "tf.python.framework.tensor_shape.dimension_value": _size,
    "keras.ops.operation_utils.get_source_inputs": _source_inputs,
    "keras.ops.get_source_inputs": _source_inputs,
    "keras.utils.get_source_inputs": _source_inputs,
    "keras.utils.layer_utils.get_source_inputs": _source_inputs,
}
