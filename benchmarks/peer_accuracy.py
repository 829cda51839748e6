"""Trains the control in PyTorch, fastai's recipe of 2020, and writes accuracy and seconds after each epoch as JSON.

Enters: a folder with train/CLASS/*.JPEG and val/CLASS/*.JPEG. The recipe is recipes/fastai-2020.toml as in fastai's
own script: xresnet18 with Mish and simple self-attention (the network that tests/networks.rs compares ours with),
Ranger, a rate that is flat and then falls as a cosine, label smoothing, random resized crops and flips, val photos
squashed to 1.19 times the resolution and cropped to their center. Photos are decoded once into memory; two loader
processes crop and resize with Pillow.

Seconds of training run from the request for the first batch to the last step; evaluation, decoding and checkpoints do
not count. A batch depends on (seed, epoch, position) alone, so that a run that was stopped (Ctrl-C, exit status 33)
resumes with --resume. `--out` is rewritten after each epoch and printed at the end.
"""

import argparse
import json
import math
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

import peer_train

RATE, FLAT, SMOOTHING, AREA, ASPECT, VAL_RATIO = 8e-3, 0.75, 0.1, (0.35, 1.0), (3 / 4, 4 / 3), 1.1875
LOOKAHEAD_EVERY, LOOKAHEAD_SHARE = 6, 0.5
CHECKPOINT_SECONDS = 120
INTERRUPTED = 33


def decode(path):
    with Image.open(path) as image:
        return numpy.asarray(image.convert("RGB"))


def decode_all(folder, prepare=None):
    """Pixels and labels of all photos below a split's folder, decoded with two processes."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    files = [(path, label) for label, of_class in enumerate(classes) for path in sorted(of_class.glob("*.JPEG"))]
    if not files:
        sys.exit(f"{folder}: expected CLASS/*.JPEG, found no photo")
    with multiprocessing.Pool(2) as pool:
        pixels = pool.map(prepare or decode, [path for path, _ in files], chunksize=64)
    return pixels, numpy.array([label for _, label in files]), [path.name for path in classes]


class Squashed:
    """A val photo as fastai evaluates it: squashed to a larger square, then cropped to the center."""

    def __init__(self, px):
        self.px = px

    def __call__(self, path):
        side = int(self.px * VAL_RATIO)
        begin = (side - self.px) // 2
        with Image.open(path) as image:
            image = image.convert("RGB").resize((side, side), Image.BILINEAR)
            return numpy.asarray(image.crop((begin, begin, begin + self.px, begin + self.px)))


class Crops(Dataset):
    """Random resized crops with random flips, chosen by (seed, epoch, photo) alone."""

    def __init__(self, pixels, labels, px, seed):
        self.pixels, self.labels, self.px, self.seed = pixels, labels, px, seed

    def __getitem__(self, key):
        epoch, index = key
        random = numpy.random.default_rng((self.seed, epoch, index))
        image = Image.fromarray(self.pixels[index])
        image = image.resize((self.px, self.px), Image.BILINEAR, box=self.box(random, *image.size))
        pixels = numpy.asarray(image)
        # A copy, since Pillow's own pixels are read-only.
        return numpy.array(pixels[:, ::-1] if random.random() < 0.5 else pixels), self.labels[index]

    @staticmethod
    def box(random, width, height):
        """A crop with a random area and aspect ratio; after ten misfits, the largest central one that is allowed."""
        for _ in range(10):
            area = width * height * random.uniform(*AREA)
            aspect = math.exp(random.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if w <= width and h <= height:
                left, top = random.integers(0, width - w + 1), random.integers(0, height - h + 1)
                return int(left), int(top), int(left) + w, int(top) + h
        aspect = min(max(width / height, ASPECT[0]), ASPECT[1])
        w, h = (width, round(width / aspect)) if width / height < aspect else (round(height * aspect), height)
        left, top = (width - w) // 2, (height - h) // 2
        return left, top, left + w, top + h


def batches(count, batch, seed, epochs, per_epoch, begin):
    """The samples of each step from `begin` on, as (epoch, photo)."""
    planned = []
    for epoch in range(epochs):
        order = numpy.random.default_rng((seed, 1 << 32, epoch)).permutation(count)
        planned += [
            [(epoch, int(index)) for index in order[at * batch : (at + 1) * batch]] for at in range(per_epoch)
        ]
    return planned[begin:]


def only_ended_by_parent(_):
    """Lets a loader process outlive Ctrl-C until the step is saved."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def network(classes):
    """xresnet18 with fastai's initial weights: He-normal everywhere, biases zero, residual branches zero at first."""
    model = peer_train.source().XResNet(18, classes, attention=True, activation=F.mish)
    for part in model.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for stage in model.stages:
        for block in stage:
            nn.init.zeros_(block.branch[-1]["norm"].weight)
            if block.attention is not None:
                nn.init.kaiming_normal_(block.attention.weight)
                block.attention.direction.copy_(F.normalize(torch.randn_like(block.attention.direction), dim=0))
    return model


