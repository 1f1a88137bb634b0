"""How near to exact Keras's own arithmetic comes in float64, relative to the largest number."""

from __future__ import annotations

import struct
from typing import Any

EXACT = 1e-9
SINGLE_CONSTANT = 2e-7  # a constant of Keras's or TensorFlow's goes through float32
SINGLE_KERNEL = 1e-6  # TensorFlow's kernel computes in float32


def rounded(*constants: Any) -> float:
    """For settings that Keras turns into float32: exact where they are numbers that float32 has."""
    for value in constants:
        if isinstance(value, (list, tuple)):
            if rounded(*value) > EXACT:
                return SINGLE_CONSTANT
        elif value is not None and not (
            isinstance(value, (int, float))
            and struct.unpack("f", struct.pack("f", value))[0] == value
        ):
            return SINGLE_CONSTANT
    return EXACT


def resized(interpolation: Any) -> float:
    """For pictures that ``tf.image.resize`` makes: only copied pixels stay as they are."""
    return EXACT if interpolation == "nearest" else SINGLE_KERNEL
