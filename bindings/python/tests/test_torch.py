"""The loader and the record in a PyTorch loop."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its loader and its loops are not tried")

import imagenette as im  # noqa: E402


def test_torch_sees_a_batch_without_a_copy(tiny):
    batch = next(iter(im.Loader(tiny.train, 16, 32)))
    seen = torch.from_numpy(batch.images)
    batch.images[0, 0, 0, 0] ^= 255
    assert seen[0, 0, 0, 0] == batch.images[0, 0, 0, 0] and torch.from_dlpack(batch).shape == (16, 32, 32, 3)


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8])
def test_tensors_are_normalized_in_the_layout_and_type_asked_for(tiny, channels_last, dtype):
    options = {"seed": 4, "threads": 1}
    tensors = im.torch.loader(tiny.train, 16, 32, dtype=dtype, channels_last=channels_last, **options)
    for (x, y), batch in zip(tensors, im.Loader(tiny.train, 16, 32, **options)):
        assert x.dtype == dtype and x.shape == (16, 3, 32, 32)
        kind = torch.channels_last if channels_last else torch.contiguous_format
        assert x.is_contiguous(memory_format=kind)
        expected = batch.images.transpose(0, 3, 1, 2).astype(np.float64)
        if dtype.is_floating_point:
            mean, std = (np.array(known).reshape(1, 3, 1, 1) for known in (im.MEAN, im.STD))
            expected = (expected / 255 - mean) / std
        tolerance = 1e-5 if dtype == torch.float32 else 2e-2
        np.testing.assert_allclose(x.double().numpy(), expected, atol=tolerance)
        assert y.tolist() == batch.labels.tolist()
    assert len(tensors) == 6


def test_mixed_or_smoothed_labels_are_rows(tiny):
    _, y = next(iter(im.torch.loader(tiny.train, 16, 16, smoothing=0.1)))
    assert y.shape == (16, 4) and y.dtype == torch.float32 and abs(y[0].max() - 0.925) < 1e-6
    _, y = next(iter(im.torch.loader(tiny.train, 16, 16, mix={"cutmix": 1.0})))
    assert y.shape == (16, 4)


def small_network():
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, 2),
        torch.nn.BatchNorm2d(8),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 4),
    )


def test_a_whole_loop_learns_and_is_recorded(tiny, tmp_path):
    torch.manual_seed(1)
    model = small_network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    loader = im.torch.loader(tiny.train, 16, 32, seed=1)
    val = im.torch.loader(tiny.val, 20, 32)
    with im.record(tmp_path / "run", tiny, seed=1, model=model) as run:
        for _ in range(5):
            for x, y in loader:
                loss = torch.nn.functional.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                run.log(loss=loss, rate=0.1)
            run.evaluate(model, loader=val)
            assert model.training
    assert run.score.accuracy > 0.5
    opened = run.open()
    assert opened.record["environment"]["device"] == f"cpu, torch {torch.__version__}, f32"
    assert opened.record["model"] == {"name": "Sequential", "parameters": 276}
    assert opened.record["provenance"]["notes"]["versions"]["torch"] == torch.__version__
    assert opened.history["loss"][0] > opened.history["loss"][-1] and opened.record["epochs"] == 5
    # The predictions are those of the network in evaluation mode.
    with torch.no_grad():
        model.eval()
        expected = torch.cat([model(x).argmax(1) for x, _ in val])
    assert opened.predictions()["predicted"] == [tiny.wnids[label] for label in expected.tolist()]


def test_a_stock_data_loader_takes_the_dataset(tiny):
    def tensor(image):
        return torch.from_numpy(image[:32, :32].copy())

    for workers in (0, 2):
        dataset = im.Dataset(tiny.root, transform=tensor)
        loader = torch.utils.data.DataLoader(dataset, 8, num_workers=workers)
        images = torch.cat([x for x, _ in loader])
        assert images.shape == (96, 32, 32, 3)
        assert (images[7].numpy() == tiny.image(7)[:32, :32]).all()


def test_tensors_that_a_network_cannot_take_are_its_own_error(tiny, tmp_path):
    model = small_network().to("meta")
    with pytest.raises(im.ImagenetteError), im.record(tmp_path / "run", tiny) as run:
        run.log(loss=1.0, samples=16)
        run.evaluate(lambda x: model(torch.empty(len(x), 3, 32, 32, device="meta")))
    assert not (tmp_path / "run").exists()
    with pytest.raises(im.SettingError, match="loss of step 1: expected a finite number, found nan"):
        with im.record(tmp_path / "run", tiny) as run:
            run.log(loss=torch.tensor(float("nan")), samples=16)
            run.evaluate(lambda x: np.zeros((len(x), 4)))
