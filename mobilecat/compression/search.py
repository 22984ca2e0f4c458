"""One target's search: every recipe for all layers, then mixtures along a layer's sensitivity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from mobilecat.compression.choice import Goal, Worth, best_of, rivals, settled
from mobilecat.compression.greedy import MOST_TRIED, Option, State, farthest, path_of
from mobilecat.compression.kept import Kept
from mobilecat.compression.layers import Layer
from mobilecat.compression.measured import TIMED, Bench, Made
from mobilecat.compression.pace import Pace
from mobilecat.compression.probe import Change, Probe
from mobilecat.compression.recipes import AS_IT_IS, Keys, Ladder, Mix, Recipe, as_it_is, with_keys
from mobilecat.formats.base.target import TargetSpec
from mobilecat.formats.table import FORMATS


@dataclass(frozen=True)
class Tried:
    """A recipe of a target, and what it is worth."""

    recipe: Recipe
    target: TargetSpec
    made: Made


@dataclass(frozen=True)
class Sensitive:
    """How far detections move with one layer alone rounded, as `weighted.moved` has it.

    file: of the target. node: the layer's first. what: a recipe that stores it otherwise: of what
    is too small for that there is none.
    """

    file: str
    node: str
    what: str
    error: float


@dataclass
class Search:
    """One target under way. file: what its artifact is called."""

    target: TargetSpec
    file: str
    ladder: Ladder
    bench: Bench
    probe: Callable[[], Probe]
    kept: Kept
    budget: float
    goal: Goal
    calibrated: bool
    pace: Pace
    tried: dict[TargetSpec, Tried] = field(default_factory=dict)
    sensitive: list[Sensitive] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    settled: TargetSpec | None = None
    decided: str = ""
    """Between files of alike sizes (for speed: of all), what decided, in words."""

    @property
    def _every(self) -> tuple[Recipe, ...]:
        """The recipes for all layers, beside the reference."""
        return (*self.ladder.recipes, as_it_is(self.target, self.ladder))

    @property
    def _own(self) -> TargetSpec | str:
        """What the spec says now, which is measured in any case."""
        return self._of(as_it_is(self.target, self.ladder))

    @property
    def steps(self) -> int:
        """Return about how many steps there will be (`pace`): with every mixture that does not
        depend on what is found."""
        whole = {self._of(self.ladder.reference)}
        for recipe in self._every:
            target = self._of(recipe)
            if isinstance(target, str) or (target.calibrated and not self.calibrated):
                continue
            if not recipe.meant_for or target == self._own:
                whole.add(target)
        mixes = self.ladder.mixes if self.budget > 0 else ()
        return len(whole) + sum(self._steps_of(m) for m in mixes if not self._depends(m))

    def _depends(self, mix: Mix) -> bool:
        """Return whether it is tried only where the recipe for all layers is not good enough."""
        return len(self._choices(mix)) == 2

    def _steps_of(self, mix: Mix) -> int:
        """Return how many steps a mix takes at most: each choice's layers, then what is tried."""
        choices = self._choices(mix)
        return len(choices) - 1 + MOST_TRIED if len(choices) > 1 else 0

    def run(self) -> None:
        """Measure recipes, then mixtures; what was found is in `tried`."""
        reference = self._of(self.ladder.reference)
        assert not isinstance(reference, str)
        self._measure(self.ladder.reference, reference, None)
        for recipe in self._every:
            target = self._of(recipe)
            if isinstance(target, str):
                self.notes.append(f"{self.file}: {recipe.label} is left out: {target}")
            elif target.calibrated and not self.calibrated:
                said = f"{self.file}: {recipe.label} needs [quantize] with pictures to calibrate on"
                self.notes.append(said)
            elif recipe.meant_for and self.goal == "speed":
                self.notes.append(
                    f"{self.file}: {recipe.label} is left out: it is made for {recipe.meant_for}, "
                    "and speed is that of this CPU"
                )
            elif (smaller := self._cannot_win(recipe, target)) is not None:
                self.notes.append(
                    f"{self.file}: {recipe.label}, made for {recipe.meant_for}, is not tried: "
                    f"{smaller.recipe.label} fits and is smaller. It is measured where the spec "
                    "says it"
                )
            else:
                if recipe.meant_for and target != self._own:
                    self.pace.add(1)
                self._measure(recipe, target, reference)
        for mix in self.ladder.mixes if self.budget > 0 else ():
            before = self.pace.done
            self._mix(mix, reference)
            if not self._depends(mix):
                self.pace.leave_out(self._steps_of(mix) - (self.pace.done - before))
        self._settle(reference)

    def _cannot_win(self, recipe: Recipe, target: TargetSpec) -> Tried | None:
        """Return what fits already and is smaller than a recipe for other hardware can be, whose
        weights are of 8 bits, and which holds ranges besides; None where it may win."""
        best = self.best()
        if not recipe.meant_for or target == self._own or best is None:
            return None
        return None if best.recipe.exact else best

    def fits(self, tried: Tried) -> bool:
        """Return whether it keeps to the budget; at 0, floats alone can: no picture shows that
        nothing is lost."""
        loss = tried.made.loss
        if loss is None or (self.budget == 0 and not tried.recipe.exact):
            return False
        return round(loss.points, 2) <= self.budget

    def best(self) -> Tried | None:
        """Return the smallest, or the fastest, that keeps to the budget (`choice.best_of`); once
        all was measured, that which the files timed in turns settled on."""
        if self.settled is not None:
            return self.tried[self.settled]
        fit = [t for t in self.tried.values() if self.fits(t)]
        return best_of(fit, self.goal, self._worth) if fit else None

    def _settle(self, reference: TargetSpec) -> None:
        """Time those between which time decides once more, in turns: one timing each, minutes apart
        on a busy machine, takes now this and now that."""
        fit = [t for t in self.tried.values() if self.fits(t)]
        if self.target.kind not in TIMED or len(fit) < 2:
            return
        own = None if isinstance(self._own, str) else self.tried.get(self._own)
        near = rivals(fit, self.goal, self._worth, own)
        if not near:
            return

        def progress(text: str) -> None:
            self.pace(f"{self.file}: {text}")

        rounds = self.bench.rounds([t.target for t in near], reference, progress)
        if rounds is None:
            return
        for k, t in enumerate(near, 1):
            if t.target != reference:
                time = median(times[k] / times[0] for times in rounds)
                self.tried[t.target] = replace(t, made=replace(t.made, time=time))
        seconds = [times[1:] for times in rounds]
        best, slower, self.decided = settled(near, seconds, self.goal, self._worth, own)
        self.settled = best.target
        if slower is not None:
            whose = slower.recipe.label
            whose = "the recipe of the spec" if whose == AS_IT_IS else whose
            self.decided = self.decided.replace("the time", f"the time of {whose}", 1)

    def nearest(self) -> Tried | None:
        """Return the one that loses least."""
        ran = [t for t in self.tried.values() if t.made.loss is not None]
        return min(ran, key=lambda t: t.made.loss.points if t.made.loss else 0) if ran else None

    def _worth(self, tried: Tried) -> Worth:
        made = tried.made
        points = made.loss.points if made.loss is not None else 0.0
        return Worth(made.bytes, made.time, points)

    def _of(self, recipe: Recipe) -> TargetSpec | str:
        return with_keys(self.target, self.ladder.own, recipe.keys)

    def _measure(self, recipe: Recipe, target: TargetSpec, reference: TargetSpec | None) -> Tried:
        if target not in self.tried:

            def progress(text: str) -> None:
                own, _, _ = text.partition(", about ")  # the time left of this step alone
                self.pace(f"{self.file}, {recipe.label}: {own}")

            self.pace.begin()
            progress("writing")
            made = self.bench.made(target, reference, progress)
            self.tried[target] = Tried(recipe, target, made)
            self.pace.end()
        return self.tried[target]

    def _mix(self, mix: Mix, reference: TargetSpec) -> None:
        choices = self._choices(mix)
        ends = [self.tried.get(t) for _, t in choices]
        if len(choices) < 2 or any(e is not None and e.made.not_run for e in ends[1:]):
            return
        if len(choices) == 2 and not self._promising(mix, ends[1]):
            return
        before, counted = self.pace.done, 0
        if self._depends(mix):
            counted = self._steps_of(mix)
            self.pace.add(counted)
        self._walk(mix, choices, reference)
        self.pace.leave_out(counted - (self.pace.done - before))

    def _walk(
        self, mix: Mix, choices: Sequence[tuple[Recipe, TargetSpec]], reference: TargetSpec
    ) -> None:
        layers = self.probe().layers
        options = self._options(mix, choices, layers)
        states = path_of(options)
        if len(states) < 2:
            return

        def fits(i: int) -> bool:
            recipe = self._mixed(mix, choices, layers, states[i], options)
            target = self._of(recipe)
            if isinstance(target, str):
                return False
            return self.fits(self._measure(recipe, target, reference))

        farthest(len(states), fits)

    def _choices(self, mix: Mix) -> list[tuple[Recipe, TargetSpec]]:
        """Return what a layer may be in this target, and the target that is so throughout."""
        choices = [(c, t) for c in mix.choices if not isinstance(t := self._of(c), str)]
        return [(c, t) for c, t in choices if self.calibrated or not t.calibrated]

    def _promising(self, mix: Mix, end: Tried | None) -> bool:
        """Return whether layers kept float could give more than what keeps to the budget now."""
        if end is None:
            return True
        if self.fits(end):
            return False
        best = self.best()
        if best is None or best_of([best, end], self.goal, self._worth) is end:
            return True
        self.notes.append(
            f"{self.file}: {mix.label} with layers float is not tried: {best.recipe.label} fits, "
            f"and is the better choice than {mix.label} of all layers would be"
        )
        return False

    def _options(
        self, mix: Mix, choices: Sequence[tuple[Recipe, TargetSpec]], layers: Sequence[Layer]
    ) -> list[list[Option]]:
        rows: list[list[Option]] = [[] for _ in layers]
        for recipe, target in choices:
            errors = self._errors(mix, recipe, target, layers)
            for row, layer, error in zip(rows, layers, errors, strict=True):
                row.append(Option(self._size(recipe, target, layer), error))
                if self._rounded(target, layer)[1] != self._rounded(choices[0][1], layer)[1]:
                    self.sensitive.append(Sensitive(self.file, layer.nodes[0], recipe.label, error))
        return rows

    def _size(self, recipe: Recipe, target: TargetSpec, layer: Layer) -> float:
        if self.goal == "speed":
            return layer.work * (1.0 if recipe.exact else 0.5)
        return float(self._rounded(target, layer)[1])

    def _rounded(self, target: TargetSpec, layer: Layer) -> tuple[Any, float]:
        found: tuple[Any, float] = FORMATS[target.kind].rounded(
            target, layer.nodes[0], layer.values, layer.axes
        )
        return found

    def _errors(
        self, mix: Mix, recipe: Recipe, target: TargetSpec, layers: Sequence[Layer]
    ) -> list[float]:
        """Return how far each layer alone, stored as `recipe` says, moves the detections."""
        if recipe is mix.choices[0]:  # what errors are counted from
            return [0.0] * len(layers)
        made = self.tried.get(target)
        ranges = made.made.ranges if made is not None else {}
        probe = self.probe()
        said = {"probe": probe.key, "target": str(target), "ranges": dict(ranges)}
        self.pace.begin()
        kept = self.kept.get("layers", said)
        if isinstance(kept, list) and len(kept) == len(layers):
            errors = [float(v) for v in kept]
        else:
            errors = []
            for i, layer in enumerate(layers):
                self.pace(f"{self.file}, {recipe.label}: layer {i + 1} of {len(layers)} alone")
                errors.append(probe.error(layer, self._change(target, layer, ranges)))
            self.kept.put("layers", said, errors)
        self.pace.end()
        return errors

    def _change(
        self, target: TargetSpec, layer: Layer, ranges: Mapping[str, tuple[float, float]]
    ) -> Change:
        weights, _ = self._rounded(target, layer)
        if target.precision == "int8-dynamic":
            return Change(weights, inputs=layer.inputs)
        return Change(weights, own_ranges(layer, ranges))

    def _mixed(
        self,
        mix: Mix,
        choices: Sequence[tuple[Recipe, TargetSpec]],
        layers: Sequence[Layer],
        state: State,
        options: Sequence[Sequence[Option]],
    ) -> Recipe:
        """Return the recipe of a state. Layers that no choice makes smaller are left unsaid."""
        nodes: list[list[str]] = [[] for _ in choices]
        end = self.tried.get(choices[-1][1])
        ranges = end.made.ranges if end is not None and mix.blocks else {}
        told = []
        for layer, choice, row in zip(layers, state, options, strict=True):
            if len({o.size for o in row}) > 1:
                nodes[choice] += layer.block(own_ranges(layer, ranges))
                told.append(choice)
        keys: Keys = mix.keys([c for c, _ in choices])(nodes)
        counts = [
            f"{told.count(k)} {'float' if k == 0 else c.label}"
            for k, (c, _) in enumerate(choices)
            if told.count(k)
        ]
        return Recipe(f"{mix.label}: {', '.join(counts)}", keys)


def own_ranges(
    layer: Layer, ranges: Mapping[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Return the ranges of the values that a layer and its followers give, by the graph's names.

    A file's tensor is called as the graph's value, and `:nhwc` or `/int8` behind where it lies
    otherwise or is there twice.
    """
    own = {*layer.outputs, *layer.followers}
    found = {}
    for name, ends in ranges.items():
        plain = name.removesuffix("/int8")
        for value in (plain, plain.rpartition(":")[0]):
            if value in own:
                found[value] = ends
    return found
