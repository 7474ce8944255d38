"""The figure of a run."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from results import cell

OURS = "libcolorize"
# Ours first; the same runtime has the same color everywhere.
COLORS = {
    OURS: "#d1495b",
    "ONNX Runtime": "#30638e",
    "OpenVINO": "#5b8db8",
    "ncnn": "#8fb3cf",
    "OpenCV": "#b9c9d6",
    "PyTorch": "#7a7a7a",
    "Python pipeline": "#7a7a7a",
}


def plot(results, path):
    """Writes the figure: a panel for each question that was asked."""
    figure = plt.figure(figsize=(15, 9), layout="constrained")
    grid = figure.add_gridspec(2, 3)
    # The first one has twice as many bars as the others.
    places = [grid[:, 0], grid[0, 1], grid[0, 2], grid[1, 1], grid[1, 2]]
    for panel, place in zip((networks, opening, memory, command, sizes), places):
        if panel(results):
            ax = figure.add_subplot(place)
            panel(results, ax)
            ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def bars(ax, title, groups, unit):
    """groups: label -> {subject: value}; bars of a group below each other, with their values, as
    shares of the group's longest."""
    place = 0
    ticks = []
    for label, values in groups.items():
        longest = max(values.values())
        first = place
        for subject, value in values.items():
            ax.barh(place, value / longest, color=COLORS[subject], height=0.86)
            ax.text(value / longest + 0.02, place, cell(float(value)), va="center", fontsize=7)
            place += 1
        ticks.append(((first + place - 1) / 2, label))
        place += 0.8
    ax.invert_yaxis()
    ax.set_yticks([tick for tick, _ in ticks], [label for _, label in ticks], fontsize=8)
    ax.set_xticks([])
    ax.set_xlim(0, 1.15)
    ax.spines["bottom"].set_visible(False)
    ax.set_title(f"{title}, {unit}", fontsize=10, loc="left")
    subjects = list(dict.fromkeys(s for values in groups.values() for s in values))
    handles = [plt.Rectangle((0, 0), 1, 1, color=COLORS[subject]) for subject in subjects]
    ax.legend(handles, subjects, fontsize=7, loc="upper center", ncols=3, frameon=False,
              bbox_to_anchor=(0.5, 0))  # fmt: skip


def grouped(figures, label):
    """(subject, network, threads, pixels) -> value, as label -> {subject: value}."""
    groups = {}
    for (subject, *conditions), value in figures.items():
        groups.setdefault(label(*conditions), {})[subject] = value
    return groups


def networks(results, ax=None):
    figures = results.select("networks", "time")
    if ax is not None:
        groups = grouped(figures, lambda network, threads, _: f"{network}\n{plural(threads)}")
        bars(ax, "A network at 256x256", groups, "ms")
    return bool(figures)


def opening(results, ax=None):
    figures = results.select("opening", "time")
    if ax is not None:
        bars(ax, "Opening and first picture", grouped(figures, lambda name, *_: name), "ms")
    return bool(figures)


def memory(results, ax=None):
    figures = results.select("memory", "peak")
    if ax is not None:
        bars(ax, "Peak memory of a process", grouped(figures, lambda name, *_: name), "MB")
    return bool(figures)


def command(results, ax=None):
    figures = results.select("command", "time")
    if ax is not None:

        def label(what, _, pixels):
            return f"{what}\n{pixels / 1e6:.2g} MP"

        bars(ax, "The whole command", grouped(figures, label), "s")
    return bool(figures)


def sizes(results, ax=None):
    figures = results.select("pixels", "cost")
    if ax is not None:
        lines = {}
        for (subject, _, threads, pixels), value in figures.items():
            label = f"{subject}, {plural(threads)}" if threads else f"{subject} without network"
            lines.setdefault((subject, label), []).append((pixels / 1e6, value))
        for number, ((subject, label), points) in enumerate(lines.items()):
            style = {"color": COLORS[subject], "linestyle": "-" if number else "--"}
            ax.plot(*zip(*points), marker="o", markersize=4, label=label, **style)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("megapixels", fontsize=8)
        ax.tick_params(labelsize=8)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=7, frameon=False)
        ax.set_title("A picture by its size, ms", fontsize=10, loc="left")
    return bool(figures)


def plural(threads):
    return f"{threads} thread{'s' if threads > 1 else ''}"