class Ranger:
    """RAdam with decoupled decay on convolutions and matrices only, under Lookahead.

    Every sixth step the slow weights move halfway to the fast ones, which then start from there.
    """

    def __init__(self, model):
        self.parts = [part for part in model.parameters() if part.requires_grad]
        self.slow = [part.detach().clone() for part in self.parts]
        groups = [
            {"params": [part for part in self.parts if part.dim() > 1], "weight_decay": 0.01},
            {"params": [part for part in self.parts if part.dim() == 1], "weight_decay": 0.0},
        ]
        self.inner = torch.optim.RAdam(groups, RATE, (0.95, 0.99), 1e-6, decoupled_weight_decay=True)

    def step(self, number, rate):
        for group in self.inner.param_groups:
            group["lr"] = rate
        self.inner.step()
        self.inner.zero_grad(set_to_none=True)
        if (number + 1) % LOOKAHEAD_EVERY == 0:
            with torch.no_grad():
                torch._foreach_lerp_(self.slow, self.parts, LOOKAHEAD_SHARE)
                torch._foreach_copy_(self.parts, self.slow)


def rate_at(progress):
    """Flat, then a cosine down to a hundred-thousandth."""
    if progress < FLAT:
        return RATE
    low = RATE / 1e5
    return low + (RATE - low) * (1 + math.cos(math.pi * (progress - FLAT) / (1 - FLAT))) / 2


def normalize(pixels):
    channel = lambda values: 255 * torch.tensor(values).reshape(1, 3, 1, 1)
    return pixels.permute(0, 3, 1, 2).float().sub_(channel(peer_train.MEAN)).div_(channel(peer_train.STD))


