"""The verbs, and how errors reach the user. Nothing heavy is imported before a verb runs."""

from __future__ import annotations

import gc
import os
import re
import sys
import warnings
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Annotated

import typer
from typer.models import CommandInfo

from mobilecat.cli.bisect import bisect
from mobilecat.cli.compress import compress
from mobilecat.cli.diagnose import diagnose
from mobilecat.cli.diff import diff
from mobilecat.cli.evaluate import evaluate
from mobilecat.cli.explain import explain
from mobilecat.cli.golden import golden_app
from mobilecat.cli.grammar import (
    BUNDLE,
    SPEC,
    Artifact,
    Boxes,
    Draw,
    Json,
    Pictures,
    PicturesOfBundle,
    Runner,
    Set,
    Source,
    Targets,
    TrustPickle,
    TrustPython,
    Verb,
    Verbs,
    listed,
    trusted,
)
from mobilecat.cli.replay import replay
from mobilecat.cli.tune import tune
from mobilecat.cli.validate import validate
from mobilecat.disk import MARK
from mobilecat.errors import MobileCatError

app = typer.Typer(
    name="mobilecat",
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        import mobilecat as mc

        print(f"mobilecat {mc.__version__}")
        raise typer.Exit


@app.callback()
def mobilecat(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Compile detectors and landmark models for phones, run every artifact, hold it to goldens."""


@app.command(cls=Verb, short_help="Write a spec for a model file.")
def init(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="An ONNX, PyTorch, Keras, TensorFlow or TFLite model; python:module:function.",
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", metavar="FILE", help="The spec to write.")
    ] = SPEC,
    image: Annotated[
        list[Path] | None,
        typer.Option(
            "--image",
            metavar="FILE",
            help="A picture with what it should find, or a folder. Repeatable.",
        ),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="WxH", help="Its input, where the file leaves it open."),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            metavar="A,B,…|FILE",
            help="Its classes, in the network's order; or a text file with one a line.",
        ),
    ] = None,
    targets: Targets = None,
    set_: Set = None,
    draw: Draw = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a spec that is there.")
    ] = False,
    trust_python: TrustPython = False,
    trust_pickle: TrustPickle = False,
    json_: Json = None,
) -> None:
    """Say what a model file is, and write a commented spec for it.

    Family, head, size, preprocessing and labels come from the file: its names, shapes, metadata,
    weights, and its values on pictures. What it cannot tell is asked, or marked CHECK.

    mobilecat init yolov5n.onnx --image cat.jpg --draw cat_boxes.png
    """
    from mobilecat.cli.init import run_init

    trust = trusted(trust_python, trust_pickle)
    named = labels, listed(targets)
    run_init(model, out, image or [], size, *named, set_ or [], draw, replace, trust, json_)


@app.command(cls=Verb, short_help="Compile a model into a bundle.")
def export(
    spec: Annotated[
        Path, typer.Argument(metavar="[SPEC|MODEL]", help="A spec, or just a model file.")
    ] = SPEC,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="DIR", help="The bundle; by default beside the spec."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--source", metavar="FILE", help="Another model for this spec.")
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            "--shape", metavar="NAME=1,3,320,320", help="Fix a dynamic input. Repeatable."
        ),
    ] = None,
    targets: Targets = None,
    ios: Annotated[
        Path | None,
        typer.Option("--ios", metavar="DIR", help="Also write what an iOS app takes into DIR."),
    ] = None,
    android: Annotated[
        Path | None,
        typer.Option("--android", metavar="DIR", help="Also write what an Android app takes."),
    ] = None,
    trust_python: TrustPython = False,
    trust_pickle: TrustPickle = False,
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Make every file anew, also one that was made before."),
    ] = False,
    json_: Json = None,
) -> None:
    """Compile a model into a bundle: Core ML, TFLite and ONNX, with their contract.

    A bare model file is compiled with head = "raw": its own tensors in and out, in float32.

    mobilecat export mobilecat.toml -o bundle
    """
    from mobilecat.cli.export import run_export

    trust = trusted(trust_python, trust_pickle)
    out = out or spec.parent / BUNDLE
    cache = not no_cache
    only = listed(targets)
    run_export(spec, out, source, shape or [], only, ios, android, json_, trust, cache)


@app.command(cls=Verb, short_help="Run a bundle on pictures; print what it finds.")
def run(
    words: PicturesOfBundle = None,
    image: Pictures = None,
    runner: Runner = None,
    artifact: Artifact = None,
    draw: Annotated[
        Path | None,
        typer.Option(
            "--draw", metavar="PNG|FOLDER", help="Write the picture with boxes on it; or each."
        ),
    ] = None,
    set_: Set = None,
    json_: Json = None,
    source: Source = None,
    boxes: Boxes = None,
) -> None:
    """Run a bundle on pictures, and print what it finds, in each picture's pixels.

    Without --runner and --artifact, every artifact runs in every engine: a lane each, as
    onnx:yunet.onnx, beside the model itself, `source`. Several pictures get a line each. --set
    tries other values of [nms] on what each lane decodes, and leaves the bundle as it is.

    mobilecat run bundle photo.jpg --draw boxes.png
    """
    from mobilecat.cli.run import run_pictures

    run_pictures(words, image, runner, artifact, draw, set_ or [], json_, source, boxes)


@app.command(cls=Verb, short_help="Say what a model file or bundle holds.")
def inspect(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help=".onnx, .tflite, .mlpackage, .mlmodel or a bundle."),
    ],
    placement: Annotated[
        bool,
        typer.Option(
            "--placement", help="Which unit of a phone takes each op, by rules with their source."
        ),
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", metavar="TOML", help="With --placement: another table of rules."),
    ] = None,
    json_: Json = None,
) -> None:
    """Say what a model file holds: inputs, outputs, ops, sizes, metadata.

    mobilecat inspect model.tflite --placement
    """
    from mobilecat.cli.inspect import run_inspect

    run_inspect(file, placement, rules, json_)


@app.command("spec", cls=Verb, short_help="Say what a spec may say, key by key.")
def spec_(
    key: Annotated[
        str, typer.Argument(metavar="[KEY]", help="A key, a table or a head: pad, nms, yolox.")
    ] = "",
    explain: Annotated[str, typer.Option("--explain", metavar="KEY", help="The same as KEY.")] = "",
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema, for editors.")
    ] = False,
    json_: Json = None,
) -> None:
    """Say what `mobilecat.toml` may say: every key, what it takes, its default and its meaning.

    Without KEY, all of them. The page of it: docs/spec.md.

    mobilecat spec nms
    """
    from mobilecat.cli.spec import run_spec

    run_spec(key or explain, schema, json_)


app.command(cls=Verb, short_help="Run a bundle on a clip, frame by frame.")(replay)
app.command(cls=Verb, short_help="Hold every artifact to goldens and to the source.")(validate)
app.add_typer(golden_app)
app.command(cls=Verb, short_help="Name the bug behind boxes that are wrong.")(diagnose)
app.command(cls=Verb, short_help="Find the first layer where an artifact parts.")(bisect)
app.command(cls=Verb, short_help="Show where the source and artifacts look.")(explain)
app.command(cls=Verb, short_help="Measure every artifact on labelled pictures.")(evaluate)
app.command(cls=Verb, short_help="Say what changed from one release to the next.")(diff)
app.command(cls=Verb, short_help="Sweep thresholds; write the best into the spec.")(tune)
app.command(cls=Verb, short_help="Find the smallest recipe within a budget; write it.")(compress)


@app.command(cls=Verb, short_help="Compile, run and hold two models of our own.")
def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where the demo writes what it makes.")
    ] = Path("mobilecat_demo"),
    json_: Json = None,
) -> None:
    """Compile two models of our own, run every artifact, hold it to goldens, and draw the cats.

    Nothing is downloaded. Exit code 0: everything held. 1: something fell short.

    mobilecat demo
    """
    from mobilecat.cli.doctor import run_demo

    run_demo(folder, json_)


@app.command(cls=Verb, short_help="Say what is installed, and what is missing.")
def doctor(
    extras: Annotated[
        list[str] | None,
        typer.Argument(metavar="[EXTRA…]", help="What must be there: evaluate, tensorflow, all."),
    ] = None,
    json_: Json = None,
) -> None:
    """Say what is installed here, and what each missing piece would bring, with the command.

    Exit code 0: what must be there is there. 1: it is not. 2: there is no such extra.

    mobilecat doctor evaluate
    """
    from mobilecat.cli.doctor import run_doctor

    run_doctor(extras or [], json_)


def _asked(words: Sequence[str]) -> typer.Typer:
    """Return the app; where a verb of its own comes first, with that one alone: the options of all
    others take longer to build than the verb's own work begins."""
    named = [c for c in app.registered_commands if words and _name(c) == words[0]]
    if not named:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = named, []
    return alone


def _name(command: CommandInfo) -> str:
    return str(command.name or getattr(command.callback, "__name__", ""))


def main() -> None:
    """Run the command line; the process exits with its code."""
    from mobilecat.cli.terminal import plain, use_any_encoding

    use_any_encoding()
    # Numbers beyond a float's end are what a wrong spec gives: checks say so, in words.
    warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"mobilecat\.")
    # Else pydantic asks each installed package whether it has a plugin that sees what is read.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Importing and building graphs makes many objects and hardly any garbage to look for.
    gc.set_threshold(100_000, *gc.get_threshold()[1:])
    try:
        _asked(sys.argv[1:])(prog_name="mobilecat")
    except MobileCatError as e:
        print(f"mobilecat: {plain(e.in_options)}", file=sys.stderr)
        sys.exit(2)
    except (RecursionError, MemoryError) as e:
        what = "nested too deep" if isinstance(e, RecursionError) else "more than memory holds"
        print(f"mobilecat: what was read is {what}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as e:
        # A file is written beside its place first: the user is told the place.
        name = re.sub(rf"\.([^/\\]+){re.escape(MARK)}\d+", r"\1", str(e.filename or ""))
        place = f"{name}: " if name else ""
        print(f"mobilecat: {plain(place)}{e.strerror or e}", file=sys.stderr)
        sys.exit(2)
    finally:
        # The interpreter looks through everything for garbage on its way out, half a second's work.
        gc.freeze()
