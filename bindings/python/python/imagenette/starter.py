#!/usr/bin/env python3
"""A recipe of imagenette in plain PyTorch, to change: the network, the optimizers, the loss and the loop are below.

    python my_idea.py --recipe epochs-10 --seed 1 --out runs/my-idea-s1
    imagenette compare --epochs 10 \\
        --base-command 'python -m imagenette.starter --recipe epochs-10 --epochs {epochs} --seed {seed} --out {out}' \\
        --idea-command 'python my_idea.py --recipe epochs-10 --epochs {epochs} --seed {seed} --out {out}'

It learns from the same batches as the program, counts on the same photos, and in f32 on a processor does what the
program does, to rounding. Needs PyTorch 2.4 or later. Write `IDEA` beside what you change.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import imagenette as im

# ------------------------------------------------------------------------------------------------------- the network


class FastNetwork(nn.Module):
    """A frozen stem that whitens, then groups of convolution, pooling, normalization and GELU; a head on the maxima.

    Its parts are those of Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024.
    """

    def __init__(self, model: dict, classes: int) -> None:
        super().__init__()
        patch = model.get("stem_patch_px", 4)
        self.stem = nn.Conv2d(3, model["stem"], patch, stride=patch // 2, padding=1, bias=False)
        self.stem.weight.requires_grad_(False)
        depths = model.get("depths") or [1] * len(model["widths"])
        inputs, self.groups = model["stem"], nn.ModuleList()
        for width, depth in zip(model["widths"], depths, strict=True):
            self.groups.append(Group(inputs, width, depth, model))
            inputs = width
        self.head = nn.Linear(inputs, classes, bias=False)
        self.scale, self.patch = model["output_scale"], patch

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        if self.patch == 2:
            x = x[:, :, 1:, 1:]
        x = F.gelu(x)
        for group in self.groups:
            x = group(x)
        return self.head(x.amax((2, 3))) * self.scale


class Group(nn.Module):
    """A convolution that pooling halves, and those that follow it, around which a shortcut may lead."""

    LATER = ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")

    def __init__(self, inputs: int, width: int, depth: int, model: dict) -> None:
        super().__init__()
        self.names = ("first", *self.LATER[:depth])
        for name in self.names:
            self.add_module(name, nn.Conv2d(inputs, width, 3, padding=1, bias=False))
            self.add_module(f"{name}_norm", nn.BatchNorm2d(width, momentum=model["normalization_momentum"]))
            getattr(self, f"{name}_norm").weight.requires_grad_(model["learned_gain"])
            inputs = width
        self.residual, self.blur = model.get("residual", False), model.get("pool") == "max-blur"
        row = torch.tensor([0.25, 0.5, 0.25])
        self.register_buffer("filter", (row[:, None] * row).expand(width, 1, 3, 3).clone(), persistent=False)

    def halve(self, x: Tensor) -> Tensor:
        if not self.blur:
            return F.max_pool2d(x, 2)
        x = F.pad(F.max_pool2d(x, 2, stride=1), (1, 1, 1, 1), mode="reflect")
        return F.conv2d(x, self.filter.to(x.dtype), stride=2, groups=x.shape[1])

    def forward(self, x: Tensor) -> Tensor:
        x = shortcut = F.gelu(self.first_norm(self.halve(self.first(x))))
        for name in self.names[1:]:
            x = getattr(self, f"{name}_norm")(getattr(self, name)(x))
            if name == self.names[-1] and self.residual:
                x = x + shortcut
            x = F.gelu(x)
        return x


@torch.no_grad()
def begin(network: FastNetwork, model: dict, photos: np.ndarray, seed: int) -> None:
    """Draws the weights: convolutions that begin as the identity, and a stem that whitens patches of photos."""
    torch.manual_seed(seed)
    for name, weight in network.named_parameters():
        if name == "head.weight":
            nn.init.uniform_(weight, -(weight.shape[1] ** -0.5), weight.shape[1] ** -0.5)
        elif weight.ndim == 4:
            nn.init.normal_(weight, std=(2 / weight[0].numel()) ** 0.5)
            if name != "stem.weight" and model.get("initial_weights", "identity") == "identity":
                nn.init.dirac_(weight[: weight.shape[1]])
    if model.get("stem_weights", "whitened") == "learned":
        network.stem.weight.requires_grad_(True)
        return
    x = (torch.from_numpy(photos).permute(0, 3, 1, 2) / 255 - channels(im.MEAN)) / channels(im.STD)
    side = network.patch
    patches = F.unfold(x, side, stride=side).transpose(1, 2).reshape(-1, 3 * side * side).double()
    values, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
    vectors = vectors.flip(1)[:, : model["stem"] // 2] / (values.flip(0)[: model["stem"] // 2] + 5e-4).sqrt()
    filters = vectors.T.reshape(-1, 3, side, side).float()
    network.stem.weight.copy_(torch.cat([filters, -filters]))


def channels(values: tuple) -> Tensor:
    return torch.tensor(values).view(1, 3, 1, 1)


# ------------------------------------------------------------------------------------------------------ the optimizers


class Sgd:
    """Momentum with Nesterov; the decay is part of the gradient. Normalizations learn faster and do not decay."""

    def __init__(self, named: list, rule: dict) -> None:
        self.rule, self.groups = rule, {}
        more = rule.get("groups", {})
        for name, weight in named:
            if "_norm." in name:
                key = (rule["normalization_rate_factor"], more.get("normalization_decay", 0.0))
            elif name == "head.weight":
                key = (more.get("head_rate_factor", 1.0), more.get("head_decay", rule["weight_decay"]))
            else:
                key = (1.0, rule["weight_decay"])
            self.groups.setdefault(key, []).append(weight)
        self.velocities = {key: [torch.zeros_like(w) for w in weights] for key, weights in self.groups.items()}

    @torch.no_grad()
    def step(self, factor: float) -> None:
        momentum, nesterov = self.rule["momentum"], self.rule["nesterov"]
        for (rate_factor, decay), weights in self.groups.items():
            velocities = self.velocities[rate_factor, decay]
            gradients = torch._foreach_add([w.grad for w in weights], weights, alpha=decay)
            torch._foreach_mul_(velocities, momentum)
            torch._foreach_add_(velocities, gradients)
            moves = torch._foreach_add(gradients, velocities, alpha=momentum) if nesterov else velocities
            torch._foreach_add_(weights, moves, alpha=-self.rule["learning_rate"] * factor * rate_factor)


class Muon:
    """The momentum of a convolution's weights, made orthogonal, is the step; the weights keep their norm."""

    def __init__(self, weights: list[Tensor], rule: dict) -> None:
        self.weights, self.rule = weights, rule
        self.velocities = [torch.zeros_like(w) for w in weights]

    @torch.no_grad()
    def step(self, factor: float) -> None:
        rule, rate = self.rule, self.rule["learning_rate"] * factor
        for weight, velocity in zip(self.weights, self.velocities, strict=True):
            velocity.mul_(rule["momentum"]).add_(weight.grad)
            move = weight.grad + rule["momentum"] * velocity if rule["nesterov"] else velocity
            rows, columns = len(weight), weight[0].numel()
            move = orthogonal(move.reshape(rows, columns), rule["steps"]).reshape(weight.shape)
            if rule["normalize_weights"]:
                weight.mul_(rows**0.5 / weight.norm())
            else:
                weight.mul_(1 - rate * rule["weight_decay"])
            shape, adam_like = max(rows / columns, 1) ** 0.5, 0.2 * max(rows, columns) ** 0.5
            scale = {"plain": 1.0, "shape": shape, "adam-like": adam_like}[rule["scale"]]
            weight.sub_(move, alpha=rate * scale)


