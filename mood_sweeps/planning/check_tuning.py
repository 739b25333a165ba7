"""Whether what is tuned can be tuned here: found before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from mood_sweeps.choice import Choice
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.methods.tokenizers.declarations import TokenizerModel
from mood_sweeps.planning.stages import Stage
from mood_sweeps.tuning import Tunable, Tuned

__all__ = ["check_tokenizers", "check_tuned", "needs_ray"]


T = TypeVar("T", bound=Tunable)


def check_tuned(choice: Choice[Tunable], images: ImageSet, seed: int | None, where: str) -> None:
    """Raise InputError if a choice is tuned and its settings or ``images`` do not allow it.

    images: the training set; its validation split decides. where: the experiment's file.
    """
    if not isinstance(choice, Tuned):
        return
    _candidates(choice, seed or 0, where)
    if "val" not in images.splits or len(images.classes) < 2:
        raise InputError(
            Problem(
                f"{choice.label} is tuned by its accuracy on {images.name}/val, which needs that "
                "split and two classes or more",
                where,
            )
        )


def needs_ray(stages: Iterable[Stage]) -> Iterator[str]:
    """Yield why some stages cannot be tuned in one process, each choice once."""
    tuned = dict.fromkeys(stage.tuned for stage in stages if stage.tuned is not None)
    for choice in tuned:
        if not choice.search.is_deterministic:
            yield (
                f"{choice.label}: scheduler 'asha' compares what runs side by side; it needs "
                "--executor ray, or take scheduler 'halving'"
            )


def check_tokenizers(
    choice: Choice[Pretext],
    seed: int,
    tokenizer_of: Callable[[Choice[Pretext]], Choice[TokenizerModel] | None],
    where: str,
) -> None:
    """Raise InputError if settings of a pretext task differ in the tokenizer made before it."""
    if isinstance(choice, Tuned) and any(
        tokenizer_of(candidate) != tokenizer_of(choice)
        for candidate in _candidates(choice, seed, where)
    ):
        message = f"{choice.label} tunes what its tokenizer is made of, which is another stage"
        raise InputError(Problem(message, where))


def _candidates(choice: Tuned[T], seed: int, where: str) -> tuple[Choice[T], ...]:
    try:
        _ = choice.rungs
        return choice.candidates(seed)
    except InputError as error:
        raise InputError(
            replace(problem, message=f"{choice.label}: {problem.message}", where=where)
            for problem in error.problems
        ) from None
