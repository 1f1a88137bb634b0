"""Spectrograms of sound, as Keras's layers compute them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MelSpectrogram(nn.Module):
    """Keras's MelSpectrogram: sound (..., T) -> the power in bands of the mel scale (..., M, L).

    The bands are triangles on the mel scale (torchaudio's are on that of hertz). The floor of
    ``top_db`` is below the loudest place of the whole batch.
    """

    window: Tensor
    bands: Tensor

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: str | Sequence[float] | None = "hann",
        sampling_rate: float = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
    ) -> None:
        super().__init__()
        self.fft_length = fft_length
        self.stride = sequence_stride
        self.window_length = sequence_length or fft_length
        self.power_to_db = power_to_db
        self.top_db = top_db
        self.mag_exp = mag_exp
        self.min_power = min_power
        self.ref_power = ref_power
        limits = (min_freq, max_freq or sampling_rate // 2)
        bands = mel_bands(fft_length // 2 + 1, num_mel_bins, sampling_rate, *limits)
        for name, numbers in (
            ("window", window_of(window, self.window_length)),
            ("bands", bands),
        ):
            numbers = numbers.to(torch.get_default_dtype())
            self.register_buffer(name, numbers, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        spectrum = torch.stft(
            x.flatten(0, -2),
            self.fft_length,
            self.stride,
            self.window_length,
            self.window.to(x.dtype),
            return_complex=True,
        )
        power = self.bands.to(x.dtype).T @ spectrum.abs() ** self.mag_exp
        if self.power_to_db:
            power = 10 * power.clamp(min=self.min_power).log10()
            power = power - 10 * math.log10(max(abs(self.ref_power), self.min_power))
            power = power.clamp(min=power.max() - self.top_db)
        return power.unflatten(0, x.shape[:-1]) if x.dim() != 2 else power


def window_of(window: Any, length: int, periodic: bool = True) -> Tensor:
    """A window by its name, or of given numbers; ones for None."""
    if window is None:
        return torch.ones(length, dtype=torch.float64)
    if isinstance(window, str):
        make = getattr(torch, f"{window}_window")  # bartlett, blackman, hamming, hann
        return make(length, periodic=periodic, dtype=torch.float64)
    return torch.as_tensor(window, dtype=torch.float64)


def mel_bands(frequencies: int, bands: int, rate: float, low: float, high: float) -> Tensor:
    """The share of each frequency in each band (F, M): overlapping triangles of height 1."""

    def mel(hertz: Tensor) -> Tensor:
        return 1127.0 * (1 + hertz / 700.0).log()

    places = mel(torch.linspace(0, rate / 2, frequencies, dtype=torch.float64)).unsqueeze(1)
    ends = mel(torch.tensor([low, high], dtype=torch.float64))
    edges = torch.linspace(float(ends[0]), float(ends[1]), bands + 2, dtype=torch.float64)
    lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]
    up, down = (places - lower) / (middle - lower), (upper - places) / (upper - middle)
    shares = torch.minimum(up, down).clamp(min=0)
    shares[0] = 0  # the constant part of the sound is left out
    return shares


class STFTSpectrogram(nn.Module):
    """Keras's STFTSpectrogram: sound (N, C, T) -> (N, C, F, L), by kernels that may be trained."""

    keras_kinds = ("stft_spectrogram",)

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: str | Sequence[float] | None = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
    ) -> None:
        super().__init__()
        self.mode = mode
        self.frame_length = frame_length
        self.frame_step = frame_step or frame_length // 2
        self.padding = padding
        fft_length = fft_length or 2 ** math.ceil(math.log2(frame_length))
        weights = window_of(window, frame_length, periodic)
        if window is not None and scaling is not None:
            weights = weights / (weights.norm() if scaling == "density" else weights.abs().sum())
        frequencies = torch.arange(fft_length // 2 + 1, dtype=torch.float64) / fft_length
        angles = -2 * math.pi * frequencies.unsqueeze(1) * torch.arange(frame_length)
        real, imaginary = (
            (part * weights).unsqueeze(1).to(torch.get_default_dtype())
            for part in (angles.cos(), angles.sin())
        )
        if mode != "imag":
            self.real_kernel = nn.Parameter(real)
        if mode != "real":
            self.imag_kernel = nn.Parameter(imaginary)

    def forward(self, x: Tensor) -> Tensor:
        if self.padding == "same":
            total = (-(-x.shape[-1] // self.frame_step) - 1) * self.frame_step
            total = max(total + self.frame_length - x.shape[-1], 0)
            x = F.pad(x, (total // 2, total - total // 2))
        if self.mode == "real":
            return self.convolved(x, self.real_kernel)
        imaginary = self.convolved(x, self.imag_kernel)
        if self.mode == "imag":
            return imaginary
        real = self.convolved(x, self.real_kernel)
        if self.mode == "angle":
            return torch.atan2(imaginary, real)
        if self.mode == "stft":
            return torch.cat([real, imaginary], dim=2)
        power = real.square() + imaginary.square()
        if self.mode == "psd":
            return power + F.pad(power[:, :, 1:-1], (0, 0, 1, 1))
        magnitude = power.clamp(min=1e-7).sqrt()
        return magnitude if self.mode == "magnitude" else magnitude.clamp(min=1e-7).log()

    def convolved(self, x: Tensor, kernel: Tensor) -> Tensor:
        y = F.conv1d(x.flatten(0, 1).unsqueeze(1), kernel, stride=self.frame_step)
        return y.unflatten(0, x.shape[:2])

    def from_keras(self, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
        names = [name for name, _ in self.named_parameters()]
        kernels = [np.moveaxis(a, (-1, -2), (0, 1)) for a in arrays]
        return dict(zip(names, kernels, strict=True))
