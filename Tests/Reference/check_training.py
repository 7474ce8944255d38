"""Compares training with PyTorch: gradients, running statistics, optimisers, losses.

    LIBCOLORIZE_TRAINING_PROBE=.../training-probe python check_training.py [--only PART ...]

PyTorch computes in float64 and is the truth; what its own float32 makes of the same is printed
beside ours. A tensor's error is the norm of the difference over the norm of the tensor.
"""

import argparse
import subprocess
import sys

import numpy as np
import torch
from architectures import OWN

from make_fixtures import MODEL, seeded
from models import architecture
from report import Report
from torch_graph import Graph, is_statistic
from torch_training import PROBE, Reference, Task, probe, settle

GRADIENT_BOUND = 1e-4
# Or four times what PyTorch's float32 has: they are of activations that lite's many layers have
# rounded, and Winograd's algorithm rounds a few times more than a plain sum.
STATISTIC_BOUND = 1e-6
# A gradient's norm over that of all of them, below which it is none.
ZERO = 1e-10
# A few roundings, of sums over thousands of products.
OPERATOR_BOUND = 1e-5
OPTIMISER_BOUND = 1e-6
# Of a loss in the first steps; then PyTorch's float32 differs from its float64 by as much.
LOSS_BOUND = 5e-3


def instruction_sets():
    """Those that this processor has, best first."""
    sets = []
    for name in ("avx512", "avx2", "baseline"):
        # Without a file to read, it ends after it has looked at the instruction set.
        said = subprocess.run(
            [PROBE, "nothing", "nothing", "1", name], capture_output=True, text=True, check=False
        )
        if "instruction set" in said.stderr:
            print(f"  (not measured: this processor has no {name})")
        else:
            sets.append(name)
    return sets


def distance(actual, wanted, whole=None, zero=ZERO):
    """The norm of the difference over the norm; infinity where a tensor of zeros is none.

    With the norm of `whole`, of all tensors together: a tensor that is nothing beside it (`zero` of
    it) is a zero that float64 has rounded, and is compared with it.
    """
    difference = np.linalg.norm(np.asarray(actual, np.float64).ravel() - wanted.ravel())
    norm = np.linalg.norm(wanted.ravel())
    if whole and norm < zero * whole:
        norm = whole
    return difference / norm if norm else (np.inf if difference else 0)


def worst_gradient(actual, wanted, prefix=""):
    """The same for gradients. Where a batch norm takes away the bias of another one, with nothing
    but 1x1 convolutions and additions between them, as in lite's encoder, that bias has none."""
    whole = np.sqrt(sum(np.linalg.norm(gradient.ravel()) ** 2 for gradient in wanted.values()))
    return worst(actual, wanted, prefix, whole)


def worst_statistic(actual, wanted, prefix=""):
    """The same for running statistics. A mean is as exact as what it is the mean of: its error is
    beside the root of the channels' mean squares, whose square a variance's is beside too."""
    errors = []
    for name, value in wanted.items():
        if name.endswith("running_mean"):
            variance = wanted[name.removesuffix("mean") + "var"]
            whole = np.sqrt(np.sum(value**2 + variance))
            errors.append((distance(actual[prefix + name], value, whole, zero=1), name))
        else:
            errors.append((distance(actual[prefix + name], value), name))
    return max(errors)


def worst(actual, wanted, prefix="", whole=None):
    """The largest error of all tensors, and whose it is."""
    missing = {prefix + name for name in wanted} - set(actual)
    if missing or not wanted:
        raise RuntimeError(f"not given: {sorted(missing)}")
    return max((distance(actual[prefix + name], wanted[name], whole), name) for name in wanted)


# ---- Whole networks ------------------------------------------------------------------------------