def orthogonal(matrix: Tensor, steps: int) -> Tensor:
    """Nearly the same singular vectors with singular values near 1: the iteration of Jordan et al., 2024."""
    x = matrix / (matrix.norm() + 1e-7)
    if matrix.is_cuda:
        x = x.bfloat16()
    is_tall = len(x) > x.shape[1]
    x = x.T if is_tall else x
    for _ in range(steps):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return (x.T if is_tall else x).to(matrix.dtype)


def optimizers(network: nn.Module, rule: dict) -> list:
    """What moves each weight."""
    named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    if rule["kind"] == "sgd":
        return [Sgd(named, rule)]
    rest = [(name, weight) for name, weight in named if weight.ndim != 4]
    return [Muon([weight for _, weight in named if weight.ndim == 4], rule), Sgd(rest, rule["rest"])]


# ----------------------------------------------------------------------------------------------------------- the loop


def check(recipe: im.Recipe) -> None:
    """Refuses what is not written here, rather than leaving it out."""
    optimizer, model = recipe["optimizer"], recipe["model"]
    known = {
        "model.kind": (model["kind"], ["fast"]),
        "model.activation": (model.get("activation"), ["gelu"]),
        "model.stochastic_depth": (model.get("stochastic_depth", 0), [0]),
        "optimizer.kind": (optimizer["kind"], ["sgd", "muon"]),
        "optimizer.rest.kind": (optimizer.get("rest", {}).get("kind", "sgd"), ["sgd"]),
        "loss.class_weights": (recipe.get("loss", {}).get("class_weights", "none"), ["none"]),
    }
    for key in ("lookahead", "selection", "ema", "unlabeled", "self_supervised", "task", "initial", "augmentation", "hold_out"):
        known[key] = (recipe.get(key), [None])
    for key, (found, expected) in known.items():
        if found not in expected:
            said = ", ".join("none" if value is None else str(value) for value in expected)
            raise im.SettingError(
                f"recipe: {key}: expected {said}, which is what this file has, found {found}",
                hint="write it here, or train the recipe with the program: `imagenette train`",
            )


