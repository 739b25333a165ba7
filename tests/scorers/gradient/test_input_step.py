from __future__ import annotations

import numpy as np
import pytest
import torch

from mood_sweeps.scorers.gradient.input_step import away_from, of_unit_magnitude, per_pixel


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1000.0])
def test_is_the_direction_of_the_gradient_of_the_loss(temperature):
    logits = np.random.default_rng(0).normal(scale=3, size=(20, 6))
    given = torch.from_numpy(logits).requires_grad_()
    loss = torch.nn.functional.cross_entropy(
        given / temperature, given.argmax(dim=1), reduction="sum"
    )
    (gradient,) = torch.autograd.grad(loss, given)
    gradient = gradient.numpy()
    np.testing.assert_allclose(
        away_from(logits, temperature), gradient / -gradient.min(axis=1, keepdims=True), atol=1e-12
    )


def test_does_not_vanish_where_the_network_is_sure():
    logits = np.array([[9000.0, 2.0, 2.0, -9000.0]], dtype=np.float32)
    np.testing.assert_allclose(away_from(logits, 1.0), [[-1, 0.5, 0.5, 0]])


def test_is_zero_where_there_is_one_class_only():
    np.testing.assert_array_equal(away_from(np.array([[3.0], [-1.0]]), 1.0), [[0], [0]])


def test_a_step_is_in_units_of_pixels_channel_by_channel():
    step = per_pixel(np.full((1, 2, 1, 3), 0.1), np.array([0.5, 0.25]))
    np.testing.assert_allclose(step, [[[[0.2] * 3], [[0.4] * 3]]])


def test_rows_of_any_length_fit_float32():
    rows = np.array([[1e-60, -2e-60], [3e60, 1e60], [0, 0]])
    np.testing.assert_allclose(of_unit_magnitude(rows), [[0.5, -1], [1, 1 / 3], [0, 0]])