NETWORKS = {
    # The heads are random, and lite's values in front of them large.
    "lite": Task("lite", 3, 64),
    "lite, extra heads": Task("lite", 2, 96, map=0.005, pooled=0.005),
    "lite, encoder frozen": Task("lite", 2, 64, frozen=("stem", "stage")),
    "lite1": Task("lite1", 3, 64),
    "lite1, extra heads": Task("lite1", 3, 64, map=0.005, pooled=0.005),
    "lite1, classifier frozen": Task("lite1", 2, 64, frozen=("stem", "stage", "top")),
    "compact": Task("compact", 3, 64),
    "compact, extra heads": Task("compact", 2, 96, map=0.7, pooled=0.7),
    "compact, encoder frozen": Task("compact", 2, 64, frozen=("stem", "enc4", "down8", "enc8")),
    "eccv16": Task("eccv16", 2, 64),
    "siggraph17, classes": Task("siggraph17", 2, 32),
    "siggraph17, L1": Task(
        "siggraph17", 2, 32, classification=0, regression=1, regression_kind="l1"
    ),
    "siggraph17, both": Task("siggraph17", 2, 32, classification=0.3, regression=2),
}


def check_networks(report, sets):
    report.section("gradients of whole networks: the worst tensor's; PyTorch's float32 first")
    for name, task in NETWORKS.items():
        module, batches = task.module(), task.batches(1)
        settle(task, module, batches[0])
        truth = Reference(task, module)
        loss = truth.backward(batches[0])
        gradients, statistics = truth.gradients(), truth.statistics()
        single = Reference(task, module, torch.float32)
        single.backward(batches[0])
        error, whose = worst_gradient(single.gradients(), gradients)
        single_statistics, _ = worst_statistic(single.statistics(), statistics)
        print(f"  {name}, loss {loss:.4f}: PyTorch's float32 {error:.2g} ({whose}),"
              f" statistics {single_statistics:.2g}")  # fmt: skip
        request = task.request(module, batches)
        for number, instruction_set in enumerate(sets):
            if number and task.network not in OWN:
                continue
            ours = probe(*request, instruction_set=instruction_set)
            what = f"{name}, {instruction_set}"
            error, whose = worst_gradient(ours, gradients, "gradient.")
            more = sum(name.startswith("gradient.") for name in ours) - len(gradients)
            report.row(f"{what}: gradients that PyTorch has not", more, 0)
            report.row(f"{what}: {whose}", error, GRADIENT_BOUND)
            error, whose = worst_statistic(ours, statistics, "statistic.")
            bound = max(STATISTIC_BOUND, 4 * single_statistics)
            report.row(f"{what}: {whose}", error, bound)
            report.row(f"{what}: loss", abs(float(ours["loss"][0]) / loss - 1), 1e-6)


# ---- Single operators ----------------------------------------------------------------------------


def convolution(inputs, outputs, kernel, stride, dilation, height, width, bias=1):
    """Behind a convolution of 1x1, whose output's gradient is that of the operator's input."""
    return Graph(
        f"{first(inputs)}\nown convolution 1 outputs={outputs} kernel={kernel} stride={stride} "
        f"dilation={dilation} bias={bias}",
        2, height, width, 3,
    )  # fmt: skip


def first(outputs, bias=1):
    return f"in convolution 0 outputs={outputs} kernel=1 stride=1 dilation=1 bias={bias}"


def graph(outputs, *lines, height=9, width=7, bias=1, frozen=()):
    return Graph("\n".join([first(outputs, bias), *lines]), 3, height, width, 4, frozen)


