"""The samples pass the parity tests that are generated for them."""

from __future__ import annotations

import pytest

from .generated import SAMPLES, check, sample_test, translated_sample


@pytest.mark.parametrize("sample", [path.stem for path in SAMPLES])
def test_sample_agrees_with_keras(sample: str) -> None:
    done = translated_sample(sample)
    assert done.models
    assert all(model["status"] == "translated" for model in done.models)
    assert not [d for d in done.log.diagnostics if d.severity == "error"]
    test = sample_test(sample)
    for case in test.CASES:
        assert "skip" not in case
        try:
            check(test, case)
        except pytest.skip.Exception as skipped:
            pytest.fail(f"nothing was compared: {skipped}")


@pytest.mark.parametrize("sample", ["mnist_convnet", "sentiment_lstm"])
def test_sample_agrees_in_float32(sample: str) -> None:
    test = sample_test(sample)
    for case in test.CASES:
        test.check_outputs(case, "float32", training=False)
        test.check_gradients(case, "float32", training=False)
