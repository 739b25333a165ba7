"""Whether a training learned: what its own curves and weights say against it.

A loss that is not finite ends a training. What is found here is of trainings that come to their end
and publish weights, and yet diverged or learned nothing. Each rule is one that a training which
learned is far from breaking; none looks at a test image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from scipy.special import bdtrc

from mood_sweeps.bank import Ints

__all__ = ["accuracy_findings", "loss_findings", "weight_findings"]

_FEWEST_STEPS = 100
_LAST_SHARE = 10
_LEAST_FALL = 0.05
_BLOWN_UP = 1.1
_BLOWN_UP_AT_ONCE = 2.5
_RECOVERED = 0.5
_RISEN_AGAIN = 1.2
_LEAST_CHANGE = 1e-6
_LEVEL = 1e-3


def loss_findings(
    curve: Sequence[Mapping[str, Any]],
    untrained: float | None,
    steps: int,
    *,
    may_rise: bool,
    may_rise_again: bool = False,
) -> tuple[str, ...]:
    """Return what is wrong with a loss, by the records of all epochs.

    untrained: the loss of the first batch, before any step. steps: of the whole training. may_rise:
    whether the loss of what learns may be above ``untrained`` meanwhile; may_rise_again: whether it
    may rise after it fell. What may rise may rise again.

    - It did not fall: the mean of the last tenth of the epochs is less than 5% below
      ``untrained``. Fewer than 100 steps are too few to tell.
    - It blew up: an epoch's mean was over 2.5 times ``untrained``; or over 1.1 times, in no
      fewer than 100 steps (the first ones may go astray), and the last tenth is above half of it.
    - It rose again: every epoch of the second half is more than 20% above the lowest of the first,
      and the last tenth is higher than that by more than 5% of ``untrained``, so that a loss near
      zero may vary. It needs 100 steps, too.
    """
    if untrained is None or untrained <= 0 or not curve:
        return ()
    losses = [float(record["loss"]) for record in curve]
    tail = losses[-max(1, len(losses) // _LAST_SHARE) :]
    last, highest = sum(tail) / len(tail), max(losses)
    is_short = steps < _FEWEST_STEPS
    if not is_short and last > (1 - _LEAST_FALL) * untrained:
        return (f"the loss did not fall ({untrained:.4g} untrained, {last:.4g} at the end)",)
    if may_rise:
        return ()
    stayed_up = not is_short and highest > _BLOWN_UP * untrained and last > _RECOVERED * untrained
    if highest > _BLOWN_UP_AT_ONCE * untrained or stayed_up:
        return (
            f"the loss blew up ({untrained:.4g} untrained, {highest:.4g} at its highest, "
            f"{last:.4g} at the end)",
        )
    half = len(losses) // 2
    if may_rise_again or is_short or not half:
        return ()
    lowest = min(losses[:half])
    if min(losses[half:]) > _RISEN_AGAIN * lowest and last - lowest > _LEAST_FALL * untrained:
        return (f"the loss rose again ({lowest:.4g} at its lowest, {last:.4g} at the end)",)
    return ()


def accuracy_findings(accuracy: float | None, labels: Ints | None) -> tuple[str, ...]:
    """Return what is wrong with an accuracy on the validation images of these labels (N,).

    It is at chance where naming the most frequent class for every image gets as many right with a
    probability above 0.001 (binomial). Nothing is said where all right would be no more than that.
    """
    if accuracy is None or labels is None or not len(labels):
        return ()
    counts = torch.bincount(torch.as_tensor(labels))
    images, chance = len(labels), float(counts.max()) / len(labels)
    if chance == 1 or chance**images > _LEVEL:
        return ()
    right = round(accuracy * images)
    # bdtrc(k, n, p): the probability of more than k.
    if right > 0 and bdtrc(right - 1, images, chance) <= _LEVEL:
        return ()
    return (
        f"validation accuracy {100 * accuracy:.1f}% is that of chance (the largest class has "
        f"{100 * chance:.1f}% of {images} images)",
    )


def weight_findings(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor], trained: Sequence[str]
) -> tuple[str, ...]:
    """Return what is wrong with what a training did to the weights named in ``trained``.

    They did not move where they are less than 1e-6 of their norm away from where they were.
    """
    moved = norm = 0.0
    for name in trained:
        was = before[name].double()
        moved += float((after[name].double() - was).square().sum())
        norm += float(was.square().sum())
    if moved < _LEAST_CHANGE**2 * norm:
        return ("the weights did not move",)
    return ()
