"""The page of a diagnosis: charts of what was found, each with a sentence that says what it shows and what one does about it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from drawgen.charts import COLOURS, chart
from drawgen.diagnosis import SATURATED
from drawgen.jobs.findings import Layer
from drawgen.report_pages import Section, Table

MOST_DRAWN = 6
"""Curves of a chart."""
MOST_ROWS = 24
"""Rows of a table; the rest is in report.json."""
DECADES = 6
"""Powers of ten above the largest norm that a chart has room for: a bound may lie far above them."""
HEALTHY = (1e-4, 1e-2)
"""Shares by which a step moves weights in most good trainings; Karpathy's rule of thumb is 0.001."""
DEAD, RESTLESS = 1e-5, 3e-2
ORDER = ("exploding", "vanishing", "fading", "growing", "steady", "unclear")


def sections_of(layers: Mapping[str, Layer]) -> Iterator[Section]:
    """What was found in the layers."""
    yield gradients(layers)
    if any(layer.values for layer in layers.values()):
        yield matrices({name: layer for name, layer in layers.items() if layer.values})
    if any(layer.jacobian for layer in layers.values()):
        yield jacobians({name: layer for name, layer in layers.items() if layer.jacobian})
    if any(layer.gates for layer in layers.values()):
        yield gates({name: layer for name, layer in layers.items() if layer.gates})
    if any(layer.half_lives for layer in layers.values()):
        yield memories({name: layer for name, layer in layers.items() if layer.half_lives})


def advice(layer: Layer) -> str:
    """What a gradient means, and what one does about it."""
    mend = {
        "rnn": "a cell with gates (gru, lstm) lets more of it through",
        "lstm": "a larger forget bias to begin with, attention or skip connections let more of it through",
        "spatial lstm": "a layout (model.layout), the picture seen small, brings in what is far away",
        "depth": "skip connections let more of it through",
    }.get(layer.kind, "attention or skip connections let more of it through")
    return {
        "vanishing": f"it vanishes: from what is further back hardly anything is learned; {mend}",
        "fading": f"it fades, and a part of it gets through; {mend}",
        "growing": "the earlier a state, the more it counts, which does no harm as long as clipping hardly acts",
        "exploding": "it explodes: clip the gradient's norm (fit.clip), lower the rate, or start with smaller recurrent weights",
        "steady": "it keeps its size, and nothing has to be done",
        "unclear": "there are too few steps to say more",
    }[layer.verdict]


def by_severity(layers: Mapping[str, Layer]) -> list[tuple[str, Layer]]:
    return sorted(layers.items(), key=lambda item: ORDER.index(item[1].verdict))


def steps_of(layers: Mapping[str, Layer]) -> str:
    """What a step is called."""
    kinds = {layer.kind for layer in layers.values()}
    return "diagonals" if kinds == {"spatial lstm"} else "blocks" if kinds == {"depth"} else "steps"


def few(layers: Mapping[str, Layer]) -> list[tuple[str, Layer]]:
    """The layers that are drawn: the longest."""
    names = sorted(layers, key=lambda name: -len(layers[name].lags))[:MOST_DRAWN]
    return [(name, layer) for name, layer in layers.items() if name in names]


# ---------------------------------------------------------------- gradients


