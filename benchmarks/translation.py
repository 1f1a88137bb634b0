"""How long translating takes, and how much memory: beside `black --check` on the same source, in the same run.

python benchmarks/translation.py            # the samples and keras.applications of the installed Keras
"""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]


def applications() -> Path:
    """The folder of keras.applications, found without importing Keras."""
    spec = importlib.util.find_spec("keras")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Keras is not installed")
    return Path(spec.submodule_search_locations[0], "src", "applications")


def cold(source: Path, rounds: int = 7) -> tuple[float, float]:
    """Seconds from an empty process to a written file, and those of black; medians, interleaved."""
    ours, blacks = [], []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(rounds):
            copy = Path(folder, f"source_{i}.py")
            copy.write_bytes(source.read_bytes())
            out = Path(folder, f"out_{i}.py")
            translate = ["kt_translate", str(copy), "-o", str(out), "--no-test", "--quiet"]
            for command, times in (
                ([sys.executable, "-m", *translate], ours),
                ([sys.executable, "-m", "black", "-q", "--check", str(copy)], blacks),
            ):
                start = time.perf_counter()
                subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
                times.append(time.perf_counter() - start)
    return statistics.median(ours), statistics.median(blacks)


def warm(sources: list[Path]) -> float:
    """Lines of source a second, in a process that has translated before."""
    from kt_translate.diagnostics import Log
    from kt_translate.pipeline import Options, translate

    lines = 0
    for turn in range(2):
        start = time.perf_counter()
        for source in sources:
            text = source.read_text(encoding="utf-8")
            translate(text, source.name, Options(path=source, want_test=False), Log())
            lines += text.count("\n") if turn else 0
    return lines / (time.perf_counter() - start)


def peak_memory(source: Path) -> float:
    """MB that a process has used at most when it has translated this source."""
    script = (
        "import sys, resource; from kt_translate.cli import main; main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder, "out.py"))
        command = [sys.executable, "-c", script, str(source), "-o", out, "--no-test", "--quiet"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    unit = 1024 if sys.platform != "darwin" else 1024**2
    return int(done.stderr.split()[-1]) / unit


def main() -> None:
    folder = applications()
    for source in (ROOT / "samples" / "mnist_convnet.py", folder / "resnet.py"):
        ours, black = cold(source)
        print(
            f"cold {source.name}: {ours:.2f} s, black --check {black:.2f} s: {ours / black:.1f} times"
        )
    sources = [folder / f"{n}.py" for n in ("vgg16", "resnet", "densenet", "mobilenet", "xception")]
    print(f"warm: {warm(sources):,.0f} lines of source a second")
    print(f"peak memory, densenet.py: {peak_memory(folder / 'densenet.py'):.0f} MB")


if __name__ == "__main__":
    main()
