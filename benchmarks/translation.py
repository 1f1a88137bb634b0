"""How long translating takes, and how much memory: beside `black --check` on the same source, in the same run.

python benchmarks/translation.py            # the samples and keras.applications of the installed Keras

Seconds are of the processor, not of the clock, runs are interleaved, and the least of several counts: so other work on
the machine tells as little as can be.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
# With byte code, as installed packages have it.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def applications() -> Path:
    """The folder of keras.applications, found without importing Keras."""
    spec = importlib.util.find_spec("keras")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Keras is not installed")
    return Path(spec.submodule_search_locations[0], "src", "applications")


def seconds(*command: str) -> float:
    """What a Python process takes from its start to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def cold(source: Path, rounds: int = 9) -> tuple[float, float]:
    """Seconds from an empty process to a written file and its parity test, and those of black."""
    ours, blacks = [], []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, source.name)
        copy.write_bytes(source.read_bytes())
        out = str(Path(folder, "out_pt.py"))
        for _ in range(rounds):
            ours.append(seconds("kt_translate", str(copy), "-o", out, "--force", "--quiet"))
            blacks.append(seconds("black", "-q", "--check", str(copy)))
    return min(ours), min(blacks)


def warm(sources: list[Path], rounds: int = 3) -> float:
    """Lines of source a second, with parity tests, in a process that has translated before."""
    from kt_translate.diagnostics import Log
    from kt_translate.pipeline import Options, translate

    texts = {source: source.read_text(encoding="utf-8") for source in sources}
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        for source, text in texts.items():
            translate(text, source.name, Options(path=source), Log())
        taken.append(time.process_time() - start)
    return sum(text.count("\n") for text in texts.values()) / min(taken)


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
    samples = sorted((ROOT / "samples").glob("*.py"))
    examples = sorted((ROOT / "tests" / "examples").glob("*.py"))
    models = sorted(p for p in folder.glob("*.py") if not p.stem.endswith(("_test", "__init__")))
    for source in (ROOT / "samples" / "mnist_convnet.py", folder / "resnet.py"):
        ours, black = cold(source)
        print(
            f"cold {source.name}: {ours:.2f} s, black --check {black:.2f} s: {ours / black:.1f} times"
        )
    # Before the warm runs: Linux counts what a process had that another is started from.
    print(f"peak memory, densenet.py: {peak_memory(folder / 'densenet.py'):.0f} MB")
    for what, sources in (
        ("samples and examples", samples + examples),
        ("keras.applications", models),
    ):
        print(f"warm, {what}: {warm(sources):,.0f} lines of source a second")


if __name__ == "__main__":
    main()