def operators():
    """name -> graph. Sides are odd, and channels no multiples of what kernels take at once."""
    result = {}
    for inputs, outputs, kernel, stride, dilation, height, width in [
        (5, 7, 3, 1, 1, 9, 7), (33, 40, 3, 1, 1, 11, 13), (64, 96, 3, 1, 1, 27, 21),
        (19, 35, 3, 2, 1, 11, 13), (16, 9, 3, 2, 1, 8, 10), (64, 70, 3, 2, 1, 31, 26),
        (6, 33, 3, 1, 2, 9, 11), (70, 64, 3, 1, 2, 23, 20), (40, 17, 1, 1, 1, 7, 5),
        (3, 4, 3, 1, 1, 1, 1), (3, 4, 3, 2, 1, 1, 5), (16, 48, 3, 1, 1, 13, 30),
        (80, 112, 3, 1, 1, 18, 19), (256, 128, 3, 1, 1, 33, 17),
    ]:  # fmt: skip
        name = f"convolution {inputs} to {outputs}, {kernel}x{kernel}"
        name += (", stride 2" if stride > 1 else "") + (", dilation 2" if dilation > 1 else "")
        result[f"{name}, {height}x{width}"] = convolution(
            inputs, outputs, kernel, stride, dilation, height, width
        )
    result["convolution without bias"] = convolution(9, 10, 3, 1, 1, 6, 5, bias=0)
    for channels, kernel, stride, height, width in [
        (33, 3, 1, 11, 13), (64, 3, 2, 31, 26), (19, 5, 1, 9, 14), (40, 5, 2, 18, 19),
        (5, 5, 2, 2, 3), (4, 3, 2, 1, 1),
    ]:  # fmt: skip
        result[f"depthwise {channels}, {kernel}x{kernel}, stride {stride}, {height}x{width}"] = (
            graph(
                channels,
                f"own depthwise 1 kernel={kernel} stride={stride}",
                height=height,
                width=width,
            )
        )
    for channels, kernel, height, width in [(33, 3, 12, 14), (19, 5, 10, 16)]:
        result[f"depthwise {channels}, {kernel}x{kernel}, stride 2, TensorFlow's padding"] = graph(
            channels,
            f"own depthwise 1 kernel={kernel} stride=2 same=1",
            height=height,
            width=width,
        )
    result["convolution 3 to 32, 3x3, stride 2, TensorFlow's padding"] = graph(
        3,
        "own convolution 1 outputs=32 kernel=3 stride=2 dilation=1 bias=0 same=1",
        height=12,
        width=14,
    )
    result["transposed 19 to 33, 5x7"] = graph(19, "own transposed 1 outputs=33", height=5, width=7)
    result["transposed 64 to 48, 13x9"] = graph(
        64, "own transposed 1 outputs=48", height=13, width=9
    )
    result["norm"] = graph(19, "own norm 1", bias=0)  # A bias before a norm has no gradient.
    result["norm, ReLU"] = graph(33, "own norm 1", "- relu 2", bias=0)
    result["norm, added to, ReLU"] = graph(17, "own norm 1", "- add 2,1", "- relu 3")
    result["norm, added, ReLU"] = graph(
        17, "other convolution 1 outputs=17 kernel=3 stride=1 dilation=1 bias=0", "own norm 2",
        "- add 1,3", "- relu 4",
    )  # fmt: skip
    result["norm behind ReLU"] = graph(33, "- relu 1", "own norm 2")
    result["norm, frozen"] = graph(19, "own norm 1", "- relu 2", frozen=("own",))
    result["norm, added to, ReLU with a ceiling"] = graph(
        17, "own norm 1", "- add 2,1", "- relu 3 ceiling=0.75"
    )
    result["add, ReLU with a ceiling"] = graph(19, "- tanh 1", "- add 1,2", "- relu 3 ceiling=0.75")
    result["ReLU with a ceiling"] = graph(19, "- relu 1 ceiling=0.75")
    result["ReLU"] = graph(19, "- relu 1")
    result["leaky ReLU"] = graph(19, "- leaky 1 slope=0.2")
    result["tanh"] = graph(2, "- tanh 1")
    result["gray as RGB"] = graph(2, "- tanh 1", "- gray 2")
    result["subsample 9x7"] = graph(19, "- subsample 1")
    result["subsample 8x6"] = graph(19, "- subsample 1", height=8, width=6)
    result["bilinear, times 2"] = graph(19, "- subsample 1", "- bilinear 2,1", height=8, width=6)
    result["bilinear, times 11 / 6 and 13 / 7"] = graph(
        19, "- subsample 1", "- bilinear 2,1", height=11, width=13
    )
    result["bilinear, times 6 / 11 and 7 / 13"] = graph(
        19, "- subsample 1", "- bilinear 1,2", height=11, width=13
    )
    result["bilinear of 1x1"] = graph(19, "- mean 1", "- bilinear 2,1")
    result["mean"] = graph(33, "- mean 1")
    result["linear"] = graph(33, "- mean 1", "own linear 2 outputs=19")
    result["two linear"] = graph(
        19, "- mean 1", "one linear 2 outputs=40", "- relu 3", "two linear 4 outputs=7"
    )
    result["add"] = graph(19, "- tanh 1", "- add 1,2")
    result["add, ReLU"] = graph(19, "- tanh 1", "- add 1,2", "- relu 3")
    result["add of 1x1"] = graph(19, "- mean 1", "- add 1,2")
    result["add of 1x1, ReLU"] = graph(19, "- mean 1", "- add 1,2", "- relu 3")
    return result


