"""How outputs read: five samples as they are translated, kept in `tests/golden/`.

python -m tests.test_golden     # writes them anew; the diff shows what a change does to the code
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .generated import translated_sample

GOLDEN = Path(__file__).parent / "golden"
SAMPLES = [
    "mnist_convnet",
    "patch_transformer",
    "residual_net",
    "segmentation_unet",
    "sentiment_lstm",
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_reads_as_before(sample: str) -> None:
    kept = (GOLDEN / f"{sample}_pt.py").read_text(encoding="utf-8")
    assert translated_sample(sample).code == kept, "see the head of this file"


if __name__ == "__main__":
    for name in SAMPLES:
        (GOLDEN / f"{name}_pt.py").write_text(translated_sample(name).code, encoding="utf-8")
