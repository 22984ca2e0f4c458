"""docs/planted_faults.md, and the line at the end of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tools.plant_faults.run import Row

HEAD = """# Planted faults: proof that validation can fail

Made by `python -m tools.plant_faults`, which plants every fault below into a true bundle, validates
it against goldens approved from the source model, and exits with 1 where one is missed, is named at
another stage than foretold, or where a harmless change raises alarm.

Models: YuNet (320×256; boxes and five landmarks), SSDLite MobileNetV2 (300×300; 1917 anchors, box
encodings, a background class), YOLOX-nano (416×416; 80 classes), MTCNN's O-net (48×48; landmarks on
a crop). The SSD is TensorFlow's graph, made ONNX once, so a whole run wants the extra `tensorflow`;
without it the SSD is NOT_RUN, the exit code 3, and this page stays as it is. One model alone:
`--model yunet`; `--keep DIR` lets a run that was cut off go on.

The `.mlpackage` is float16, for the SSD float32; `.mlmodel` and
`.tflite` are float32. bundle.json is the true one; its hashes and its seal are made again, except
where they are what must catch the fault. The Core ML artifacts run in mobilecat.runtime, not in
Apple's. Every true artifact was validated first, and held.

Beside faults of what is computed there are those of what lies around it: `by hand` is an edit of
bundle.json that makes no digest again, `sealed again` one that makes them all; `in the file` is
what a file says besides its numbers (interface, picture, labels, metadata, version); then
labels.txt and the goldens. `vision.mlpackage`, `vision.mlmodel` and `detection.tflite` are the
SSD's and YOLOX's files of those contracts.

No spec widens a limit. YOLOX-nano is less steady than YuNet (its true float16 file moves a raw
output by 0.2), and is held all the same: limits follow what rounding moves the source, and a
float16 file is held to float32's limits without its rounding ([validate.md](validate.md)). Faults
smaller than float16's rounding, and those that no golden picture tries:
[subtle_faults.md](subtle_faults.md).
"""


def page(rows: Sequence[Row], calm: Sequence[Row], named: Sequence[Row], seconds: float) -> str:
    parts = [
        HEAD,
        f"{summary(rows, calm, named, seconds)}; two processor cores, shared.\n",
        _by_artifact(rows),
        "",
        f"## Faults: {_caught(rows)}\n",
        _table(rows, ("fault", "artifact", "expected stage", "found stage", "verdict", "says")),
        f"\n## Harmless changes: {sum(r.ok for r in calm)} of {len(calm)} hold\n",
        f"{len({r.name for r in calm})} kinds.\n",
        _table(calm, ("change", "artifact", "expected", "found", "verdict", "says")),
        f"\n## `bisect` on weight mutants: {sum(r.ok for r in named)} of {len(named)} named\n",
        _table(named, ("fault", "artifact", "planted in", "named", "verdict", "says")),
    ]
    return "\n".join(parts) + "\n"


def summary(rows: Sequence[Row], calm: Sequence[Row], named: Sequence[Row], seconds: float) -> str:
    verdicts = Counter(r.verdict for r in (*rows, *calm, *named) if not r.ok)
    bad = ", ".join(f"{n} {v}" for v, n in verdicts.items()) or "nothing missed"
    return (
        f"faults: {_caught(rows)}; harmless: {sum(r.ok for r in calm)} of {len(calm)} hold; "
        f"bisect: {sum(r.ok for r in named)} of {len(named)} named; {bad}; {seconds:.0f} s"
    )


def _by_artifact(rows: Sequence[Row]) -> str:
    """Return a table of mutants caught: a row a model, a column a format."""
    made = [r.artifact.split(".", 1) for r in rows]
    models, formats = (list(dict.fromkeys(x)) for x in zip(*made, strict=True))
    lines = [f"| | {' | '.join('.' + f for f in formats)} |", "|---|" + "---|" * len(formats)]
    for m in models:
        of = [[r.ok for r in rows if r.artifact == f"{m}.{f}"] for f in formats]
        said = (f"{sum(x)} of {len(x)}" if x else "–" for x in of)
        lines.append(f"| {m} | {' | '.join(said)} |")
    return "\n".join(lines)


def _caught(rows: Sequence[Row]) -> str:
    kinds = len({r.name for r in rows})
    return f"{sum(r.ok for r in rows)} of {len(rows)} mutants caught, {kinds} kinds"


def _table(rows: Sequence[Row], titles: Sequence[str]) -> str:
    lines = [f"| {' | '.join(titles)} |", "|" + "---|" * len(titles)]
    for r in rows:
        said = " ".join(r.detail.split()).replace("|", "\\|")
        said = said if len(said) <= 110 else f"{said[:109]}…"
        lines.append(
            f"| {r.name} | {r.artifact} | {r.expected} | {r.found} | {r.verdict} | {said} |"
        )
    return "\n".join(lines)
