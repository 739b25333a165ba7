from __future__ import annotations

import math

import torch

from mood_sweeps.networks.position_embeddings import sincos_positions


def test_a_hand_worked_position() -> None:
    positions = sincos_positions(4, 8)
    assert positions.shape == (1, 16, 8)
    slow = 2 * math.pi / 10**0.5
    row, column = 1, 3
    expected = [
        math.sin(2 * math.pi * row / 4),
        math.sin(slow * row / 4),
        math.cos(2 * math.pi * row / 4),
        math.cos(slow * row / 4),
        math.sin(2 * math.pi * column / 4),
        math.sin(slow * column / 4),
        math.cos(2 * math.pi * column / 4),
        math.cos(slow * column / 4),
    ]
    torch.testing.assert_close(positions[0, 4 * row + column], torch.tensor(expected))


def test_no_two_positions_are_alike() -> None:
    positions = sincos_positions(4, 48)[0]
    distances = torch.cdist(positions, positions) + 10 * torch.eye(16)
    assert distances.min() > 1
