"""Reads both exports of a small dataset with the tools' own libraries and compares every photo with its file."""

import collections
import pathlib
import sys

import datasets
import webdataset

folder, train_shards = pathlib.Path(sys.argv[1]), int(sys.argv[2])
expected = collections.defaultdict(dict)
for line in (folder / "photos.tsv").read_text().splitlines():
    split, label, path = line.split("\t")
    expected[split][pathlib.Path(path).read_bytes()] = int(label)

read = 0
for split, pattern in [("train", f"train-{{000000..{train_shards - 1:06}}}.tar"), ("val", "val-000000.tar")]:
    shards = sorted((folder / "webdataset").glob(f"{split}-*.tar"))
    if split == "train":
        assert len(shards) == train_shards
        source = str(folder / "webdataset" / pattern)
    else:
        source = [str(shard) for shard in shards]
    samples = {}
    for sample in webdataset.WebDataset(source, shardshuffle=False).decode("rgb8"):
        samples[sample["__key__"]] = sample
        assert sample["json"]["label"] == sample["cls"] and sample["json"]["sample"] == int(sample["__key__"])
    raw = {sample["__key__"]: sample["jpg"] for sample in webdataset.WebDataset(source, shardshuffle=False)}
    assert {raw[key]: sample["cls"] for key, sample in samples.items()} == expected[split]
    first = samples[min(samples)]
    assert first["jpg"].shape[:2] == (first["json"]["height_px"], first["json"]["width_px"])
    read += len(samples)
print(f"webdataset read {read}")

read = 0
loaded = datasets.load_dataset(str(folder / "parquet"))
assert set(loaded) == {"train", "validation"}, loaded
for name, split in [("train", "train"), ("validation", "val")]:
    rows = loaded[name]
    assert isinstance(rows.features["image"], datasets.Image), rows.features
    assert rows.features["label"].names[0] == "tench", rows.features
    picture = rows[0]["image"]
    assert picture.mode == "RGB" and min(picture.size) > 0
    plain = rows.cast_column("image", datasets.Image(decode=False))
    assert {row["image"]["bytes"]: row["label"] for row in plain} == expected[split]
    assert all(row["image"]["path"].endswith(".JPEG") for row in plain)
    read += len(rows)
print(f"datasets read {read}")
