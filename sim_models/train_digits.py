"""Trains the digits network in numpy and writes ``data/digits.npz``: seeded, about a minute."""

import argparse

import numpy as np

from .digits import (
    KERNEL,
    LAYERS,
    PIXEL_MAX,
    WEIGHTS,
    Floats,
    Ints,
    accuracy,
    float_logits,
    im2col,
    images,
)

# Chosen on 280 images held out of the training set, not on the test images.
EPOCHS, BATCH, RATE, DECAY, KEPT = 120, 32, 2e-3, 1e-2, 0.3
SHAPES = {"conv": (KERNEL * KERNEL, 16), "hidden": (36 * 16, 32), "classes": (32, 10)}


def shifted(x: Floats, rng: np.random.Generator) -> Floats:
    """Images moved by up to one pixel, but for a share of ``KEPT``."""
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
    rows, cols = rng.integers(0, 3, (2, len(x)))
    moved = np.stack([p[r : r + 8, c : c + 8] for p, r, c in zip(padded, rows, cols, strict=True)])
    return np.where((rng.random(len(x)) < KEPT)[:, None, None], x, moved)


def gradients(weights: dict[str, Floats], x: Floats, y: Ints) -> dict[str, Floats]:
    """Cross-entropy gradients of every array for one batch."""
    out = float_logits(weights, x)
    shifted_logits = out["classes"] - out["classes"].max(axis=1, keepdims=True)
    p = np.exp(shifted_logits)
    p /= p.sum(axis=1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    d_classes = p / len(y)
    d_hidden = (d_classes @ weights["classes_w"].T) * (out["hidden"] > 0)
    d_conv = ((d_hidden @ weights["hidden_w"].T) * (out["conv"] > 0)).reshape(-1, 16)
    columns = im2col(x / PIXEL_MAX)
    return {
        "classes_w": out["hidden"].T @ d_classes,
        "classes_b": d_classes.sum(axis=0),
        "hidden_w": out["conv"].T @ d_hidden,
        "hidden_b": d_hidden.sum(axis=0),
        "conv_w": columns.T @ d_conv,
        "conv_b": d_conv.sum(axis=0),
    }


def train(seed: int) -> dict[str, np.ndarray]:
    """Weights after ``EPOCHS`` epochs of Adam with a linearly falling rate."""
    rng = np.random.default_rng(seed)
    train_x, train_y, _, _ = images()
    weights = {}
    for name, (k, n) in SHAPES.items():
        weights[f"{name}_w"] = rng.normal(0, np.sqrt(2 / k), (k, n)).astype(np.float32)
        weights[f"{name}_b"] = np.zeros(n, np.float32)
    mean = {name: np.zeros_like(w) for name, w in weights.items()}
    square = {name: np.zeros_like(w) for name, w in weights.items()}
    step, steps = 0, EPOCHS * -(-len(train_y) // BATCH)
    for _ in range(EPOCHS):
        order = rng.permutation(len(train_y))
        x = shifted(train_x, rng)
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            rate = RATE * (1 - step / steps)
            step += 1
            for name, g in gradients(weights, x[batch], train_y[batch]).items():
                mean[name] = 0.9 * mean[name] + 0.1 * g
                square[name] = 0.999 * square[name] + 0.001 * g * g
                m, s = mean[name] / (1 - 0.9**step), square[name] / (1 - 0.999**step)
                decay = DECAY if name.endswith("_w") else 0.0
                weights[name] -= rate * (m / (np.sqrt(s) + 1e-8) + decay * weights[name])
    outputs = float_logits(weights, train_x)
    for name in LAYERS[:-1]:
        weights[f"{name}_max"] = np.asarray(outputs[name].max(), np.float32)
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of initial weights and batches")
    weights = train(parser.parse_args().seed)
    _, _, x, y = images()
    print(f"test accuracy {accuracy(float_logits(weights, x)['classes'], y):.4f}")
    np.savez(WEIGHTS, allow_pickle=False, **weights)


if __name__ == "__main__":
    main()
