"""Writes networks.json: what PyTorch (in double precision) says of our networks, which tests/networks.rs compares with.

Run it by hand after a change of the networks: python crates/imagenette-train/tests/networks.py
"""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional as F


def fill(shape, number, scale):
    """Numbers that both sides can make: scale * a hash of (position, number) in -1..1, as f32."""
    low = 0xFFFFFFFF
    x = (torch.arange(torch.Size(shape).numel()) * 0x9E3779B1 + number * 0x85EBCA77) & low
    x = ((x ^ (x >> 15)) * 0x85EBCA77) & low
    x = ((x ^ (x >> 13)) * 0xC2B2AE3D) & low
    x = x ^ (x >> 16)
    return (scale * (x.double() / 2**31 - 1)).float().double().reshape(shape)


class Fast(nn.Module):
    def __init__(self, stem, widths, classes):
        super().__init__()
        self.stem = nn.Conv2d(3, stem, 4, 2, 1, bias=False)
        self.stem.weight.requires_grad_(False)
        self.groups = nn.ModuleList()
        for width in widths:
            self.groups.append(nn.ModuleDict(dict(
                first=nn.Conv2d(stem, width, 3, padding=1, bias=False), first_norm=nn.BatchNorm2d(width, momentum=0.4),
                second=nn.Conv2d(width, width, 3, padding=1, bias=False), second_norm=nn.BatchNorm2d(width, momentum=0.4))))
            stem = width
        self.head = nn.Linear(stem, classes, bias=False)

    def forward(self, x):
        x = F.gelu(self.stem(x))
        for group in self.groups:
            x = F.gelu(group["first_norm"](F.max_pool2d(group["first"](x), 2)))
            x = F.gelu(group["second_norm"](group["second"](x)))
        return self.head(x.amax((2, 3))) * (2 / 9)


def unit(inputs, outputs, kernel, stride=1):
    return nn.ModuleDict(dict(
        convolution=nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), norm=nn.BatchNorm2d(outputs)))


def run(unit, x):
    return unit["norm"](unit["convolution"](x))


class Block(nn.Module):
    def __init__(self, inputs, width, outputs, stride, bottleneck):
        super().__init__()
        self.branch = nn.ModuleList(
            [unit(inputs, width, 1), unit(width, width, 3, stride), unit(width, outputs, 1)] if bottleneck
            else [unit(inputs, width, 3, stride), unit(width, outputs, 3)])
        self.shortcut = unit(inputs, outputs, 1) if inputs != outputs else None
        self.stride = stride

    def forward(self, x):
        shortcut = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) if self.stride == 2 else x
        if self.shortcut is not None:
            shortcut = run(self.shortcut, shortcut)
        for i, part in enumerate(self.branch):
            x = run(part, x)
            if i + 1 < len(self.branch):
                x = F.relu(x, inplace=True)
        return F.relu(x + shortcut, inplace=True)


class XResNet(nn.Module):
    def __init__(self, depth, classes):
        super().__init__()
        counts = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}[depth]
        self.stem = nn.ModuleList([unit(3, 32, 3, 2), unit(32, 32, 3), unit(32, 64, 3)])
        self.stages = nn.ModuleList()
        inputs = 64
        for stage, count in enumerate(counts):
            width = 64 << stage
            outputs = width * 4 if depth == 50 else width
            blocks = nn.ModuleList()
            for number in range(count):
                blocks.append(Block(inputs, width, outputs, 2 if stage and not number else 1, depth == 50))
                inputs = outputs
            self.stages.append(blocks)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x):
        for part in self.stem:
            x = F.relu(run(part, x), inplace=True)
        x = F.max_pool2d(x, 3, 2, 1)
        for blocks in self.stages:
            for block in blocks:
                x = block(x)
        return self.head(x.mean((2, 3)))


def describe(model, px):
    model = model.double().train()
    parts = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    names = [name for name in parts if not name.endswith("num_batches_tracked")]
    with torch.no_grad():
        for name in names:
            part = parts[name]
            number = sum(map(ord, name)) % 97  # independent of the order
            if part.dim() >= 2:
                part.copy_(fill(part.shape, number, (6 / part[0].numel()) ** 0.5))
            elif name.endswith("norm.weight"):
                # Small on residual branches: at 1, fifty layers blow single precision's rounding up to percents.
                part.copy_((0.4 if ".branch." in name else 1) + fill(part.shape, number, 0.1))
            elif name.endswith("running_var"):
                part.copy_(1 + fill(part.shape, number, 0.2))
            else:
                part.copy_(fill(part.shape, number, 0.1))
    x = fill((3, 3, px, px), 1, 1.0)
    scores = model(x)
    loss = F.cross_entropy(scores, torch.tensor([0, 2, 1]), label_smoothing=0.1)
    loss.backward()

    def digest(values):
        weights = torch.cos(0.3 * torch.arange(values.numel(), dtype=torch.double))
        return [(values.flatten() * weights).sum().item(), values.norm().item()]

    slots = {}
    for name in names:
        part = parts[name]
        if "running" in name:
            slots[name] = dict(statistic=digest(part))
        elif part.grad is not None:
            slots[name] = dict(gradient=digest(part.grad))
        else:
            slots[name] = {}
    result = dict(px=px, scores=scores.flatten().tolist(), loss=loss.item(), slots=slots)
    result["judged"] = model.eval()(x).flatten().tolist()
    return result


if __name__ == "__main__":
    torch.manual_seed(0)
    networks = {
        '{"kind":"fast","stem":4,"widths":[6,5]}': describe(Fast(4, [6, 5], 3), 18),
        '{"kind":"xresnet","depth":18}': describe(XResNet(18, 3), 40),
        '{"kind":"xresnet","depth":50}': describe(XResNet(50, 3), 64),
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(networks, indent=1) + "\n")
