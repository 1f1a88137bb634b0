"""MelSpectrogram and STFTSpectrogram."""

from __future__ import annotations

from typing import Any

from kt_translate.layers.layer import (
    Call,
    Dim,
    Expr,
    Layer,
    Layout,
    RuleError,
    Shape,
    Tensor,
    is_plain,
    unless,
)
from kt_translate.layers.spatial import Spatial, known_channels, name_of, plain, windows


class Spectrogram(Layer, abstract=True):
    """A layer whose module takes the layer's own arguments."""

    def check_window(self, *names: str) -> None:
        window = plain(self, "window")
        if isinstance(window, str) and window not in names:
            raise RuleError(
                "KT203",
                f"{name_of(self)}(window={window!r}) is not supported; supported: {', '.join(names)}",
            )

    def arguments(self, *but: str) -> dict[str, Any]:
        settings = {name: default for name, default in self.signature() if name not in but}
        return {name: unless(getattr(self, name), default) for name, default in settings.items()}


class MelSpectrogram(Spectrogram):
    """``keras.layers.MelSpectrogram``: sound to bands of frequencies, over time."""

    layout = Layout.LAST

    fft_length: Any = 2048
    sequence_stride: Any = 512
    sequence_length: Any = None
    window: Any = "hann"
    sampling_rate: Any = 16000
    num_mel_bins: Any = 128
    min_freq: Any = 20.0
    max_freq: Any = None
    power_to_db: Any = True
    top_db: Any = 80.0
    mag_exp: Any = 2.0
    min_power: Any = 1e-10
    ref_power: Any = 1.0

    def check(self) -> None:
        self.check_window("hann", "hamming")

    def output_shape(self, *shapes: Shape) -> Shape:
        (shape,) = shapes
        if len(shape) < 2:
            raise RuleError("KT204", "MelSpectrogram needs an axis of time beside the batch")
        time: Dim = None
        if shape[-1] is not None:
            padded = shape[-1] + self.fft_length // 2 * 2
            time = (padded - self.fft_length) // self.sequence_stride + 1
        return (*shape[:-1], self.num_mel_bins, time)

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("MelSpectrogram")(**self.arguments())


class STFTSpectrogram(Spectrogram, Spatial):
    """``keras.layers.STFTSpectrogram``: a convolution of sound with waves that may be trained."""

    rank = 1

    mode: Any = "log"
    frame_length: Any = 256
    frame_step: Any = None
    fft_length: Any = None
    window: Any = "hann"
    periodic: Any = False
    scaling: Any = "density"
    padding: Any = "valid"
    expand_dims: Any = False
    data_format: Any = None

    def check(self) -> None:
        Spatial.check(self)
        self.check_window("hann", "hamming", "blackman", "bartlett")
        plain(self, "expand_dims")
        allowed = {
            "mode": ("log", "magnitude", "psd", "real", "imag", "angle", "stft"),
            "scaling": ("density", "spectrum", None),
            "padding": ("valid", "same"),
        }
        for field, values in allowed.items():
            if plain(self, field) not in values:
                raise RuleError(
                    "KT203", f"STFTSpectrogram({field}={getattr(self, field)!r}): one of {values}"
                )

    def output_shape(self, *shapes: Shape) -> Shape:
        batch, (time,), channels = self.split(shapes[0])
        channels = known_channels(self, channels)
        step = self.frame_length // 2 if self.frame_step is None else self.frame_step
        steps = windows(time, self.frame_length, step, self.padding)
        frequencies = self.size_of_transform // 2 + 1
        if self.mode == "stft":
            frequencies = frequencies * 2
        if not self.expand_dims:
            return self.join(batch, (steps,), channels * frequencies)
        return self.join(batch, (steps, frequencies), channels)

    @property
    def size_of_transform(self) -> Any:
        """The given number, or the next power of two."""
        if self.fft_length is not None:
            return self.fft_length
        if not is_plain(self.frame_length):
            raise RuleError("KT203", "STFTSpectrogram: with this frame_length, give a fft_length")
        return 2 ** (self.frame_length - 1).bit_length()

    def module(self, *tensors: Tensor) -> Expr:
        return Expr("STFTSpectrogram")(**self.arguments("expand_dims", "data_format"))

    def forward(self, call: Call) -> Expr:
        """(N, C, F, L), with the frequencies of all channels as the channels, or L before F."""
        y = call.module(call.x)
        return y.transpose(2, 3) if self.expand_dims else y.flatten(1, 2)

    def standalone(self, *tensors: Tensor) -> Expr | None:
        return None
