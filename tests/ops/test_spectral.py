"""Fourier transforms, against Keras and TensorFlow."""

from __future__ import annotations

import pytest

from tests.ops.harness import check


@pytest.mark.parametrize(
    ("text", "shapes"),
    [
        ("ops.fft((x, y))", [(2, 8), (2, 8)]),
        ("ops.fft2((x, y))", [(2, 4, 8), (2, 4, 8)]),
        ("ops.ifft2((x, y))", [(2, 4, 8), (2, 4, 8)]),
        ("ops.rfft(x)", [(2, 9)]),
        ("ops.rfft(x, fft_length=6)", [(2, 9)]),
        ("ops.irfft((x, y))", [(2, 5), (2, 5)]),
        ("ops.irfft((x, y), fft_length=7)", [(2, 5), (2, 5)]),
        ("ops.stft(x, 8, 4, 8)", [(2, 32)]),
        ("ops.stft(x, 6, 3, 8, center=False)", [(2, 32)]),
        ("ops.stft(x, 8, 4, 8, window='hamming')", [(2, 32)]),
        ("tf.signal.rfft(x)", [(2, 9)]),
        ("tf.signal.rfft(x, fft_length=[2 * tf.shape(x)[1]])", [(2, 9)]),
        ("tf.signal.irfft(tf.signal.rfft(x), fft_length=[tf.shape(x)[-1] + 2])", [(2, 9)]),
        ("tf.signal.rfft(input_tensor=x)", [(2, 9)]),
        ("tf.signal.stft(x, frame_length=8, frame_step=4)", [(2, 32)]),
        ("tf.signal.stft(x, 6, 3, fft_length=8)", [(2, 32)]),
        ("tf.signal.frame(x, 6, 3)", [(2, 32)]),
        ("ops.extract_sequences(x, 6, 4)", [(2, 32)]),
        ("tf.signal.fftshift(x)", [(2, 9)]),
        ("tf.signal.ifftshift(x, axes=[1])", [(2, 9)]),
        ("ops.hanning(7)", [(2, 7)]),
        ("ops.hamming(7)", [(2, 7)]),
        ("ops.blackman(8)", [(2, 8)]),
        ("ops.bartlett(7)", [(2, 7)]),
        ("ops.kaiser(7, 3.0)", [(2, 7)]),
        ("tf.signal.hamming_window(7)", [(2, 7)]),
        ("tf.signal.hann_window(8)", [(2, 7)]),
        ("tf.signal.hann_window(8, periodic=False)", [(2, 7)]),
        ("ops.stft(x, 7, 3, 8)", [(2, 32)]),
        ("tf.signal.stft(x, 7, 3)", [(2, 32)]),
        ("tf.signal.irfft(tf.signal.rfft(x))", [(2, 8)]),
        ("tf.cast(tf.signal.ifft2d(tf.complex(x, tf.ones_like(y))), tf.float32)", [(2, 4, 8)] * 2),
    ],
)
def test_values(text: str, shapes: list) -> None:
    check(text, *shapes, sizes=("known",), tolerance=1e-7, gradient=False)