def train(recipe: im.Recipe, dataset: im.Dataset, seed: int, out: str, options: argparse.Namespace) -> im.Score:
    """Trains the recipe into a run's folder."""
    check(recipe)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    precision = options.precision or ("bf16" if device.type == "cuda" else "f32")
    network = FastNetwork(recipe["model"], len(dataset.classes))
    some = np.random.default_rng(seed).permutation(len(dataset.train))[:1000]
    shown = recipe.evaluation(dataset)
    shown.dataset = part(dataset.train, np.sort(some))
    begin(network, recipe["model"], np.concatenate([batch.images for batch in shown]), seed)
    network = network.to(device, memory_format=torch.channels_last)
    forward = torch.compile(network, mode=options.compile) if options.compile else network
    cast = torch.autocast(device.type, torch.bfloat16) if precision == "bf16" else contextlib.nullcontext()
    rules = optimizers(network, recipe["optimizer"])
    smoothing, peak = recipe.get("loss", {}).get("label_smoothing", 0.0), recipe["optimizer"]["learning_rate"]
    batches = recipe.batches(dataset, seed, threads=options.threads)
    tensors = im.torch.TorchLoader(recipe.evaluation(dataset, threads=options.threads), device, smoothing=smoothing)
    val = im.torch.TorchLoader(recipe.evaluation(dataset, threads=options.threads), device)

    def predict(x: Tensor) -> Tensor:
        with cast:
            return network(x)

    where = {"device": device, "precision": precision, "threads": options.threads}
    what = {"seed": seed, "recipe": recipe, "name": options.name, "source": __file__, "model": network}
    with im.record(out, dataset, **what, **where) as run:
        began = time.perf_counter()
        for batch, x, y in tensors.with_batches(batches):
            with cast:
                loss = F.cross_entropy(forward(x).float(), y)  # IDEA: another loss
            network.zero_grad(set_to_none=True)
            loss.backward()
            for rule in rules:
                rule.step(batch.factor)
            run.log(loss=loss, rate=peak * batch.factor)
            if batch.ends_epoch:
                is_last = batch.step + 1 == len(batches)
                if is_last or options.evaluate_every and (batch.epoch + 1) % options.evaluate_every == 0:
                    score, seconds = run.evaluate(predict, loader=val), time.perf_counter() - began
                    print(f"epoch {batch.epoch + 1}: {100 * score.accuracy:.2f}% after {seconds:.1f} s", flush=True)
    return run.score


def part(dataset: im.Dataset, indices: np.ndarray) -> im.Dataset:
    """Some images of a split."""
    known = im.Dataset(dataset.root, dataset.split)
    known.samples, known.targets = dataset.samples[indices], dataset.targets[indices]
    return known


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="epochs-10", help="name or file of a recipe")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--epochs", type=int, help="epochs to train")
    parser.add_argument("--seed", type=int, default=0, help="seed of all randomness")
    parser.add_argument("--dataset", help="name or folder; else the recipe's, or imagenette2-160")
    parser.add_argument("--out", required=True, help="folder for the run")
    parser.add_argument("--name", help="name in tables")
    parser.add_argument("--device", help="cuda, cpu …; the GPU where there is one")
    parser.add_argument("--precision", choices=["f32", "bf16"], help="bf16 on a GPU, else f32")
    parser.add_argument("--compile", nargs="?", const="default", help="torch.compile, in this mode")
    parser.add_argument("--evaluate-every", type=int, default=1, help="after every N epochs; 0: after the last alone")
    parser.add_argument("--threads", type=int, help="threads of the loader")
    options = parser.parse_args()
    try:
        settings = dict(pair.split("=", 1) for pair in options.set)
        settings |= {"epochs": str(options.epochs)} if options.epochs else {}
        recipe = im.Recipe.typed(options.recipe, settings)
        dataset = im.Dataset(options.dataset or recipe.get("dataset") or "imagenette2-160")
        print(train(recipe, dataset, options.seed, options.out, options))
    except im.ImagenetteError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
