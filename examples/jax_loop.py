"""Your own JAX loop with imagenette's loader, its record and its score: python examples/jax_loop.py runs/jax-s0"""

import sys

import jax

import imagenette as im

out, seed, epochs, rate = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0, 2, 0.05


def network(weights, images):
    x = im.jax.normalized(images)
    for kernel in weights["kernels"]:
        x = jax.lax.conv_general_dilated(x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jax.nn.relu(x - x.mean((1, 2), keepdims=True))
    return x.max((1, 2)) @ weights["head"]


@jax.jit
def step(weights, images, labels):
    def loss(weights):
        return -jax.numpy.take_along_axis(jax.nn.log_softmax(network(weights, images)), labels[:, None], 1).mean()

    value, slopes = jax.value_and_grad(loss)(weights)
    return value, jax.tree.map(lambda weight, slope: weight - rate * slope, weights, slopes)


draw, widths = lambda *shape: jax.random.normal(jax.random.key(seed), shape), [3, 16, 32, 64]  # noqa: E731
kernels = [draw(3, 3, a, b) * (2 / 9 / a) ** 0.5 for a, b in zip(widths, widths[1:], strict=False)]
weights = {"kernels": kernels, "head": draw(64, 10) / 8}

ds = im.get("drawn")
train = im.jax.loader(ds.train, 64, 64, seed=seed)
with im.record(out, ds, seed=seed, recipe={"rate": rate}) as run:
    for _ in range(epochs):
        for images, labels in train:
            loss, weights = step(weights, images, labels)
            run.log(loss=loss, rate=rate)
        print(run.evaluate(lambda images: network(weights, jax.numpy.asarray(images))))
