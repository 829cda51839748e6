"""Runs every NUMBER.onnx of a folder on NUMBER.photos by onnxruntime and compares with NUMBER.logits.

Prints a line for each file: its number and the largest difference over the largest logit, which must be at most 1e-4.
"""

import pathlib
import sys

import numpy
import onnx
import onnxruntime

folder = pathlib.Path(sys.argv[1])
for path in sorted(folder.glob("*.onnx"), key=lambda path: int(path.stem)):
    # Infers every shape anew and holds it to the one in the file.
    onnx.checker.check_model(str(path), full_check=True)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [photos], [logits] = session.get_inputs(), session.get_outputs()
    assert (photos.name, photos.type, logits.name) == ("photos", "tensor(float)", "logits"), (photos, logits)
    assert photos.shape[:2] == ["N", 3] and logits.shape[0] == "N", (photos.shape, logits.shape)
    numbers = lambda end: numpy.fromfile(path.with_suffix(end), dtype="<f4")
    expected = numbers(".logits").reshape(-1, logits.shape[1])
    data = numbers(".photos").reshape(-1, *photos.shape[1:])
    found = session.run(["logits"], {"photos": data})[0]
    # Any number of photos is taken.
    [alone] = session.run(["logits"], {"photos": data[:1]})[0]
    largest = max(1.0, float(numpy.abs(expected).max()))
    difference = max(float(numpy.abs(found - expected).max()), float(numpy.abs(alone - expected[0]).max())) / largest
    print(path.stem, f"{difference:.1e}")
    assert difference <= 1e-4, path
