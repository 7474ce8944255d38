"""What a run has found: printed as it comes, and kept for the files."""

import csv
import math
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

# docs/exactness.md: of ab, and of a picture's levels of 255 (half a level is our rounding).
AB_BOUND = 2e-3
# Of others: by the first part of their architecture.
AB_BOUNDS = {"ddcolor": 5e-3, "deoldify": 6e-3}
LEVEL_BOUND = 0.5 + 0.051
# Other runtimes' float32 is a little further off; beyond this it would be another computation.
PEER_AB_BOUND = 2e-2


def ab_bound(network):
    return AB_BOUNDS.get(network.partition("-")[0], AB_BOUND)


@dataclass
class Bound:
    what: str
    value: float
    limit: float
    at_least: bool
    is_met: bool


class Results:
    def __init__(self):
        self.text = []
        self.values = []
        self.bounds = []
        # Why the figures do not count, and what makes the run fail.
        self.noise = []
        self.failures = []

    # ---- Text, in Markdown that can be read as it is ----

    def say(self, text):
        self.text.append(text)
        print(text, end="\n\n", flush=True)

    def section(self, title):
        self.say(f"## {title}\n\nLoad average {load_average()} when this part began.")

    def table(self, header, rows):
        """Columns are as wide as their cells; all but the first end at their right."""
        cells = [header, *([cell(value) for value in row] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(header))]

        def line(row):
            aligned = [row[0].ljust(widths[0])]
            aligned += [text.rjust(width) for text, width in zip(row[1:], widths[1:])]
            return "| " + " | ".join(aligned) + " |"

        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        self.say("\n".join([line(cells[0]), line(rule), *map(line, cells[1:])]))

    # ---- Figures ----

    def record(self, part, subject, quantity, unit, values, **conditions):
        """Keeps every single value, and returns their median."""
        for number, value in enumerate(values):
            self.values.append(
                {"part": part, "subject": subject, **conditions, "quantity": quantity,
                 "unit": unit, "number": number, "value": value}
            )  # fmt: skip
        return statistics.median(values)

    def select(self, part, quantity):
        """(subject, conditions) -> median, of what was recorded."""
        groups = {}
        for row in self.values:
            if (row["part"], row["quantity"]) == (part, quantity):
                conditions = tuple(row.get(name) for name in ("network", "threads", "pixels"))
                groups.setdefault((row["subject"], *conditions), []).append(row["value"])
        return {key: statistics.median(values) for key, values in groups.items()}

    def bound(self, what, value, limit, at_least=False):
        is_met = value >= limit if at_least else value <= limit
        self.bounds.append(Bound(what, value, limit, at_least, is_met))

    def difference(self, what, value, limit):
        """A result that is not the reference's: its speed is that of something else."""
        if not value <= limit:
            self.failures.append(f"{what} differs by {value:.2e}; the bound is {limit:.2e}")

    # ---- The end ----

    def conclude(self):
        if self.bounds:
            self.say("## Bounds")
            self.table(
                ["what", "measured", "bound", ""],
                [
                    [
                        bound.what, bound.value,
                        f"{'>=' if bound.at_least else '<='} {bound.limit:g}",
                        "met" if bound.is_met else "missed",
                    ]
                    for bound in self.bounds
                ],
            )  # fmt: skip
        verdicts = [f"**This run does not count**: {reason}." for reason in self.noise]
        verdicts += [f"**Not the same result**: {failure}." for failure in self.failures]
        for verdict in verdicts:
            print(verdict)
        # In the file that comes first.
        self.text[1:1] = verdicts

    def write(self, folder, name, plot):
        """name.md, name.csv and name.png; each appears when it is complete."""
        folder.mkdir(parents=True, exist_ok=True)

        def write_csv(path):
            names = list(dict.fromkeys(name for row in self.values for name in row))
            with open(path, "w", newline="") as file:
                writer = csv.DictWriter(file, names, lineterminator="\n")
                writer.writeheader()
                writer.writerows(self.values)

        for suffix, writer in [
            (".png", lambda path: plot(self, path)),
            (".csv", write_csv),
            (".md", lambda path: path.write_text("\n\n".join(self.text) + "\n")),
        ]:
            # The suffix stays the last one: it says which format a plot has.
            unfinished = folder / f".{name}.{os.getpid()}{suffix}"
            try:
                writer(unfinished)
                unfinished.replace(folder / f"{name}{suffix}")
            finally:
                unfinished.unlink(missing_ok=True)


def cell(value):
    """Three significant digits for what was measured; small ones are differences."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    if not math.isfinite(value):
        return "-"
    if value == 0 or 1e-2 <= abs(value) < 1e5:
        digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:.{digits}f}"
    return f"{value:.1e}"


def load_average():
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def processor():
    """The processor's name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return os.uname().machine
