"""A network of timm with imagenette's loader, its record and its score: python examples/timm_loop.py runs/timm-s0"""

import sys

import timm
import timm.optim
import torch
import torch.nn.functional as F

import imagenette as im

out, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0
name, px, epochs, rate = "resnet10t", 64, 1, 3e-3
device = "cuda" if torch.cuda.is_available() else "cpu"
torch.manual_seed(seed)

ds = im.get("drawn")
train = im.torch.loader(ds.train, 64, px, seed=seed, device=device, mix={"mixup": 0.2})
val = im.torch.loader(ds.val, 250, px, device=device)
model = timm.create_model(name, num_classes=10).to(device, memory_format=torch.channels_last)
optimizer = timm.optim.create_optimizer_v2(model, opt="lamb", lr=rate, weight_decay=0.02)

with im.record(out, ds, seed=seed, model=model, recipe={"model": name, "optimizer": "lamb", "rate": rate}) as run:
    for _ in range(epochs):
        for x, y in train:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log(loss=loss, rate=rate)
        print(run.evaluate(model, loader=val))
