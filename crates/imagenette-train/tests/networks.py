"""Writes networks.json: what PyTorch (in double precision) says of our networks, which tests/networks.rs compares with.

Run it by hand after a change of the networks: python crates/imagenette-train/tests/networks.py
"""

import json
import pathlib
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

# In place, as a program that watches its memory would have it.
RELU = partial(F.relu, inplace=True)


def fill(shape, number, scale):
    """Numbers that both sides can make: scale * a hash of (position, number) in -1..1, as f32."""
    low = 0xFFFFFFFF
    x = (torch.arange(torch.Size(shape).numel()) * 0x9E3779B1 + number * 0x85EBCA77) & low
    x = ((x ^ (x >> 15)) * 0x85EBCA77) & low
    x = ((x ^ (x >> 13)) * 0xC2B2AE3D) & low
    x = x ^ (x >> 16)
    return (scale * (x.double() / 2**31 - 1)).float().double().reshape(shape)


def max_blur(x):
    """The largest of 2 x 2 at every place, then [1, 2, 1] both ways at every other, borders mirrored."""
    line = torch.tensor([1, 2, 1], dtype=x.dtype) / 4
    kernel = (line[:, None] * line).expand(x.shape[1], 1, 3, 3)
    x = F.pad(F.max_pool2d(x, 2, 1), (1, 1, 1, 1), "reflect")
    return F.conv2d(x, kernel, stride=2, groups=x.shape[1])