def gradients(layers: Mapping[str, Layer]) -> Section:
    step = steps_of(layers)[:-1]
    shown = few(layers)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        largest = max(max(layer.lags) for _, layer in shown)
        bounds = [size for _, layer in shown for size in layer.bound]
        top = min(max([largest, *bounds]), largest * 10**DECADES)
        least = min(size for _, layer in shown for size in layer.lags if size > 0)
        ends = []
        for (name, layer), colour in zip(shown, COLOURS, strict=False):
            lags = range(len(layer.lags))
            axes.plot(lags, [size or math.nan for size in layer.lags], color=colour)
            ends.append((len(layer.lags) - 1, layer.lags[-1] or least, f"{name}  {rate_of(layer)}", colour))
            inside = [size if 0 < size < 100 * top else math.nan for size in layer.bound]
            axes.plot(range(len(inside)), inside, color=colour, linestyle=(0, (4, 3)), linewidth=1.6)
        axes.set_ylim(least / 3, top * 3)
        by_decades(axes)
        axes.set_xlabel(f"lag: {step}s back from the last")
        axes.set_ylabel("norm of the gradient")
        axes.set_xlim(0, max(len(layer.lags) for _, layer in shown) - 1)
        label(axes, ends)
        if bounds:
            place = next((name, layer) for name, layer in shown if layer.bound)[1]
            by = "singular values and slopes" if place.by_slopes else "the Jacobians' singular values"
            note(axes, f"dashed: the bound, the product of {by}")

    rows = [
        (name, layer.kind, str(len(layer.lags) - 1), rate_of(layer), "-" if layer.reach == math.inf else f"{layer.reach:.0f}",
         layer.verdict, "its own steps" if layer.alone else "another way, too")
        for name, layer in by_severity(layers)
    ]  # fmt: skip
    header = ("layer", "cell", "lags", f"factor per {step}", "below 1 % from lag", "verdict", "comes back through")
    return Section(
        "gradient", "How far back the loss reaches", gradient_words(layers, step), chart(draw), Table(header, rows[:MOST_ROWS])
    )


def gradient_words(layers: Mapping[str, Layer], step: str) -> str:
    (name, worst), *_ = by_severity(layers)
    lags = len(worst.lags) - 1
    words = f"In {name} the gradient of the last {step}'s loss "
    if math.isfinite(worst.rate):
        change = abs(1 - worst.rate)
        words += f"{'shrinks' if worst.rate < 1 else 'grows'} by {share(change)} per {step}"
        words += (
            f" and is below 1 % from lag {worst.reach:.0f} on" if worst.reach < math.inf else f" over the {lags} that were seen"
        )
    else:
        words += "is zero before the last step"
    words += f"; {advice(worst)}."
    if (other := [(n, layer) for n, layer in layers.items() if not layer.alone]) and worst.verdict not in (
        "vanishing",
        "exploding",
    ):
        words += f" In {listed([n for n, _ in other])} it comes back by another way than the layer's own {step}s (other layers, "
        words += "attention, a canvas), so that no bound of the layer alone holds."
    if any(layer.bound for layer in layers.values()):
        words += " The bound says how much it could grow at most: what is measured lies under it always, and mostly far."
    return words


def rate_of(layer: Layer) -> str:
    return f"×{layer.rate:.2f}" if math.isfinite(layer.rate) else "-"


def share(value: float) -> str:
    """A share as a percentage.

    >>> share(0.047), share(1.2), share(0.0)
    ('4.7 %', '120 %', '0 %')
    """
    return f"{100 * value:.{0 if value >= 0.0995 or value == 0 else 1}f} %"


