"""The model card's table: two models on photographs that neither was trained on.

    python training/figures.py --command libcolorize --baseline OLD.safetensors DIR

Runs `libcolorize evaluate` for the built-in model and the other one at network sizes 128 and 256,
without hints and with ten, and prints the figures as Markdown.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (128, 256)
HINTS = (0, 10)
COLUMNS = {
    "AuC": "auc",
    "rebalanced AuC": "rebalanced_auc",
    "PSNR": "psnr",
    "CIEDE2000": "ciede2000",
    "chroma": "chroma",
    "colorfulness": "colorfulness",
}


def evaluate(command, model, hints, folder):
    """name of a row -> figures, as `libcolorize evaluate` gives them."""
    with tempfile.TemporaryDirectory() as directory:
        table = Path(directory) / "figures.csv"
        arguments = [command, "evaluate", "--csv", table, "--hints", str(hints)]
        for size in SIZES:
            arguments += ["--network-size", str(size)]
        if model:
            arguments += ["--model", model]
        subprocess.run([*arguments, folder], check=True, stdout=subprocess.DEVNULL)
        with table.open() as file:
            return {row["name"]: row for row in csv.DictReader(file)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--command", default="libcolorize")
    parser.add_argument("--model", help="default: the built-in model")
    parser.add_argument("--baseline", required=True)
    parser.add_argument("folder")
    arguments = parser.parse_args()

    print(f"| hints | network size | model | {' | '.join(COLUMNS)} |")
    print(f"|{'---|' * (3 + len(COLUMNS))}")
    for hints in HINTS:
        models = {"this": arguments.model, "bootstrap": arguments.baseline}
        tables = {
            name: evaluate(arguments.command, model, hints, arguments.folder)
            for name, model in models.items()
        }
        rows = [("", "gray", tables["this"]["gray"]), ("", "truth", tables["this"]["ground truth"])]
        rows += [
            (size, name, table[f"network at {size}"])
            for size in SIZES
            for name, table in tables.items()
        ]
        for size, name, row in rows:
            cells = [f"{float(row[column]):.2f}" for column in COLUMNS.values()]
            print(f"| {hints} | {size} | {name} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
