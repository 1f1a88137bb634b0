"""Fourier transforms: keras.ops.* on pairs of (real, imaginary), tf.signal.* on complex tensors."""

from __future__ import annotations

from typing import Any

from kt_translate.graph.region import derived
from kt_translate.graph.sym import Sym
from kt_translate.graph.tensor import Dim, Tensor
from kt_translate.layers.decisions import decided
from kt_translate.layers.layer import RuleError
from kt_translate.ops.arguments import op, tensor
from kt_translate.ops.values import broadcast, is_number
from kt_translate.pytorch.expr import OMIT, Expr, torch, unless

FFT = torch.fft


def _half(n: Any) -> Dim:
    return None if n is None or isinstance(n, Tensor) else n // 2 + 1


# -- on pairs -------------------------------------------------------------------------------------


def _pair(x: Any, what: str) -> tuple[Tensor, Tensor]:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise RuleError("KT204", f"{what} takes a pair of (real, imaginary) tensors")
    return tensor(x[0]), tensor(x[1])


def _parts(render: Any, inputs: list[Tensor], shape: Any, dtype: str) -> tuple[Tensor, Tensor]:
    return (
        derived(lambda *es: render(*es).real, inputs, shape, dtype),
        derived(lambda *es: render(*es).imag, inputs, shape, dtype),
    )


def _complex_op(name: str) -> None:
    function: Expr = getattr(FFT, name)

    def transform(x: Any) -> tuple[Tensor, Tensor]:
        real, imaginary = _pair(x, name)
        return _parts(
            lambda a, b: function(torch.complex(a, b)),
            [real, imaginary],
            real.shape,
            real.dtype,
        )

    op(f"keras.ops.{name}")(transform)


for _name in ("fft", "fft2", "ifft2"):
    _complex_op(_name)


@op("keras.ops.rfft")
def rfft(x: Any, fft_length: Any = None) -> tuple[Tensor, Tensor]:
    x = tensor(x)
    size = x.shape[-1] if fft_length is None else fft_length
    return _parts(
        lambda e: FFT.rfft(e, n=unless(fft_length, None)),
        [x],
        (*x.shape[:-1], _half(size)),
        x.dtype,
    )


@op("keras.ops.irfft")
def irfft(x: Any, fft_length: Any = None) -> Tensor:
    real, imaginary = _pair(x, "irfft")
    half = real.shape[-1]
    size = fft_length if fft_length is not None else None if half is None else 2 * (half - 1)
    return derived(
        lambda a, b: FFT.irfft(torch.complex(a, b), n=unless(fft_length, None)),
        [real, imaginary],
        (*real.shape[:-1], size),
        real.dtype,
    )


def _window(window: Any, length: Any) -> Any:
    name = decided(window, "the window")
    if name is None:
        return OMIT
    if name not in ("hann", "hamming"):
        raise RuleError("KT203", f"the window {name!r}")
    made: Expr = getattr(torch, f"{name}_window")
    return made(length, periodic=_periodic(length))


def _periodic(length: Any, wanted: Any = True) -> Any:
    """TensorFlow's windows of odd lengths are symmetric, whatever is asked for."""
    even = decided(length, "the length of the window") % 2 == 0
    return unless(bool(decided(wanted, "periodic")) and even, True)


def _frames(length: Dim, size: Any, step: Any) -> Dim:
    if length is None or (isinstance(length, Sym) and not isinstance(size, int)):
        return None
    return (length - size) // step + 1  # type: ignore[no-any-return]


@op("keras.ops.stft")
def stft(
    x: Any,
    sequence_length: Any,
    sequence_stride: Any,
    fft_length: Any,
    window: Any = "hann",
    center: Any = True,
) -> tuple[Tensor, Tensor]:
    """Frames before frequencies; torch has them the other way round."""
    x = tensor(x)
    length = x.shape[-1]
    centered = bool(decided(center, "center"))
    if centered and length is not None:
        length = length + fft_length // 2 * 2
    frames = _frames(length, fft_length, sequence_stride)
    made = _window(window, sequence_length)

    def render(e: Expr) -> Expr:
        taper = made if made is OMIT else made.to(e)
        return torch.stft(
            e,
            fft_length,
            sequence_stride,
            sequence_length,
            taper,
            center=centered,
            return_complex=True,
        ).mT

    shape = (*x.shape[:-1], frames, _half(fft_length))
    return _parts(render, [x], shape, x.dtype)


# -- TensorFlow's ---------------------------------------------------------------------------------


def _whole(name: str, *paths: str) -> None:
    function: Expr = getattr(FFT, name)

    def transform(x: Any) -> Tensor:
        x = tensor(x)
        return derived(function, [x], x.shape, x.dtype)

    op(*paths, input="x")(transform)


_whole("fft", "tf.signal.fft", "tf.fft")
_whole("ifft", "tf.signal.ifft", "tf.ifft")
_whole("fft2", "tf.signal.fft2d", "tf.fft2d")
_whole("ifft2", "tf.signal.ifft2d", "tf.ifft2d")