def check_operators(report, sets):
    report.section(
        f"operators: values and gradients, the worst tensor's with {', '.join(sets)};"
        " PyTorch's float32 in brackets"
    )
    for name, graph in operators().items():
        last = len(graph.nodes)
        errors, singles = [], []
        # With the first convolution's output as an end its gradient can be seen; as none, the
        # operator's does not find one that it is added to.
        for ends in ((1, last), (last,)):
            wanted = graph.answer(ends)
            singles.append(worst(graph.answer(ends, torch.float32), wanted)[0])
            request = graph.request(ends)
            errors += [worst(probe(*request, instruction_set=one), wanted) for one in sets]
        error, whose = max(errors)
        whose = whose.removeprefix("gradient.")
        report.row(f"{name}: {whose} ({max(singles):.1g})", error, OPERATOR_BOUND)


# ---- Optimisers ----------------------------------------------------------------------------------

# More elements than are done at once, and tensors of one dimension.
OPTIMISED = """wide convolution 0 outputs=130 kernel=3 stride=1 dilation=1 bias=1
own norm 1
small convolution 2 outputs=9 kernel=1 stride=1 dilation=1 bias=1"""
OPTIMISER_STEPS = 20

OPTIMISERS = {
    "Adam": {"optimiser": "adam"},
    "Adam, weight decay 0.1": {"optimiser": "adam", "weight_decay": 0.1},
    "AdamW": {"optimiser": "adamw"},
    "AdamW, weight decay 0.1": {"optimiser": "adamw", "weight_decay": 0.1},
    "AdamW, clipped": {"optimiser": "adamw", "weight_decay": 0.1, "clip": 5},
    "AdamW, rate 0.02, averages": {
        "optimiser": "adamw", "learning_rate": 0.02, "average_decay": 0.4,
    },
}  # fmt: skip


def check_optimisers(report, sets):
    report.section(
        f"optimisers given the same gradients, {OPTIMISER_STEPS} steps: largest difference of a"
        " weight over the largest weight of its tensor"
    )
    graph = Graph(OPTIMISED, 1, 4, 4, 64)
    rng = seeded("check optimisers")
    learnt = [name for name in graph.tensors if not is_statistic(name)]
    gradients = []
    for step in range(OPTIMISER_STEPS):
        # Of sizes that differ by tensor and by step.
        size = {name: 10 ** rng.uniform(-4, 0) * (1 + step % 3) for name in learnt}
        gradients.append(
            {
                name: rng.normal(0, size[name], graph.tensors[name].shape).astype(np.float32)
                for name in learnt
            }
        )
    tensors = {
        f"gradient.{step}.{name}": array
        for step, own in enumerate(gradients)
        for name, array in own.items()
    }
    graph.answer((3,))
    tensors.update(graph.request((3,))[0])
    for name, options in OPTIMISERS.items():
        options = {
            "learning_rate": 1e-3, "weight_decay": 0, "clip": 0, "average_decay": 0, **options
        }  # fmt: skip
        metadata = {**graph.request((3,))[1], **options, "task": "optimiser"}
        metadata["steps"] = OPTIMISER_STEPS
        values, averages, norms = optimised(graph, learnt, gradients, options)
        for instruction_set in sets:
            ours = probe(tensors, metadata, instruction_set=instruction_set)
            what = f"{name}, {instruction_set}"
            error = max(scaled(ours[f"value.{key}"], values[key]) for key in values)
            report.row(f"{what}: weights", error, OPTIMISER_BOUND)
            report.row(f"{what}: norms", distance(ours["norm"], norms), OPTIMISER_BOUND)
            if options["average_decay"]:
                error = max(scaled(ours[f"average.{key}"], averages[key]) for key in averages)
                report.row(f"{what}: averages", error, OPTIMISER_BOUND)


