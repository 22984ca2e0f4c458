"""`mobilecat init`."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mobilecat as mc
from mobilecat.cli.grammar import BUNDLE, SPEC, listed, pictures_of, set_keys
from mobilecat.cli.outputs import write_json
from mobilecat.cli.progress import progress_line
from mobilecat.cli.steps import photos_of, said, with_a_bundle
from mobilecat.cli.terminal import plain, show
from mobilecat.disk.outputs import require_outputs
from mobilecat.errors import Problem, SpecError

_EXAMPLE = (
    "it takes keys of [head], [input] and [nms]: --set head.units=pixels, --set 'input.range=[0, "
    "1]', --set nms.score_threshold=0.1; others, such as [targets.tflite] precision, are written "
    "into the spec that init makes"
)
_SIZE = re.compile(r"([1-9]\d{0,4})[x×]([1-9]\d{0,4})", re.ASCII)


def run_init(
    model: Path,
    out: Path,
    image: Sequence[Path],
    size: str | None,
    labels: str | None,
    targets: Sequence[str] | None,
    set_: Sequence[str],
    draw: Path | None,
    replace: bool,
    trust: Sequence[str],
    json_: str | None,
) -> None:
    require_outputs({"--draw": draw, "--json": json_}, "--draw", inputs=(model, *image, out))
    answers, size_wh = _given(set_, size)
    named = _labels(labels)
    pictures = pictures_of(image)

    def begun(replace: bool) -> mc.Proposal:
        with progress_line() as progress:
            return mc.init(
                model,
                out,
                image=pictures,
                size=size_wh,
                labels=named,
                targets=targets,
                answers=answers,
                replace=replace,
                trust=trust,
                progress=progress,
            )

    found = begun(replace)
    if found.asks and sys.stdin.isatty() and sys.stdout.isatty() and json_ != "-":
        answers |= {ask.key: _asked(ask) for ask in found.asks if len(ask.options) > 1}
        found = begun(replace=True)
    if draw is not None and found.drawn is not None:
        from mobilecat.pictures.drawing import save_picture

        save_picture(found.drawn, draw)
    write_json(found.to_json, json_)
    if json_ == "-":
        return
    show(found.words())
    if draw is not None:
        why = "a head of this kind finds no boxes" if image else "it needs --image"
        print(f"drew {draw}" if found.drawn is not None else f"drew nothing: {why}")
    print(f"wrote {plain(str(out))}")
    # As every verb takes it when nothing is named.
    spec = "" if out == SPEC else f" {shlex.quote(str(out))}"
    picture = shlex.quote(str(pictures[0])) if pictures else "photo.jpg"
    photos = photos_of(image)
    raw = found.spec.head.kind == "raw"
    after = with_a_bundle(out.parent / BUNDLE, raw=raw, picture=picture, photos=photos)
    trusting = "".join(f" --trust-{what}" for what in trust)
    print("\n".join(said([f"mobilecat export{spec}{trusting}", *after])))


def _asked(ask: Any) -> Any:
    """Ask on the terminal; an empty answer takes the first option."""
    print(plain(f"{ask.key}: {ask.what}"))
    for i, option in enumerate(ask.options, 1):
        print(f"  {i}  {plain(json.dumps(option))}")
    while True:
        said = input(f"which? [1 to {len(ask.options)}, Enter for 1] ").strip() or "1"
        if said.isascii() and said.isdigit() and 1 <= int(said) <= len(ask.options):
            return ask.options[int(said) - 1]


def _given(texts: Sequence[str], size: str | None) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """Read --set and --size; SpecError with all that cannot be read."""
    problems: list[Problem] = []
    answers: dict[str, Any] = {}
    size_wh = None
    try:
        answers = set_keys(texts, _EXAMPLE, ("head", "input", "nms"))
    except SpecError as e:
        problems += e.problems
    try:
        size_wh = _size_of(size)
    except SpecError as e:
        problems += e.problems
    if problems:
        raise SpecError("This cannot be read", problems)
    return answers, size_wh


def _labels(text: str | None) -> Sequence[str] | Path | None:
    """Read --labels: a file where there is one or its name ends as one's, else names."""
    if text is None:
        return None
    path = Path(text)
    is_file = path.is_file() or ("," not in text and path.suffix.lower() in (".txt", ".names"))
    return path if is_file else listed(text)


def _size_of(text: str | None) -> tuple[int, int] | None:
    """Read --size; SpecError where it is none."""
    if text is None:
        return None
    if (found := _SIZE.fullmatch(text.strip())) is None:
        fix = "width, then height in pixels: --size 640x480"
        raise SpecError("This cannot be read", [Problem(f"{text!r:.40} is no size", "--size", fix)])
    return int(found[1]), int(found[2])
