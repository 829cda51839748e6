"""A small network in PyTorch for `imagenette compare --idea-command`: all that is asked is {out}/predictions.csv."""
import argparse, csv, pathlib, torch
import numpy as np
from PIL import Image
from torch import nn

flags = argparse.ArgumentParser()
for name in ["--out", "--dataset", "--train-list", "--val-list"]:
    flags.add_argument(name, required=True, type=pathlib.Path)
flags.add_argument("--seed", required=True, type=int)
flags.add_argument("--epochs", default=2, type=int)
flags.add_argument("--activation", default="ReLU")  # any of torch.nn's
flags.add_argument("--px", default=32, type=int)
args = flags.parse_args()
torch.manual_seed(args.seed)

def read(list_file):
    rows = [line.split("\t") for line in list_file.read_text().splitlines()]  # path below the dataset, class
    photos = [Image.open(args.dataset / path).convert("RGB").resize((args.px, args.px)) for path, _ in rows]
    pixels = torch.from_numpy(np.stack([np.asarray(photo) for photo in photos])).permute(0, 3, 1, 2).float()
    return [path for path, _ in rows], pixels / 127.5 - 1, [wnid for _, wnid in rows]

_, train_x, train_wnids = read(args.train_list)
classes = sorted(set(train_wnids))
train_y = torch.tensor([classes.index(wnid) for wnid in train_wnids])
block = lambda i, o: [nn.Conv2d(i, o, 3, 2, 1, bias=False), nn.BatchNorm2d(o), getattr(nn, args.activation)()]
model = nn.Sequential(*block(3, 16), *block(16, 32), *block(32, 64), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                      nn.Linear(64, len(classes)))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(args.epochs):
    for batch in torch.randperm(len(train_x)).split(16):
        loss = nn.functional.cross_entropy(model(train_x[batch]), train_y[batch])
        optimizer.zero_grad(), loss.backward(), optimizer.step()
    print(f"epoch {epoch + 1}: loss {loss.item():.3f}", flush=True)
model.eval()
val_paths, val_x, _ = read(args.val_list)
with torch.no_grad(), open(args.out / "predictions.csv", "w", newline="") as file:
    predicted = torch.cat([model(part).argmax(1) for part in val_x.split(64)])
    csv.writer(file).writerows([["sample", "class"], *zip(val_paths, (classes[label] for label in predicted))])
