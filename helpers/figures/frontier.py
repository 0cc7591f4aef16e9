"""The frontier: how late a client hears the news, against how often it asks.

Plan: a ledger holds a lane for each way of hearing: its requests, and each piece of news as a
span of kind "queued", from when it happened to when this client had it. So a lane is one
point: requests a second of one client, and the mean of its lags, both axes by tens. Ways that
poll lie near a line which is known beforehand: half of the interval. It is drawn thin and
grey, because it was not measured. A way that is told lies off that line.

Left out: the spread of the lags. With an interval they lie anywhere between nought and it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from helpers.figures import prediction, style, units
from helpers.figures.prediction import Guesses, Panels
from helpers.figures.style import Words
from helpers.ledger import Ledger


class Point(NamedTuple):
    """A way of hearing the news: requests a second of one client, and the mean lag."""

    lane: str
    requests_per_s: float
    lag_s: float


def points(ledger: Ledger) -> list[Point]:
    """Return a point for each lane that has requests and news, by requests a second.

    The label of a request names its client. A ValueError if there is no such lane.
    """
    requests: dict[str, dict[str, list[float]]] = {}
    lags: dict[str, list[float]] = {}
    times: list[float] = []
    for start_s, end_s, lane, kind, label in list(ledger.rows):
        if kind == "request":
            requests.setdefault(lane, {}).setdefault(label, []).append(start_s)
            times += [start_s, end_s]
        elif kind == "queued":
            lags.setdefault(lane, []).append(end_s - start_s)
    both = [lane for lane in requests if lane in lags]
    if not both:
        raise ValueError("its ledger holds no lane with requests and news")
    length_s = max(times) - min(times)
    found = []
    for lane in both:
        rates = [_rate(starts_s, length_s) for starts_s in requests[lane].values()]
        per_s = sum(rates) / len(rates)
        found.append(Point(lane, per_s, sum(lags[lane]) / len(lags[lane])))
    return sorted(found, key=lambda point: point.requests_per_s)


def _rate(starts_s: list[float], length_s: float) -> float:
    """Return the requests per second of a client; n requests have n - 1 intervals."""
    if len(starts_s) < 2:
        return 1 / length_s
    return (len(starts_s) - 1) / (max(starts_s) - min(starts_s))


def draw(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    told: Collection[str] = (),
):
    """Return the figure; `told` names the lanes that are told the news, the others poll.

    A prediction is a lag. A ValueError for more or less than one panel, or a ledger without
    points.
    """
    predictions = predictions or {}
    title, found = _found(panels, predictions)
    figure, (ax,) = style.new_figure(1, 4.1)
    figure.subplots_adjust(left=0.1, right=0.97)
    xs, ys = [p.requests_per_s for p in found], [p.lag_s for p in found]
    guesses = [g for guess in predictions.values() for g in guess.within("s")]
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(min(xs) / 1.6, max(xs) * 2.2)
    ax.set_ylim(min(ys) / 2, prediction.reach(1.5 * max(ys), guesses) * 1.4)
    _ticks(ax)
    low, high = min(p.requests_per_s for p in found if p.lane not in told), max(xs)
    line = [low / 1.5, high * 1.5]
    ax.plot(line, [0.5 / x for x in line], color=style.GREY, lw=0.9, zorder=2)
    middle = (low * high) ** 0.5 * 1.15
    ax.annotate(
        "half of the interval",
        (middle, 0.5 / middle),
        (10, 8),
        textcoords="offset points",
        color=style.GREY,
        fontsize=9.5,
    )
    for point in found:
        marker = "D" if point.lane in told else "o"
        ax.plot(point.requests_per_s, point.lag_s, marker, color=style.INK, ms=7, zorder=4)
        ax.annotate(
            point.lane,
            (point.requests_per_s, point.lag_s),
            (9, 0) if point.lane in told else (-9, -4),
            textcoords="offset points",
            ha="left" if point.lane in told else "right",
            va="center" if point.lane in told else "top",
            fontsize=9.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
    if title in predictions:
        prediction.draw(ax, predictions[title], unit="s", across=True)
    ax.grid(color=style.GRID, lw=0.6)
    ax.set_xlabel("requests per second, of one client")
    ax.set_ylabel("mean lag in seconds")
    style.head(ax, title, "both axes by tens")
    return figure


def describe(
    panels: Panels,
    predictions: Guesses | None = None,
    *,
    told: Collection[str] = (),
) -> Words:
    """Return the same figure in words: which way needs more requests, and which is later."""
    predictions = predictions or {}
    title, found = _found(panels, predictions)
    words = Words(title)
    words.stable.append(
        "Points: from left to right requests per second of one client, upwards the mean lag "
        "in seconds, both by tens. A thin grey line: a lag of half of the interval."
    )
    polling = [p for p in found if p.lane not in told]
    by_lag = sorted(polling, key=lambda p: p.lag_s)
    is_trade = by_lag == sorted(polling, key=lambda p: -p.requests_per_s)
    words.stable.append(
        f"Of {style.count(len(polling), 'way')} to poll, "
        + ("the more it asks, the sooner it knows." if is_trade else "not all lie in one order.")
    )
    for point in found:
        if point.lane in told:
            ahead = all(
                point.lag_s < p.lag_s and point.requests_per_s < p.requests_per_s for p in polling
            )
            words.stable.append(
                f"{_one_line(point.lane)}: "
                + ("fewer requests and a smaller lag than any that polls." if ahead else "mixed.")
            )
    words.measured += [
        f"{_one_line(p.lane)}: {p.requests_per_s:.2g} requests per second, "
        f"mean lag {units.either(p.lag_s)}."
        for p in found
    ]
    if title in predictions:
        words.measured.append(prediction.words(title, predictions[title]))
    return words


def _one_line(lane: str) -> str:
    return " ".join(lane.split())


def _ticks(ax) -> None:
    """Write round numbers on both axes, as people write them."""
    for axis, (low, high) in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        steps = [step * 10**power for power in range(-5, 5) for step in (1, 2, 5)]
        ticks = [round(value, 6) for value in steps if low <= value <= high]
        axis.set_ticks(ticks, [f"{value:g}" for value in ticks])
    ax.minorticks_off()


def _found(panels, predictions) -> tuple[str, list[Point]]:
    if len(panels) != 1:
        raise ValueError(f"panels={list(panels)}: the figure shows one ledger")
    [(title, ledger)] = panels.items()
    try:
        found = points(ledger)
    except ValueError as error:
        raise ValueError(f"panel {title!r}: {error}") from None
    prediction.check(predictions, panels, ("s", "ms"))
    return title, found