class Fast(nn.Module):
    def __init__(self, stem, widths, classes, patch=4, depths=None, residual=False, blur=False):
        super().__init__()
        self.patch, self.residual, self.blur = patch, residual, blur
        self.stem = nn.Conv2d(3, stem, patch, patch // 2, 1, bias=False)
        self.stem.weight.requires_grad_(False)
        self.groups = nn.ModuleList()
        for width, depth in zip(widths, depths or [1] * len(widths)):
            group = dict(first=nn.Conv2d(stem, width, 3, padding=1, bias=False), first_norm=nn.BatchNorm2d(width, momentum=0.4))
            for name in ("second", "third", "fourth")[:depth]:
                group[name] = nn.Conv2d(width, width, 3, padding=1, bias=False)
                group[name + "_norm"] = nn.BatchNorm2d(width, momentum=0.4)
            self.groups.append(nn.ModuleDict(group))
            stem = width
        self.head = nn.Linear(stem, classes, bias=False)

    def forward(self, x):
        side = x.shape[2]
        x = self.stem(x)
        if self.patch == 2:
            x = x[:, :, 1:side + 1, 1:side + 1]
        x = F.gelu(x)
        for group in self.groups:
            x = group["first"](x)
            x = F.gelu(group["first_norm"](max_blur(x) if self.blur else F.max_pool2d(x, 2)))
            shortcut, later = x, [name for name in group if name != "first" and not name.endswith("norm")]
            for i, name in enumerate(later):
                x = group[name + "_norm"](group[name](x))
                if self.residual and i + 1 == len(later):
                    x = x + shortcut
                x = F.gelu(x)
        return self.head(x.amax((2, 3))) * (2 / 9)


def unit(inputs, outputs, kernel, stride=1, groups=1):
    return nn.ModuleDict(dict(
        convolution=nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        norm=nn.BatchNorm2d(outputs)))


def run(unit, x):
    return unit["norm"](unit["convolution"](x))


class Gate(nn.Module):
    """Squeeze and excitation, as fastai's SEModule."""

    def __init__(self, channels, reduction, activation):
        super().__init__()
        narrow = -(-(channels // reduction) // 8) * 8
        self.squeeze, self.excite, self.activation = nn.Linear(channels, narrow), nn.Linear(narrow, channels), activation

    def forward(self, x):
        return x * torch.sigmoid(self.excite(self.activation(self.squeeze(x.mean((2, 3))))))[:, :, None, None]


class Attention(nn.Module):
    """fastai's SimpleSelfAttention, its spectral normalisation written out."""

    def __init__(self, channels):
        super().__init__()
        self.weight, self.size = nn.Parameter(torch.zeros(channels, channels)), nn.Parameter(torch.zeros(1))
        self.register_buffer("direction", torch.zeros(channels))

    def forward(self, x):
        with torch.no_grad():
            left = F.normalize(self.direction, dim=0)
            right = F.normalize(self.weight.T @ left, dim=0)
            if self.training:
                left = F.normalize(self.weight @ right, dim=0)
                self.direction.copy_(left)
        weight = self.weight / (left.clone() @ (self.weight @ right))
        flat = x.flatten(2)
        return (self.size * (flat @ flat.transpose(1, 2) @ (weight @ flat)) + flat).reshape(x.shape)


class Block(nn.Module):
    def __init__(self, inputs, width, outputs, stride, bottleneck, groups, reduction, attends, activation):
        super().__init__()
        inner = groups * width // 16 if groups > 1 else width  # 4 channels a group where the width is 64
        self.branch = nn.ModuleList(
            [unit(inputs, inner, 1), unit(inner, inner, 3, stride, groups), unit(inner, outputs, 1)] if bottleneck
            else [unit(inputs, width, 3, stride), unit(width, outputs, 3)])
        self.gate = Gate(outputs, reduction, activation) if reduction else None
        self.attention = Attention(outputs) if attends else None
        self.shortcut = unit(inputs, outputs, 1) if inputs != outputs else None
        self.stride, self.activation = stride, activation

    def forward(self, x):
        shortcut = F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) if self.stride == 2 else x
        if self.shortcut is not None:
            shortcut = run(self.shortcut, shortcut)
        for i, part in enumerate(self.branch):
            x = run(part, x)
            if i + 1 < len(self.branch):
                x = self.activation(x)
        for part in (self.gate, self.attention):
            x = x if part is None else part(x)
        return self.activation(x + shortcut)


class XResNet(nn.Module):
    def __init__(self, depth, classes, groups=1, reduction=None, attention=False, blur=False, stem_stride=2, activation=RELU):
        super().__init__()
        counts = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}[depth]
        self.stem = nn.ModuleList([unit(3, 32, 3, stem_stride), unit(32, 32, 3), unit(32, 64, 3)])
        self.stages = nn.ModuleList()
        self.blur, self.activation = blur, activation
        inputs = 64
        for stage, count in enumerate(counts):
            width = 64 << stage
            outputs = width * 4 if depth == 50 else width
            blocks = nn.ModuleList()
            for number in range(count):
                attends = attention and stage == 0 and number + 1 == count
                blocks.append(Block(inputs, width, outputs, 2 if stage and not number else 1, depth == 50, groups,
                                    reduction, attends, activation))
                inputs = outputs
            self.stages.append(blocks)
        self.head = nn.Linear(inputs, classes)

    def forward(self, x):
        for part in self.stem:
            x = self.activation(run(part, x))
        x = max_blur(x) if self.blur else F.max_pool2d(x, 3, 2, 1)
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
        if "running" in name or name.endswith("direction"):
            slots[name] = dict(statistic=digest(part))
        elif part.grad is not None:
            slots[name] = dict(gradient=digest(part.grad))
        else:
            slots[name] = {}
    result = dict(px=px, scores=scores.flatten().tolist(), loss=loss.item(), slots=slots)
    result["evaluated"] = model.eval()(x).flatten().tolist()
    return result


if __name__ == "__main__":
    torch.manual_seed(0)
    networks = {
        '{"kind":"fast","stem":4,"widths":[6,5]}': describe(Fast(4, [6, 5], 3), 18),
        '{"kind":"xresnet","depth":18}': describe(XResNet(18, 3), 40),
        '{"kind":"xresnet","depth":50}': describe(XResNet(50, 3), 64),
        '{"kind":"fast","stem":6,"stem_patch_px":2,"widths":[6,5,7],"depths":[0,1,2],"residual":true,"pool":"max-blur"}':
            describe(Fast(6, [6, 5, 7], 3, 2, [0, 1, 2], True, True), 18),
        '{"kind":"xresnet","depth":18,"activation":"mish","pool":"max-blur","gate_reduction":16,"self_attention":true}':
            describe(XResNet(18, 3, reduction=16, attention=True, blur=True, activation=F.mish), 40),
        '{"kind":"xresnet","depth":50,"activation":"silu","groups":32,"gate_reduction":16,"stem_stride":1}':
            describe(XResNet(50, 3, groups=32, reduction=16, stem_stride=1, activation=F.silu), 32),
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(networks, indent=1) + "\n")
