"""Whether a training learned, judged by its own curves and weights.

A loss that is not finite ends a training. The rules here find trainings that finish and publish
weights although they diverged or learned nothing. A training that learned is far from the limit of
every rule. No rule looks at a test image.
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
    untrained_loss: float | None,
    steps: int,
    *,
    may_rise: bool,
    may_rise_again: bool = False,
) -> tuple[str, ...]:
    """Return findings about a loss, from the records of all epochs.

    untrained_loss: the loss of the first batch, before any step. steps: of the whole training.
    may_rise: whether the loss may exceed ``untrained_loss`` although the network learns; it may
    then rise again, too. may_rise_again: whether the loss may rise after it fell.

    - It did not fall: the mean of the last tenth of the epochs is less than 5% below
      ``untrained_loss``. Not checked below 100 steps, which are too few to tell.
    - It blew up: an epoch's mean was over 2.5 times ``untrained_loss``; or, with 100 steps or more,
      an epoch's mean was over 1.1 times ``untrained_loss`` and the last tenth is above half of
      ``untrained_loss`` (the first steps may raise the loss for a while).
    - It rose again: every epoch of the second half is more than 20% above the lowest of the first
      half, and the last tenth exceeds that lowest by more than 5% of ``untrained_loss``, so that a
      loss near zero may vary. Not checked below 100 steps.
    """
    if untrained_loss is None or untrained_loss <= 0 or not curve:
        return ()
    losses = [float(record["loss"]) for record in curve]
    tail = losses[-max(1, len(losses) // _LAST_SHARE) :]
    last, highest = sum(tail) / len(tail), max(losses)
    is_short = steps < _FEWEST_STEPS
    if not is_short and last > (1 - _LEAST_FALL) * untrained_loss:
        return (f"the loss did not fall ({untrained_loss:.4g} untrained, {last:.4g} at the end)",)
    if may_rise:
        return ()
    stayed_up = (
        not is_short and highest > _BLOWN_UP * untrained_loss and last > _RECOVERED * untrained_loss
    )
    if highest > _BLOWN_UP_AT_ONCE * untrained_loss or stayed_up:
        return (
            f"the loss blew up ({untrained_loss:.4g} untrained, {highest:.4g} at its highest, "
            f"{last:.4g} at the end)",
        )
    half = len(losses) // 2
    if may_rise_again or is_short or not half:
        return ()
    lowest = min(losses[:half])
    if min(losses[half:]) > _RISEN_AGAIN * lowest and last - lowest > _LEAST_FALL * untrained_loss:
        return (f"the loss rose again ({lowest:.4g} at its lowest, {last:.4g} at the end)",)
    return ()


def accuracy_findings(accuracy: float | None, labels: Ints | None) -> tuple[str, ...]:
    """Return findings about an accuracy on the validation images with these labels (N,).

    The accuracy is at chance if guesses that are each right with the share of the largest class get
    as many images right with a probability above 0.001 (binomial). No finding where even an
    accuracy of 1 would be at chance by this rule.
    """
    if accuracy is None or labels is None or not len(labels):
        return ()
    counts = torch.bincount(torch.as_tensor(labels))
    images, chance = len(labels), float(counts.max()) / len(labels)
    if chance == 1 or chance**images > _LEVEL:
        return ()
    right = round(accuracy * images)
    # bdtrc(k, n, p): the probability of more than k successes in n.
    if right > 0 and bdtrc(right - 1, images, chance) <= _LEVEL:
        return ()
    return (
        f"validation accuracy {100 * accuracy:.1f}% is that of chance (the largest class has "
        f"{100 * chance:.1f}% of {images} images)",
    )


def weight_findings(
    before: Mapping[str, torch.Tensor], after: Mapping[str, torch.Tensor], trained: Sequence[str]
) -> tuple[str, ...]:
    """Return findings about the change of the weights named in ``trained``.

    They did not move if the norm of their change is below 1e-6 of their norm before.
    """
    change = norm = 0.0
    for name in trained:
        start = before[name].double()
        change += float((after[name].double() - start).square().sum())
        norm += float(start.square().sum())
    if change < _LEAST_CHANGE**2 * norm:
        return ("the weights did not move",)
    return ()