@op("tf.complex", "tf.dtypes.complex")
def complex_of(real: Any, imag: Any) -> Tensor:
    a, b = tensor(real), tensor(imag)
    return derived(torch.complex, [a, b], broadcast(a.shape, b.shape), "complex64")


def _length(fft_length: Any) -> Any:
    return fft_length[0] if isinstance(fft_length, (list, tuple)) else fft_length


def _of_length(function: Expr, x: Tensor, n: Any, size: Any, dtype: str) -> Tensor:
    """A transform along the last axis; ``n`` may be a number that ``forward`` computes."""
    if is_number(n):
        return derived(lambda e, k: function(e, n=k), [x, n], (*x.shape[:-1], None), dtype)
    return derived(lambda e: function(e, n=unless(n, None)), [x], (*x.shape[:-1], size), dtype)


@op("tf.signal.rfft", input_tensor="input")
def tf_rfft(input: Any, fft_length: Any = None) -> Tensor:
    x, n = tensor(input), _length(fft_length)
    size = x.shape[-1] if n is None else n
    return _of_length(FFT.rfft, x, n, _half(size), "complex64")


@op("tf.signal.irfft", input_tensor="input")
def tf_irfft(input: Any, fft_length: Any = None) -> Tensor:
    x, n = tensor(input), _length(fft_length)
    half = x.shape[-1]
    size = n if n is not None else None if half is None else 2 * (half - 1)
    return _of_length(FFT.irfft, x, n, size, "float32")


@op("tf.signal.stft")
def tf_stft(
    signals: Any,
    frame_length: Any,
    frame_step: Any,
    fft_length: Any = None,
    window_fn: Any = None,
    pad_end: Any = False,
) -> Tensor:
    """TensorFlow's window starts at the frame, torch's is centred in the transform."""
    x = tensor(signals)
    if window_fn is not None or decided(pad_end, "pad_end"):
        raise RuleError("KT203", "stft with another window, or padded at its end")
    size = fft_length
    if size is None:
        size = 1 << (decided(frame_length, "frame_length") - 1).bit_length()
    frames = _frames(x.shape[-1], frame_length, frame_step)

    def render(e: Expr) -> Expr:
        window = torch.hann_window(frame_length, periodic=_periodic(frame_length)).to(e)
        return FFT.rfft(e.unfold(-1, frame_length, frame_step) * window, n=size)

    return derived(render, [x], (*x.shape[:-1], frames, _half(size)), "complex64")


@op("tf.signal.hann_window")
def hann_window(window_length: Any, periodic: Any = True, dtype: Any = None) -> Tensor:
    return _taper("hann_window", window_length, periodic=_periodic(window_length, periodic))


@op("tf.signal.hamming_window")
def hamming_window(window_length: Any, periodic: Any = True, dtype: Any = None) -> Tensor:
    return _taper("hamming_window", window_length, periodic=_periodic(window_length, periodic))


def _taper(name: str, length: Any, **settings: Any) -> Tensor:
    made: Expr = getattr(torch, name)
    return derived(
        lambda device: made(length, **settings, device=device),
        [],
        (length,),
        "float32",
        device=True,
    )


def _symmetric(name: str, function: str) -> None:
    def window(x: Any) -> Tensor:
        return _taper(function, decided(x, "the length of the window"), periodic=False)

    op(f"keras.ops.{name}", f"numpy.{name}")(window)


for _keras, _torch in (
    ("hanning", "hann_window"),
    ("hamming", "hamming_window"),
    ("blackman", "blackman_window"),
    ("bartlett", "bartlett_window"),
):
    _symmetric(_keras, _torch)


@op("keras.ops.kaiser", "numpy.kaiser")
def kaiser(x: Any, beta: Any) -> Tensor:
    return _taper(
        "kaiser_window", decided(x, "the length of the window"), periodic=False, beta=beta
    )


def _shifted(name: str) -> None:
    function: Expr = getattr(FFT, name)

    def shift(x: Any, axes: Any = None) -> Tensor:
        x = tensor(x)
        dims = decided(axes, "the axes")
        dims = tuple(dims) if isinstance(dims, list) else dims
        return derived(lambda e: function(e, dim=unless(dims, None)), [x], x.shape, x.dtype)

    op(f"tf.signal.{name}")(shift)


_shifted("fftshift")
_shifted("ifftshift")


@op(
    "tf.signal.frame",
    "keras.ops.extract_sequences",
    x="signal",
    sequence_length="frame_length",
    sequence_stride="frame_step",
)
def frame(
    signal: Any,
    frame_length: Any,
    frame_step: Any,
    pad_end: Any = False,
    pad_value: Any = 0,
    axis: Any = -1,
) -> Tensor:
    x = tensor(signal, "the signal")
    if decided(pad_end, "pad_end") or decided(axis, "the axis") not in (-1, x.rank - 1):
        raise RuleError("KT203", "frames that are padded, or along another axis than the last")
    frames = _frames(x.shape[-1], frame_length, frame_step)
    return derived(
        lambda e: e.unfold(-1, frame_length, frame_step),
        [x],
        (*x.shape[:-1], frames, frame_length),
        x.dtype,
    )
