"""A classifier of handwritten digits: a network with one hidden layer. Agents change this file."""

from __future__ import annotations

import numpy as np

UNITS = 16
RATE = 0.1
EPOCHS = 15
BATCH = 32
DECAY = 0.0
MOMENTUM = 0.0
DROPOUT = 0.0
SMOOTHING = 0.0
NOISE = 0.0
SCALE = 0.1


def prepare(images: np.ndarray) -> np.ndarray:
    """Return what the network sees of images of 8 by 8 pixels."""
    return images.reshape(len(images), -1) / 16


def augment(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the images to train on."""
    return images, labels


def activate(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the activations of the hidden units, and their slopes."""
    outputs = np.tanh(sums)
    return outputs, 1 - outputs**2


def schedule(progress: float) -> float:
    """Return the factor of the learning rate, for a progress from 0 to 1."""
    return 1.0 if progress < 1 else 0.0


def train(images: np.ndarray, labels: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return the weights of the hidden units, and those of the outputs."""
    rng = np.random.default_rng(seed)
    images, labels = augment(images, labels)
    inputs = prepare(images)
    targets = np.eye(10)[labels] * (1 - SMOOTHING) + SMOOTHING / 10
    weights = [rng.normal(0, SCALE, (inputs.shape[1] + 1, UNITS)), rng.normal(0, SCALE, (UNITS + 1, 10))]
    steps = [np.zeros_like(one) for one in weights]
    for epoch in range(EPOCHS):
        order = rng.permutation(len(inputs))
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            seen = inputs[chosen] + rng.normal(0, NOISE, (len(chosen), inputs.shape[1]))
            kept = (rng.random((len(chosen), UNITS)) >= DROPOUT) / (1 - DROPOUT)
            hidden, slopes = activate(with_bias(seen) @ weights[0])
            hidden = hidden * kept
            errors = softmax(with_bias(hidden) @ weights[1]) - targets[chosen]
            below = (errors @ weights[1][:-1].T) * slopes * kept
            gradients = [with_bias(seen).T @ below, with_bias(hidden).T @ errors]
            for number, gradient in enumerate(gradients):
                change = gradient / len(chosen) + DECAY * weights[number]
                steps[number] = MOMENTUM * steps[number] - RATE * schedule(epoch / EPOCHS) * change
                weights[number] = weights[number] + steps[number]
    return weights


def classify(images: np.ndarray, weights: list[np.ndarray]) -> np.ndarray:
    """Return the digit of each image."""
    hidden, _ = activate(with_bias(prepare(images)) @ weights[0])
    return (with_bias(hidden) @ weights[1]).argmax(axis=1)


def with_bias(values: np.ndarray) -> np.ndarray:
    """Return values with a column of ones."""
    return np.hstack([values, np.ones((len(values), 1))])


def softmax(sums: np.ndarray) -> np.ndarray:
    """Return probabilities."""
    powers = np.exp(sums - sums.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
