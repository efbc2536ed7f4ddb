"""A multinomial logistic regression, small enough to refit at every run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.scrub.blas import use_one_blas_thread

Matrix = NDArray[np.float64]
MAX_ITERATIONS = 300


@dataclass(frozen=True, slots=True)
class Head:
    """A fitted head.

    Attributes:
        weights: one row a feature and a last row of intercepts, one column a label.
        temperature: what logits are divided by, so that probabilities match what was seen in training.
    """

    weights: Matrix
    temperature: float = 1.0

    def logits(self, features: Matrix) -> Matrix:
        """Return one row an item, one column a label."""
        return features @ self.weights[:-1] + self.weights[-1]

    def probabilities(self, features: Matrix) -> Matrix:
        """Return calibrated probabilities, one row an item."""
        return softmax(self.logits(features) / self.temperature)


def softmax(logits: Matrix) -> Matrix:
    """Return rows that sum to 1."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def fit_head(features: Matrix, labels: NDArray[np.int64], n_labels: int, weights: Matrix, c: float) -> Head:
    """Fit weights by L-BFGS on the weighted log loss with an L2 penalty.

    Args:
        features: one row an example.
        labels: column of the right label for each example.
        n_labels: number of labels, including those without an example.
        weights: weight of each example.
        c: inverse strength of the penalty; the intercepts are free.
    """
    from scipy.optimize import minimize

    use_one_blas_thread()
    n, width = features.shape
    rows = np.arange(n)
    penalty = np.full((width + 1, 1), 1.0 / c)
    penalty[-1] = 1e-6

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        matrix = flat.reshape(width + 1, n_labels)
        logits = features @ matrix[:-1] + matrix[-1]
        logits -= logits.max(axis=1, keepdims=True)
        log_total = np.log(np.exp(logits).sum(axis=1))
        residual = np.exp(logits - log_total[:, None])
        value = float((weights * (log_total - logits[rows, labels])).sum())
        residual[rows, labels] -= 1.0
        residual *= weights[:, None]
        gradient = np.vstack([features.T @ residual, residual.sum(axis=0)]) + penalty * matrix
        return value + 0.5 * float((penalty * matrix**2).sum()), gradient.ravel()

    found = minimize(
        loss,
        np.zeros((width + 1) * n_labels),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": MAX_ITERATIONS},
    )
    return Head(found.x.reshape(width + 1, n_labels))


def fit_temperature(logits: Matrix, labels: NDArray[np.int64], weights: Matrix) -> float:
    """Return the temperature with the least weighted log loss on logits of examples not trained on."""
    rows = np.arange(len(labels))
    grid = np.geomspace(0.25, 8.0, 41)
    losses = [
        -float((weights * np.log(softmax(logits / t)[rows, labels] + 1e-12)).sum() / weights.sum())
        for t in grid
    ]
    return float(grid[int(np.argmin(losses))])
