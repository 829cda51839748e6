"""Your own PyTorch loop with imagenette's loader, record and score: python examples/pytorch_loop.py runs/mine-s0"""

import sys

import torch
import torch.nn.functional as F
from torch import nn

import imagenette as im

out, seed, epochs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0, 3
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(seed)


def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


model = nn.Sequential(
    block(3, 32), block(32, 64), block(64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)
)
model = model.to(device, memory_format=torch.channels_last)

ds = im.get("drawn")
train = im.torch.loader(ds.train, 64, 64, seed=seed, device=device)
val = im.torch.loader(ds.val, 250, 64, device=device)
optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * len(train))

with im.record(out, ds, seed=seed, model=model, recipe={"optimizer": "adamw", "rate": 3e-3}) as run:
    for _ in range(epochs):
        for x, y in train:
            loss = F.cross_entropy(model(x), y, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log(loss=loss, rate=schedule.get_last_lr()[0])
            schedule.step()
        print(run.evaluate(model, loader=val))