def listed(names: Sequence[str]) -> str:
    """Some names, and how many more there are."""
    shown = list(names[:3])
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def label(axes: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Names at the ends of curves, right of the axes, moved apart where they would overlap."""
    transform = axes.transData
    low, high = axes.transAxes.transform((0, 0))[1], axes.transAxes.transform((0, 1))[1]
    places = sorted((min(max(transform.transform((x, y))[1], low), high), text, colour) for x, y, text, colour in ends)
    apart, before = 22.0, -math.inf
    for height, text, colour in places:
        before = max(height, before + apart)
        axes.text(1.01, (before - low) / (high - low), text, transform=axes.transAxes, color=colour, va="center", fontsize=12)


def by_decades(axes: Any) -> None:
    """A logarithmic scale, with plain numbers (1, 2, 5, 10 ...) where it has less than two powers of ten."""
    from matplotlib.ticker import LogLocator

    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < 100 * low:
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")


def note(axes: Any, text: str) -> None:
    """What the kinds of lines are, above the axes."""
    axes.text(1, 1.02, text, transform=axes.transAxes, ha="right", va="bottom", fontsize=11, color="#444")


# ---------------------------------------------------------------- matrices


def panels(figure: Any, count: int) -> list[Any]:
    """Axes side by side, at most three in a row."""
    columns = min(3, count)
    return list(figure.subplots(-(-count // columns), columns, squeeze=False).flatten())


def matrices(layers: Mapping[str, Layer]) -> Section:
    shown = few(layers)

    def draw(figure: Any) -> None:
        every = panels(figure, len(shown))
        for axes, (name, layer) in zip(every, shown, strict=False):
            for (gate, values), colour in zip(layer.values.items(), COLOURS, strict=False):
                axes.plot([(n + 1) / len(values) for n in range(len(values))], values, color=colour, label=gate)
            axes.axhline(1, color="#444", linewidth=1, linestyle=(0, (2, 2)))
            axes.set_title(name, fontsize=13)
            axes.set_ylim(bottom=0)
            if len(layer.values) > 1:
                axes.legend(fontsize=10)
        every[0].set_ylabel("singular value")
        for axes in every[: len(shown)]:
            axes.set_xlabel("share of the directions")
        for axes in every[len(shown) :]:
            axes.set_visible(False)

    rows = [
        (name, gate, f"{values[0]:.2f}", "-" if math.isnan(layer.radii[gate]) else f"{layer.radii[gate]:.2f}")
        for name, layer in layers.items()
        for gate, values in layer.values.items()
    ]
    plainly = [(name, layer) for name, layer in layers.items() if layer.kind == "rnn"]
    words = "The singular values of the recurrent matrices, by gate, say how much a step can stretch a state. "
    if plainly:
        name, layer = max(plainly, key=lambda item: next(iter(item[1].values.values()))[0])
        (values,) = layer.values.values()
        if values[0] < 1:
            words += f"In {name} the largest is {values[0]:.2f}, under 1, so that gradients have to vanish: "
            words += "start with larger recurrent weights, orthogonal ones, or take gates."
        else:
            words += f"In {name} the largest is {values[0]:.2f}: above 1 gradients can explode, and need not; clipping guards."
    else:
        name, gate, largest = max(
            ((name, gate, values[0]) for name, layer in layers.items() for gate, values in layer.values.items()),
            key=lambda found: found[2],
        )
        words += (
            f"The largest is {largest:.1f}, of the {gate} gate in {name}. "
            if gate != "candidate"
            else (f"The largest is {largest:.1f}, of the candidate in {name}. ")
        )
        words += (
            "In cells with gates they alone decide nothing, because what is kept goes past the matrices; large ones drive gates to "
        )
        words += "their ends. Weight decay makes them smaller."
    height = 4.2 * -(-len(shown) // 3)
    return Section(
        "matrices", "The recurrent matrices", words, chart(draw, width=11, height=height),
        Table(("layer", "matrix", "largest singular value", "spectral radius"), rows[:MOST_ROWS]),
    )  # fmt: skip


def jacobians(layers: Mapping[str, Layer]) -> Section:
    shown = few(layers)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        ends = []
        for (name, layer), colour in zip(shown, COLOURS, strict=False):
            steps, values = list(layer.jacobian), list(layer.jacobian.values())
            axes.plot(steps, values, color=colour)
            ends.append((steps[-1], values[-1], name, colour))
            if layer.jacobian_radii:
                axes.plot(list(layer.jacobian_radii), list(layer.jacobian_radii.values()), "o", color=colour, markersize=5)
        axes.axhline(1, color="#444", linewidth=1, linestyle=(0, (2, 2)))
        by_decades(axes)
        axes.set_xlabel(steps_of(layers)[:-1])
        axes.set_ylabel("stretch of the state")
        note(axes, "line: largest singular value; dots: spectral radius")
        label(axes, ends)

    every = [
        (name, geometric(list(layer.jacobian.values())), list(layer.jacobian_radii.values())) for name, layer in layers.items()
    ]
    name, largest, circles = max(every, key=lambda found: found[1])
    radius = geometric(circles) if circles else 1.0
    words = f"One step stretches the state of {name} by a factor of up to {largest:.2f}, in the worst direction. "
    if largest < 1:
        words += "Under 1 every direction shrinks: the memory is short, and gradients vanish."
    elif not circles:
        words += "Above 1 some directions can grow, and with them their gradients."
    elif radius > 1.2:
        words += f"Its spectral radius is {radius:.2f}: kept up, it makes gradients explode. Clipping guards; so does weight decay."
    elif radius < 0.9:
        words += f"Its spectral radius is {radius:.2f}, so that nothing stays for long."
    else:
        words += (
            f"Its spectral radius is {radius:.2f}, close to 1: some directions keep what they have, which is what a memory needs."
        )
    rows = [
        (name, f"{stretch:.2f}", f"{geometric(circles):.2f}" if circles else "-")
        for name, stretch, circles in every
    ]  # fmt: skip
    return Section(
        "jacobian", "How a step stretches the state", words, chart(draw),
        Table(("layer", "largest singular value (geometric mean)", "spectral radius"), rows[:MOST_ROWS]),
    )  # fmt: skip


def geometric(values: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(math.log(max(value, 1e-30)) for value in values) / len(values))


# ---------------------------------------------------------------- gates


def gates(layers: Mapping[str, Layer]) -> Section:
    every = [(name, gate, *found) for name, layer in layers.items() for gate, found in layer.gates.items()]
    shown = every[: 2 * MOST_DRAWN + 4]

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        for place, (_, _, low, high, _) in enumerate(shown):
            axes.barh(place, low, color=COLOURS[0])
            axes.barh(place, 1 - low - high, left=low, color="#e4e4e4")
            axes.barh(place, high, left=1 - high, color=COLOURS[1])
        axes.set_yticks(range(len(shown)), [f"{name}: {gate}" for name, gate, *_ in shown])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of steps and units")
        axes.grid(visible=False)
        axes.text(0, -0.9, f"shut, below {SATURATED[0]:g}", color=COLOURS[0], fontsize=12)
        axes.text(1, -0.9, f"open, above {SATURATED[1]:g}", color=COLOURS[1], fontsize=12, ha="right")

    name, gate, low, high, _ = max(every, key=lambda found: found[2] + found[3])
    words = f"The {gate} gate of {name} is at one of its ends most often: {share(low)} shut, {share(high)} open. "
    if low + high > 0.95:
        words += "A gate at its end has no slope and learns nothing more: lower the rate, or add weight decay."
    elif low + high > 0.7:
        words += (
            "Trained gates decide, and much of this is right; a gate at its end hardly learns, so if the loss stands still, lower "
        )
        words += "the rate or add weight decay."
    else:
        words += "Most gates are between their ends and can still learn."
    rows = [(name, gate, share(low), share(high), f"{mean:.2f}") for name, gate, low, high, mean in every]
    return Section(
        "gates", "Gates at their ends", words, chart(draw, width=10, height=1.4 + 0.42 * len(shown)),
        Table(("layer", "gate", "below .1", "above .9", "mean"), rows[:MOST_ROWS]),
    )  # fmt: skip


def memories(layers: Mapping[str, Layer]) -> Section:
    shown = few(layers)

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        ends = []
        for (name, layer), colour in zip(shown, COLOURS, strict=False):
            lives = layer.half_lives
            axes.plot([100 * (n + 0.5) / len(lives) for n in range(len(lives))], lives, color=colour)
            ends.append((100.0, lives[-1], name, colour))
        by_decades(axes)
        axes.set_xlim(0, 100)
        axes.set_xlabel("% of the units, from the shortest memory to the longest")
        axes.set_ylabel(f"half life, {steps_of(layers)}")
        label(axes, ends)

    name = max(layers, key=lambda one: layers[one].half_lives[-1])
    lives = layers[name].half_lives
    middle, longest = lives[len(lives) // 2], lives[-1]
    steps, unit = layers[name].steps, steps_of(layers)
    words = f"Half of the units of {name} forget half of what they hold within {life(middle)} {unit}; the longest memory has a "
    words += f"half life of {life(longest)} {unit}. "
    if longest < steps / 4:
        words += f"The sequences have {steps}: a larger forget bias (1 or 2) to begin with keeps more."
    else:
        words += f"Of {steps} {unit} that is enough to reach back."
    rows = [
        (one, life(layer.half_lives[len(layer.half_lives) // 2]), life(layer.half_lives[-1]), str(layer.steps))
        for one, layer in layers.items()
    ]
    return Section(
        "memory", "How long the memory lasts", words, chart(draw),
        Table(("layer", f"half life of the middle unit, {unit}", "of the longest", unit), rows[:MOST_ROWS]),
    )  # fmt: skip


def life(steps: float) -> str:
    """A half life in steps.

    >>> life(4.23), life(132.4), life(61205.0)
    ('4.2', '132', 'over 1,000')
    """
    return "over 1,000" if steps > 1000 else f"{steps:.{0 if steps >= 99.5 else 1}f}"


# ---------------------------------------------------------------- the log of a run


def clipping(rows: Sequence[Mapping[str, Any]]) -> Section | None:
    """Norms and the share of clipped steps from the lines of a run's log; None without norms."""
    players = sorted({name.removeprefix("norm") for row in rows for name in row if name == "norm" or name.startswith("norm/")})
    curves = {}
    for player in players:
        lines = [row for row in rows if row.get(f"norm{player}") is not None]
        if len(lines) > 1:
            curves[player] = {
                name: ([row["step"] for row in lines if row.get(name + player) is not None],
                       [row[name + player] for row in lines if row.get(name + player) is not None])
                for name in ("norm", "norm_after", "clipped")
            }  # fmt: skip
    if not curves:
        return None
    after = any(found["norm_after"][0] for found in curves.values())

    def draw(figure: Any) -> None:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
        for (player, found), colour in zip(curves.items(), COLOURS[::2], strict=False):
            whose = f" ({player[1:]})" if player else ""
            top.plot(*found["norm"], color=colour, label=f"before clipping{whose}")
            if found["norm_after"][0]:
                top.plot(*found["norm_after"], color=colour, linestyle=(0, (4, 2)), linewidth=1.6, label=f"after{whose}")
            if found["clipped"][0]:
                bottom.plot(found["clipped"][0], [100 * value for value in found["clipped"][1]], color=colour)
        by_decades(top)
        top.set_ylabel("norm of the gradient")
        top.legend()
        bottom.set_ylabel("% clipped")
        bottom.set_ylim(-2, 102)
        bottom.set_xlabel("training step")

    words, table = [], []
    for player, found in curves.items():
        whose = f" of {player[1:]}" if player else ""
        clipped = found["clipped"][1]
        often = sum(clipped) / len(clipped) if clipped else 0.0
        late = clipped[-max(1, len(clipped) // 4) :]
        lately = sum(late) / len(late) if late else 0.0
        norms = found["norm"][1]
        table.append(
            (player[1:] or "model", share(often), share(lately), f"{sorted(norms)[len(norms) // 2]:.3g}", f"{max(norms):.3g}")
        )
        words.append(f"{share(often)} of the steps{whose} were clipped, {share(lately)} in the last quarter.")
        if not clipped:
            words[-1] = f"The steps{whose} were not clipped (fit.clip is 0)."
        elif lately > 0.9:
            words.append("Nearly every step has the largest length that is allowed, so that fit.clip sets the rate: raise it.")
        elif often < 0.01 and max(norms) < 10 * sorted(norms)[len(norms) // 2]:
            words.append("Clipping hardly ever acts, and does no harm.")
        else:
            words.append("It cuts the peaks, as it should.")
    if not after:
        words.append("The norm after clipping was not logged: the run is older than this.")
    header = ("player", "clipped", "in the last quarter", "median norm", "largest norm of a line")
    return Section("clipping", "Clipping", " ".join(words), chart(draw, height=5.6), Table(header, table))


def updates(rows: Sequence[Mapping[str, Any]], prefix: str) -> Section | None:
    """How far steps move each tensor, from the lines of a run's log; None where it was not logged."""
    names = list(dict.fromkeys(name for row in rows for name in row if name.startswith(prefix)))
    series = {name.removeprefix(prefix): [(row["step"], row[name]) for row in rows if row.get(name) is not None] for name in names}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    late = {name: geometric([value for _, value in points[-max(1, len(points) // 4) :]]) for name, points in series.items()}
    largest = {name: geometric(sorted(value for _, value in points)[len(points) // 2 :]) for name, points in series.items()}
    order = sorted(series, key=lambda name: largest[name])
    chosen = list(dict.fromkeys([*order[-3:][::-1], order[len(order) // 2], *order[:2]]))

    def draw(figure: Any) -> None:
        axes = figure.subplots()
        axes.axhspan(*HEALTHY, color="#eef6ee")
        ends = []
        for name, colour in zip(chosen, COLOURS, strict=False):
            steps, values = zip(*series[name], strict=True)
            axes.plot(
                steps, [value or math.nan for value in values], color=colour, linewidth=1.8, marker="o" if len(steps) == 1 else None
            )
            ends.append((steps[-1], max(values[-1], 1e-12), name, colour))
        by_decades(axes)
        axes.set_xlabel("training step")
        axes.set_ylabel("change of a step / weights")
        note(axes, "green: from 0.0001 to 0.01")
        label(axes, ends)

    top, low = order[-1], order[0]
    words = f"At the height of training a step changes {top} most, by {largest[top]:.1e} of its size, and {low} least, by "
    words += f"{largest[low]:.1e}. "
    if largest[top] > RESTLESS:
        words += "More than a few hundredths per step is restless: lower the rate, or give that tensor a smaller one."
    elif largest[low] < DEAD:
        words += f"{low} hardly learns: see whether a gradient reaches it, or give it a larger rate."
    else:
        words += "About 0.001 is usual; all of them learn."
    rows_ = [(name, f"{largest[name]:.1e}", f"{late[name]:.1e}") for name in reversed(order)]
    header = ("tensor", "change per step at its height", "in the last quarter")
    return Section("updates", "How far a step moves the weights", words, chart(draw, width=11), Table(header, rows_[:MOST_ROWS]))


def watch(layers: Mapping[str, Layer], weights: int, rows: Sequence[Mapping[str, Any]]) -> Section:
    """Whether anything is not finite: `weights` of the model, states and gradients, and lines of the log."""
    bad = [row for row in rows if any(name.split("/")[0] in ("loss", "norm") and row[name] is None for name in row)]
    states = sum(layer.broken for layer in layers.values())
    table = [
        ("weights", str(weights) if weights else "all are finite"),
        ("states and gradients of this diagnosis", str(states) if states else "all are finite"),
    ]
    if rows:
        table.append(("lines of the log", f"{len(bad)} of {len(rows)}" if bad else f"all of {len(rows)} are finite"))
    if bad:
        words = f"The run's loss stopped being a finite number at step {bad[0]['step']}; training ended there, and the last good "
        words += "state is kept. Lower fit.rate or fit.clip, and resume."
    elif weights or states:
        words = "Some numbers are not finite: lower fit.rate or fit.clip, and train from the last good state."
    else:
        words = "Nothing that was looked at is NaN or infinite."
    return Section("finite", "NaN watch", words, table=Table(("what", "not finite"), table))
