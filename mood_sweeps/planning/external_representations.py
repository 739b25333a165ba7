"""Features that the user has → representations and banks, named by the bytes of their files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.sweep import (
    EXTERNAL_BACKBONE,
    EXTERNAL_FINETUNE,
    FeatureFiles,
    Features,
)
from mood_sweeps.identity import file_digest
from mood_sweeps.planning.cells import Source
from mood_sweeps.planning.impossible_cells import external_pair_refuses, external_refuses
from mood_sweeps.planning.plan import Representation
from mood_sweeps.planning.stage_inputs import HashedFiles
from mood_sweeps.planning.stages import Stage, external_bank_stage, external_head_stage
from mood_sweeps.scoring.predictions import source_of_predictions

__all__ = ["external_sources"]

_Digests = Mapping[str, str]


def external_sources(features: Iterable[Features]) -> Iterator[Source]:
    """Yield each representation with its banks. Every file is read once, to know its digest.

    Raises InputError for a file that cannot be read, and for sets that are one and the same where
    they must not be.
    """
    features = tuple(features)
    digests = _digests(features)
    found = [_Given(one, digests) for one in features]
    problems = [*_twice(found), *(problem for one in found for problem in one.problems())]
    if problems:
        raise InputError(problems)
    for one in found:
        yield one.source()


class _Given:
    """One representation with its files pinned."""

    def __init__(self, features: Features, digests: _Digests) -> None:
        self.features = features
        self.sets = {at: _pinned(one.files, digests) for at, one in features.sets.items()}
        self.head = _pinned(features.head, digests) if features.head is not None else None
        self.representation = self._representation()

    def source(self) -> Source:
        features = self.features
        return Source(
            self.representation,
            features.name,
            EXTERNAL_BACKBONE,
            features.pairs,
            [split for name, split in features.sets if name == features.id_set],
            features.ood_val,
            self._bank,
            partial(external_refuses, features=features),
            partial(external_pair_refuses, features=features),
        )

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with sets that are the same bytes under two names."""
        tested = {pair.ood_set for pair in self.features.pairs}
        names: dict[tuple[str, ...], tuple[str, str]] = {}
        for (name, split), pinned in self.sets.items():
            content = tuple(digest for _, _, digest in pinned)
            is_id = name == self.features.id_set
            known = names.setdefault(content, (name, split))
            if known == (name, split) or (is_id and known[0] == name):
                continue
            message = f"{name!r} and {known[0]!r} are files of the same content"
            if name in self.features.ood_val and known[0] in tested:
                message += ": settings must not be chosen on a test set"
            yield Problem(message, self.features.where)

    def _representation(self) -> Representation:
        features = self.features
        train, test = (features.sets[features.id_set, split] for split in ("train", "test"))
        pinned = {split: self.sets[features.id_set, split] for split in ("train", "test")}
        return Representation(
            features.name,
            EXTERNAL_BACKBONE,
            EXTERNAL_FINETUNE,
            None,
            features.id_set,
            (external_head_stage(f"{features.name} on {features.id_set}", self.head, **pinned),),
            head_set=features.id_set if test.has_logits else None,
            headless_predictions=source_of_predictions(
                has_logits=False, has_labels=train.has_labels
            ),
        )

    def _bank(self, name: str, split: str) -> Stage:
        banks = self.representation.banks
        if (name, split) not in banks:
            banks[name, split] = external_bank_stage(
                f"{name}/{split} of {self.features.name}",
                self.sets[name, split],
                self.head,
                is_id=name == self.features.id_set,
            )
        return banks[name, split]


def _twice(found: list[_Given]) -> Iterator[Problem]:
    """Yield a problem for every representation that is another one under a second name.

    Its key is that of its head, ID train and test set, and names its runs: it can have one label.
    """
    known: dict[tuple[str, str], Features] = {}
    for one in found:
        at = (one.representation.key, one.features.id_set)
        first = known.setdefault(at, one.features)
        if first is not one.features:
            yield Problem(
                f"{one.features.name!r} is {first.name!r} again (at {first.where}): head, ID train "
                "and test set have the same content; list all OOD sets with the first",
                one.features.where,
            )


def _pinned(files: FeatureFiles, digests: _Digests) -> HashedFiles:
    return tuple((role, path, digests[path]) for role, path in files)


def _digests(features: Iterable[Features]) -> _Digests:
    """Return the SHA-256 of every file, several of them read at once."""
    where: dict[str, str] = {}
    for one in features:
        sets = [given.files for given in one.sets.values()]
        for files in (*sets, *([one.head] if one.head is not None else [])):
            where.update({path: one.where for _, path in files})
    problems: list[Problem] = []

    def digest(path: str) -> str:
        try:
            return file_digest(Path(path))
        except OSError as error:
            problems.append(Problem(f"{path} cannot be read: {error.strerror}", where[path]))
            return ""

    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        digests = dict(zip(where, threads.map(digest, where), strict=True))
    if problems:
        raise InputError(problems)
    return digests
