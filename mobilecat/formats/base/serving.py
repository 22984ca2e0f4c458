"""A child's loop: requests on stdin, answers on stdout; see `mobilecat.formats.base.child`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from mobilecat.errors import MobileCatError

Say = Callable[[str], None]
Verbs = Mapping[str, Callable[..., dict[str, Any]]]


def _answer(
    handle: Callable[[], dict[str, Any]], failure: str, reason: Callable[[BaseException], str]
) -> dict[str, Any]:
    try:
        return {"done": handle()}
    except MobileCatError as e:
        problems = [(p.what, p.where, p.fix) for p in e.problems]
        return {"error": {"summary": e.summary, "problems": problems}}
    except Exception as e:
        import traceback

        traceback.print_exc()
        return {"error": {"summary": failure, "problems": [(reason(e), "", "")]}}


def serve(
    verbs_of: Callable[[Say], Verbs], failure: str, reason: Callable[[BaseException], str]
) -> None:
    """Answer requests until stdin ends.

    verbs_of: the verbs, given what tells a step of long work. failure, reason: the summary, and the
    line, of what fails for a reason that is not ours.
    """
    # What an engine prints, from C++ too, must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    verbs = verbs_of(lambda step: send({"step": step}))
    for line in sys.stdin:
        request = json.loads(line)
        verb = verbs[request.pop("verb")]
        send(_answer(lambda verb=verb, request=request: verb(**request), failure, reason))  # type: ignore[misc]