def optimised(graph, learnt, gradients, options):
    """The weights, their averages and the gradients' norms, as PyTorch has them in float64."""
    parameters = {name: torch.from_numpy(graph.tensors[name]).double() for name in learnt}
    averages = {name: value.clone() for name, value in parameters.items()}
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[options["optimiser"]]
    optimiser = kind(
        [
            {"params": [value], "weight_decay": options["weight_decay"] if value.ndim > 1 else 0}
            for value in parameters.values()
        ],
        lr=options["learning_rate"],
    )
    norms = []
    for step, own in enumerate(gradients, start=1):
        for name, value in parameters.items():
            value.grad = torch.from_numpy(own[name]).double()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), options["clip"] or torch.inf)
        norms.append(norm.item())
        optimiser.step()
        # Shorter in the first steps, as TensorFlow's ExponentialMovingAverage has it.
        decay = min(options["average_decay"], (1 + step) / (10 + step))
        for name, value in parameters.items():
            averages[name] = decay * averages[name] + (1 - decay) * value
    return (
        {name: value.numpy() for name, value in parameters.items()},
        {name: value.numpy() for name, value in averages.items()},
        np.array(norms),
    )


def scaled(actual, wanted):
    return np.abs(actual.astype(np.float64) - wanted).max() / np.abs(wanted).max()


# ---- Steps of training ---------------------------------------------------------------------------

FOLLOWED = {
    # Some of its biases have no gradient but roundings, and Adam follows these as it does others.
    "lite": (Task("lite", 4, 64, learning_rate=2e-4), 10),
    "compact": (Task("compact", 4, 64), 10),
    # It has 34 million weights: fewer steps, of small pictures.
    "siggraph17, both heads": (
        Task("siggraph17", 2, 32, classification=0.3, regression=2, learning_rate=1e-4), 5
    ),
}  # fmt: skip


def check_losses(report, sets):
    report.section("the loss, step by step: the largest share by which it differs; AdamW")
    for name, (task, steps) in FOLLOWED.items():
        module, batches = task.module(), task.batches(steps)
        if task.network != architecture(MODEL):
            # With random weights roundings would become ten times as large in every step.
            settle(task, module, batches[0])
        request = task.request(module, batches)
        reference = Reference(task, module)
        wanted = np.array([reference.step(batch) for batch in batches])
        reference = Reference(task, module, torch.float32)
        single = np.array([reference.step(batch) for batch in batches])
        print(f"  {name}: from {wanted[0]:.3f} to {wanted[-1]:.3f};"
              f" PyTorch's float32 {np.abs(single / wanted - 1).max():.2g}")  # fmt: skip
        for one in sets if task.network in OWN else sets[:1]:
            ours = probe(*request, instruction_set=one)["loss"].astype(np.float64)
            error = np.abs(ours / wanted - 1).max()
            report.row(f"{name}, {one}, {steps} steps", error, LOSS_BOUND)


def check_threads(report, sets):
    report.section("2 and 3 threads against one: floats that differ, of everything")
    tasks = {
        "lite": (Task("lite", 3, 64, map=0.7, pooled=0.7), 2),
        "lite1": (Task("lite1", 3, 64, map=0.7, pooled=0.7), 2),
        "compact": (Task("compact", 3, 64, map=0.7, pooled=0.7), 2),
        "siggraph17": (Task("siggraph17", 2, 32, regression=1), 1),
    }
    for name, (task, steps) in tasks.items():
        request = task.request(task.module(), task.batches(steps))
        for one in sets if task.network in OWN else sets[:1]:
            answers = [
                probe(*request, threads=threads, instruction_set=one) for threads in (1, 2, 3)
            ]
            differing = sum(
                np.count_nonzero(answer[key].view(np.uint32) != array.view(np.uint32))
                for answer in answers[1:]
                for key, array in answers[0].items()
            )
            report.row(f"{name}, {one}, {steps} steps, {len(answers[0])} tensors", differing, 0)


PARTS = {
    "operators": check_operators,
    "optimisers": check_optimisers,
    "networks": check_networks,
    "losses": check_losses,
    "threads": check_threads,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART",
                        help=f"of {', '.join(PARTS)}")  # fmt: skip
    arguments = parser.parse_args()
    print(f"PyTorch {torch.__version__}")
    sets = instruction_sets()
    report = Report()
    for part in arguments.only:
        PARTS[part](report, sets)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