def write(path, content):
    """Complete or absent."""
    unfinished = path.with_name(f".writing-{path.name}")
    if isinstance(content, str):
        unfinished.write_text(content)
    else:
        torch.save(content, unfinished)
    os.replace(unfinished, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path, help="folder with train/CLASS/*.JPEG and val/CLASS/*.JPEG")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json")
    parser.add_argument("--resume", action="store_true", help="resume the run of --out")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--precision",
        choices=["auto", "fp32", "bf16"],
        default="auto",
        help="auto is bf16 where the processor multiplies it",
    )
    parser.add_argument("--limit-batches", type=int, metavar="N", help="N steps an epoch, to try the script")
    arguments = parser.parse_args()
    checkpoint_path = arguments.out.with_name(arguments.out.name + ".checkpoint")
    if arguments.out.exists() or checkpoint_path.exists():
        if not arguments.resume:
            sys.exit(f"{arguments.out}: holds a run already\nhint: resume it with --resume, or name another file")
        # Without a checkpoint the run is finished, or was killed before its first one.
        if not checkpoint_path.exists() and json.loads(arguments.out.read_text())["is_finished"]:
            print(arguments.out.read_text(), end="")
            return 0
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    has_bf16 = Path("/proc/cpuinfo").exists() and "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    precision = ("bf16" if has_bf16 else "fp32") if arguments.precision == "auto" else arguments.precision
    autocast = lambda: torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    pixels, labels, classes = decode_all(arguments.photos / "train")
    val_pixels, val_labels, val_classes = decode_all(arguments.photos / "val", Squashed(arguments.resolution))
    if classes != val_classes:
        sys.exit(f"{arguments.photos}: expected the same classes in train and val, found {classes} and {val_classes}")
    val_pixels, val_labels = torch.from_numpy(numpy.stack(val_pixels)), torch.from_numpy(val_labels)
    per_epoch = len(pixels) // arguments.batch
    if not per_epoch:
        sys.exit(
            f"{arguments.photos}: expected {arguments.batch} train photos for a batch or more, found {len(pixels)}"
        )
    per_epoch = min(per_epoch, arguments.limit_batches or per_epoch)
    model = network(len(classes)).to(memory_format=torch.channels_last)
    optimizer = Ranger(model)
    settings = {
        "recipe": "fastai-2020",
        "seed": arguments.seed,
        "epochs": arguments.epochs,
        "batch": arguments.batch,
        "resolution_px": arguments.resolution,
        "precision": precision,
        "steps_per_epoch": per_epoch,
        "photos": {"train": len(pixels), "val": len(val_labels)},
    }
    state = {"step": 0, "resumed": 0, "losses": [], "by_epoch": [], "seconds": {"training": 0.0, "evaluation": 0.0}}
    if checkpoint_path.exists():
        saved = torch.load(checkpoint_path, weights_only=True)
        if saved["settings"] != settings:
            differing = [
                f"{key} {saved['settings'].get(key)}, not {value}"
                for key, value in settings.items()
                if saved["settings"].get(key) != value
            ]
            sys.exit(
                f"{checkpoint_path}: expected the same settings, found {'; '.join(differing)}\n"
                f"hint: resume with the arguments that the run began with"
            )
        model.load_state_dict(saved["model"])
        optimizer.inner.load_state_dict(saved["optimizer"])
        torch._foreach_copy_(optimizer.slow, saved["slow"])
        state = saved["state"]
        state["resumed"] += 1
        print(f"resuming after step {state['step']}", file=sys.stderr)

    def report():
        is_finished = state["step"] == arguments.epochs * per_epoch
        known = {key: value for key, value in state.items() if key != "losses"}
        return (
            json.dumps(
                {
                    "format": "imagenette-peer-run",
                    "version": 1,
                    **settings,
                    "is_finished": is_finished,
                    **known,
                    "parameters": peer_train.learned(model),
                    "threads": arguments.threads,
                    "workers": arguments.workers,
                    "pixels": "decoded once into memory, cropped and resized by Pillow",
                    "torch": torch.__version__,
                },
                indent=1,
            )
            + "\n"
        )

    def save():
        write(
            checkpoint_path,
            {
                "settings": settings,
                "state": state,
                "model": model.state_dict(),
                "optimizer": optimizer.inner.state_dict(),
                "slow": optimizer.slow,
            },
        )

    def evaluate():
        model.eval()
        correct = 0
        with torch.inference_mode(), autocast():
            for begin in range(0, len(val_labels), 128):
                scores = model(normalize(val_pixels[begin : begin + 128]))
                correct += (scores.argmax(1) == val_labels[begin : begin + 128]).sum().item()
        model.train()
        return correct

    # From here on there is work to lose. The processes that decoded photos have ended; they would have inherited this.
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stopped.append(number))
    steps = arguments.epochs * per_epoch
    loader = DataLoader(
        Crops(pixels, labels, arguments.resolution, arguments.seed),
        batch_sampler=batches(
            len(pixels), arguments.batch, arguments.seed, arguments.epochs, per_epoch, state["step"]
        ),
        num_workers=arguments.workers,
        prefetch_factor=4 if arguments.workers else None,
        worker_init_fn=only_ended_by_parent,
    )
    model.train()
    began = saved_at = time.perf_counter()
    for x, y in loader:
        with autocast():
            scores = model(normalize(x))
        loss = F.cross_entropy(scores.float(), y, label_smoothing=SMOOTHING)
        loss.backward()
        optimizer.step(state["step"], rate_at(state["step"] / steps))
        state["losses"].append(loss.item())
        if not math.isfinite(state["losses"][-1]):
            sys.exit(f"the loss is {state['losses'][-1]} after step {state['step'] + 1}")
        state["step"] += 1
        is_end = state["step"] % per_epoch == 0
        now = time.perf_counter()
        if not (is_end or stopped or now - saved_at > CHECKPOINT_SECONDS):
            continue
        state["seconds"]["training"] += now - began
        if is_end:
            correct, epoch = evaluate(), state["step"] // per_epoch
            state["seconds"]["evaluation"] += time.perf_counter() - now
            state["by_epoch"].append(
                {
                    "epoch": epoch,
                    "correct": correct,
                    "total": len(val_labels),
                    "mean_loss": sum(state["losses"][-per_epoch:]) / per_epoch,
                    "training_seconds": state["seconds"]["training"],
                }
            )
            print(
                f"epoch {epoch} of {arguments.epochs}: "
                f"top-1 {100 * correct / len(val_labels):.2f}% ({correct} of {len(val_labels)}), "
                f"loss {state['by_epoch'][-1]['mean_loss']:.3f}, {state['seconds']['training']:.1f} s of training",
                file=sys.stderr,
            )
            write(arguments.out, report())
        if state["step"] < steps:
            save()
            if stopped:
                print(f"stopped after step {state['step']} of {steps}\nhint: resume with --resume", file=sys.stderr)
                return INTERRUPTED
        began = saved_at = time.perf_counter()
    checkpoint_path.unlink(missing_ok=True)
    print(report(), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
