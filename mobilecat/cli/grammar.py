"""The grammar of the command line: an option means one thing, whichever verb has it.

Every verb takes its options from here, or calls one of its own by a name that is not here. The
rules, and how they are held: CONTRIBUTING.md, tests/test_grammar.py.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

BUNDLE, GOLDEN, SPEC = Path("bundle"), Path("golden"), Path("mobilecat.toml")
"""Where things lie when nothing is said: beside the spec, in the folder one works in."""

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_LANE = "A lane is an artifact in an engine, as onnx:yunet.onnx; the model itself is `source`"

BundleDir = Annotated[
    Path,
    typer.Argument(
        metavar="[DIR]", help="A bundle or cascade that `export` made.", show_default=True
    ),
]
GoldenDir = Annotated[
    Path,
    typer.Option("--golden", metavar="GDIR", help="Folder of goldens: GDIR/<bundle>/<case>/."),
]
GoldenIfAny = Annotated[
    Path | None,
    typer.Option("--golden", metavar="GDIR", help="Folder of goldens: GDIR/<bundle>/<case>/."),
]
Runner = Annotated[
    str | None,
    typer.Option(
        "--runner",
        metavar="NAME",
        help="One engine: source, onnx, tflite, coreml, coreai, …; `mobilecat run` shows a "
        "bundle's.",
    ),
]
Artifact = Annotated[
    str | None, typer.Option("--artifact", metavar="FILE", help="One artifact of the bundle.")
]
OneLane = Annotated[str | None, typer.Option("--lane", metavar="LANE", help=f"{_LANE}.")]
Source = Annotated[
    Path | None, typer.Option("--source", metavar="FILE", help="Where the source model lies now.")
]
Pictures = Annotated[
    list[Path] | None,
    typer.Option("--image", metavar="FILE", help="A picture. Repeatable."),
]
PicturesOfBundle = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DIR] PICTURE…",
        help="A bundle, then pictures, folders of them, or - for one on stdin.",
    ),
]
Boxes = Annotated[
    Path | None,
    typer.Option("--boxes", metavar="FILE", help="Boxes of a cascade that finds none itself."),
]
Json = Annotated[
    str | None,
    typer.Option(
        "--json", metavar="[FILE]", help="Write it as JSON; to stdout where no FILE.json follows."
    ),
]
Markdown = Annotated[
    str | None,
    typer.Option(
        "--markdown",
        metavar="[FILE]",
        help="Write it as Markdown; to stdout where no FILE.md follows.",
    ),
]
Draw = Annotated[
    Path | None,
    typer.Option("--draw", metavar="PNG", help="Write the picture with boxes on it."),
]
Csv = Annotated[
    Path | None,
    typer.Option("--csv", metavar="CSV", help="Write a row a detection, in the frame's pixels."),
]
ClipFile = Annotated[
    Path | None, typer.Option("--clip", metavar="CLIP", help="A moving picture: docs/replay.md.")
]
Every = Annotated[
    int, typer.Option("--every", metavar="N", min=1, help="Each N-th frame of a clip.")
]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="SVG", help="Draw it as a chart.")]
Html = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Write it as one page, pictures inside."),
]
_LABELLED = "Labelled pictures: COCO JSON, VOC XML, YOLO txt, Crawford .cat or labels.json."
Data = Annotated[Path, typer.Option("--data", metavar="DATA", help=_LABELLED)]
AllowCalibration = Annotated[
    bool,
    typer.Option(
        "--allow-calibration",
        help="Measure on the pictures that quantised artifacts took their scales from, too.",
    ),
]
DataIfAny = Annotated[Path | None, typer.Option("--data", metavar="DATA", help=_LABELLED)]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        "--max-drop",
        metavar="POINTS",
        min=0,
        help="Points of mAP that an artifact may lose; beyond: exit code 1.",
    ),
]
Limit = Annotated[
    int | None, typer.Option("--limit", metavar="N", min=1, help="N pictures, spread evenly.")
]
ClassMap = Annotated[
    list[str] | None,
    typer.Option(
        "--class-map",
        metavar="DATA=MODEL",
        help="A class of the data is this one of the model. Repeatable.",
    ),
]
Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="CDIR", help="Where results are kept, to go on from."),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Believe no result that was kept.")]
Threads = Annotated[
    int | None, typer.Option("--threads", metavar="N", min=1, help="By default one a core.")
]
On = Annotated[
    str | None,
    typer.Option("--on", metavar="ADDRESS", help="Run on Dask: local, or a scheduler's tcp://…."),
]
Shard = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="The I-th of N shards, kept in --cache."),
]
Merge = Annotated[
    list[Path] | None,
    typer.Option("--merge", metavar="CDIR", help="What a shard left in its --cache. Repeatable."),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A key of the spec and its value: nms.score_threshold=0.1. Repeatable.",
    ),
]
Targets = Annotated[
    str | None,
    typer.Option(
        "--targets",
        metavar="NAME,…",
        help="These targets alone: coreml, coreai, tflite, onnx.",
    ),
]
TrustPython = Annotated[
    bool,
    typer.Option("--trust-python", help="Run the Python function that is the source."),
]
TrustPickle = Annotated[
    bool,
    typer.Option("--trust-pickle", help="Open a pickle of a PyTorch model: it runs code."),
]
Variant = Annotated[
    bool, typer.Option("--variant", help="With --lane: approve it for that lane alone.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the golden.")]


class Verb(TyperCommand):
    """A command whose `--json` and `--markdown` may stand alone: stdout is meant then."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not any("--set" in p.opts for p in self.params):
            _require_no_set(ctx.command_path, args)
        if self.name == "validate":
            _require_no_drop(ctx.command_path, args)
        try:
            return super().parse_args(ctx, with_json_values(args))
        except typer.BadParameter as e:  # that one is missing comes without words
            e.message = e.message or _what_it_is(e.param)
            raise


def _what_it_is(option: Any) -> str:
    """Return what a missing option takes, as its help has it, and where more of that stands."""
    more = " docs/evaluate.md shows each." if option is not None and "--data" in option.opts else ""
    return f"{getattr(option, 'help', None) or ''}{more}"


class Verbs(TyperGroup):
    """Verbs under one name. One that is asked for a level too high or too low is told where."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0] if args else ""
        if name and name not in self.commands:
            above = getattr(ctx.parent, "command", None)
            if name in getattr(above, "commands", {}):
                _require_place(ctx.command_path, name, f"{ctx.parent.command_path} {name}")
            for group, inner in self.commands.items():
                if name in getattr(inner, "commands", {}):
                    _require_place(ctx.command_path, name, f"{ctx.command_path} {group} {name}")
        return super().resolve_command(ctx, args)


def _require_place(here: str, name: str, place: str) -> None:
    from mobilecat.errors import MobileCatError, Problem

    said = Problem(f"there is no {here} {name}", name, f"it is {place}")
    raise MobileCatError("There is no such verb here", [said])


def _require_no_set(verb: str, args: Sequence[str]) -> None:
    """Say where a key of the spec is said, to who says it to a verb that only reads the spec."""
    from mobilecat.errors import MobileCatError, Problem

    for i, word in enumerate(args):
        if word == "--":
            return
        if word == "--set" or word.startswith("--set="):
            said = word.removeprefix("--set").lstrip("=") or "".join(args[i + 1 : i + 2])
            fix = (
                f"write it into the spec; mobilecat init MODEL --set {said or 'KEY=VALUE'} "
                "--replace writes one anew; mobilecat run takes --set nms.KEY=VALUE to try one"
            )
            what = f"{said or 'a key'} is of the spec, which this verb takes as it is"
            raise MobileCatError(f"{verb} has no --set", [Problem(what, "--set", fix)])


def _require_no_drop(verb: str, args: Sequence[str]) -> None:
    """Say where the limit of mAP is said that `validate` holds: in the spec, for each file."""
    from mobilecat.errors import MobileCatError, Problem

    words = [*args[: args.index("--")]] if "--" in args else args
    if any(w.partition("=")[0] == "--max-drop" for w in words):
        fix = (
            'write map_loss = 2 under [tolerances."FILE"] of the spec, export, and validate with '
            "--data; mobilecat evaluate takes --max-drop"
        )
        what = "what a file may lose of mAP stands in the spec, for every validation"
        raise MobileCatError(f"{verb} has no --max-drop", [Problem(what, "--max-drop", fix)])


def with_json_values(args: Sequence[str]) -> list[str]:
    """Give `--json` and `--markdown` a value: what follows if that is a file to write, or `-`."""
    settled: list[str] = []
    for i, word in enumerate(args):
        if word == "--":
            return [*settled, *args[i:]]
        settled.append(word)
        if word in _TOLD:
            following = args[i + 1] if i + 1 < len(args) else ""
            if not _is_to_be_written(following, _TOLD[word]):
                settled.append("-")
    return settled


_TOLD = {"--json": ".json", "--markdown": ".md"}


def _is_to_be_written(word: str, suffix: str) -> bool:
    """Whether what follows such an option is its FILE: `-`, of its suffix, or what is neither there
    to be read nor called as a picture."""
    if word == "-" or word.lower().endswith(suffix):
        return True
    path = Path(word)
    read = word.startswith("-") or path.suffix.lower() in PICTURES
    return bool(word) and not read and not path.exists()


def bundle_and_pictures(
    words: Sequence[Path] | None, image: Sequence[Path] | None, others: Sequence[str] = ()
) -> tuple[Path, list[Path]]:
    """Return the bundle and the pictures of `[DIR] PICTURE…` and --image, folders spelled out.

    The first word is the bundle, unless it is a picture or a folder of pictures: then it is
    ./bundle. others: suffixes besides those of pictures. Errors: MobileCatError where there are
    none.
    """
    from mobilecat.disk.near import did_you_mean
    from mobilecat.errors import MobileCatError, Problem

    suffixes = (*PICTURES, *others)
    given = list(words or ())
    first = given[0] if given else None
    alone = first is not None and not image and len(given) == 1
    if alone and first is not None and _is_empty_of_both(first, suffixes):
        what = "a folder that is no bundle, and has no picture in it"
        raise MobileCatError("Which picture?", [Problem(what, str(first), ", ".join(suffixes))])
    if alone and first is not None and not (str(first) == "-" or first.suffix or first.exists()):
        fix = did_you_mean(first) or "name a picture that is there, or a folder of them"
        missing = Problem(f"{first}/ is not there", fix=fix)
        raise MobileCatError("There is no such folder", [missing])
    bundle = BUNDLE if first is None or _are_pictures(first, suffixes) else given.pop(0)
    found = pictures_of([*(image or ()), *given], suffixes)
    if found:
        return bundle, found
    nothing = Problem("none is named", fix=f"name one: {bundle} photo.jpg")
    if not bundle.exists() and (meant := did_you_mean(bundle)):
        nothing = Problem("not found", str(bundle), meant)
    raise MobileCatError("Which picture?", [nothing])


def pictures_of(given: Sequence[Path], suffixes: Sequence[str] = PICTURES) -> list[Path]:
    """Return pictures, folders spelled out. Errors: MobileCatError with every one that is not
    there, and folders without any."""
    from mobilecat.disk.near import did_you_mean
    from mobilecat.errors import MobileCatError, Problem

    found: list[Path] = []
    empty, missing = [], []
    for path in given:
        if path.is_dir():
            inside = _pictures_in(path, suffixes)
            found += inside
            if not inside:
                what = "a folder with no picture in it"
                empty.append(Problem(what, str(path), ", ".join(suffixes)))
        elif str(path) != "-" and not path.exists() and not path.is_symlink():
            missing.append(Problem("not found", str(path), did_you_mean(path)))
        else:
            found.append(path)
    if missing:
        said = "There is no such picture" if len(missing) == 1 else "There are no such pictures"
        raise MobileCatError(said, [*missing, *empty])
    if empty:
        raise MobileCatError("Which picture?", empty)
    return found


def _are_pictures(path: Path, suffixes: Sequence[str]) -> bool:
    if path.is_dir():
        return not (path / "bundle.json").is_file() and bool(_pictures_in(path, suffixes))
    return str(path) == "-" or path.suffix.lower() in suffixes


def _is_empty_of_both(path: Path, suffixes: Sequence[str]) -> bool:
    if not path.is_dir() or (path / "bundle.json").is_file():
        return False
    return not _pictures_in(path, suffixes)


def _pictures_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes)


def class_pairs(given: Sequence[str]) -> dict[str, str]:
    """Read --class-map; MobileCatError with every one that is no pair."""
    from mobilecat.errors import MobileCatError, Problem

    pairs = [(a.strip(), b.strip()) for a, _, b in (text.partition("=") for text in given)]
    fix = "write DATA=MODEL, as cat=tabby"
    bad = [
        Problem(f"{text!r:.80} is no pair", "--class-map", fix)
        for text, pair in zip(given, pairs, strict=True)
        if not all(pair)
    ]
    if bad:
        raise MobileCatError("These classes cannot be mapped", bad)
    return dict(pairs)


def set_keys(given: Sequence[str], example: str, tables: Sequence[str]) -> dict[str, Any]:
    """Read --set: keys of `tables`, with their values as TOML has them; a word needs no quotes.

    Errors: SpecError with every one that cannot be read.
    """
    import tomllib

    from mobilecat.errors import Problem, SpecError

    said: dict[str, Any] = {}
    problems = []
    for text in given:
        key, equals, value = (part.strip() for part in text.partition("="))
        table, dot, name = key.partition(".")
        if not equals or table not in tables or not dot or not name.isidentifier():
            keys = " or ".join(f"{t}.KEY=VALUE" for t in tables)
            baked = dot and "nms" in tables and table in ("input", "head")
            # What is baked into the artifacts is another export.
            fix = "change it in the spec and export again" if baked else example
            problems.append(Problem(f"{text!r:.80} is not {keys}", "--set", fix))
            continue
        try:
            said[key] = tomllib.loads(f"value = {value}")["value"]
        except (tomllib.TOMLDecodeError, KeyError, RecursionError):
            said[key] = value
    if problems:
        raise SpecError("This cannot be read", problems)
    return said


def renamed(old: str, new: str) -> None:
    """Tell who uses an old form what it is called now; on stderr, as the verb goes on."""
    print(f"mobilecat: {old} is now called {new}", file=sys.stderr)


def trusted(python: bool, pickle: bool) -> list[str]:
    """Return what --trust-python and --trust-pickle let run, as `trust` of the API has it."""
    return [name for name, said in (("python", python), ("pickle", pickle)) if said]


def listed(text: str | None) -> tuple[str, ...] | None:
    """Return what commas part; None where nothing was said."""
    return None if text is None else tuple(part.strip() for part in text.split(","))


def golden_beside(golden: Path | None, bundle: Path, *others: object) -> Path | None:
    """Return the folder of goldens: what was said, or ./golden beside the bundle where nothing
    else was asked for."""
    beside = bundle.resolve().parent == Path.cwd() and GOLDEN.is_dir()
    if golden is None and beside and not any(others):
        return GOLDEN
    return golden
