"""From Python: arrays or files in, a frame out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mood_sweeps.external_features.choose_scorers import ALL
from mood_sweeps.external_features.run_scorers import COLUMNS
from mood_sweeps.external_features.score_sets import score
from mood_sweeps.plugins.scorer_runner import LIMIT_S

__all__ = ["score_features"]

_TEXT = ("scorer", "ood", "reason", "note")
_COUNTS = ("n_id", "n_ood")


def score_features(
    id_train: Any,
    id_test: Any,
    ood: Mapping[str, Any],
    *,
    id_val: Any = None,
    head: Any = None,
    scorers: str | Iterable[Any] = ALL,
    user_scorers: Mapping[str, type[Any]] | None = None,
    plugins: Sequence[str | os.PathLike[str]] = (),
    plugin_timeout_s: float = LIMIT_S,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    device: str = "cpu",
) -> pd.DataFrame:
    """Return a row per scorer and OOD set: AUROC with its interval, FPR95, AUPR, note.

    id_train, id_test, id_val and the sets of ``ood`` (by name): each a file or files as on the
        command line, a FeatureBank, a mapping with ``features`` (N, D) and, where there are any,
        ``labels`` (N,) and ``logits`` (N, C), or just the features.
    head: a file, a Head, a mapping or tuple of ``weight`` (C, D) and ``bias`` (C,).
    scorers: ``"all"``, ``"msp,knn(k=10)"``, or a list such as ``["msp", {"knn": {"k": 10}}]``.
    user_scorers: scorers of your own by name, classes that keep the contract of
        ``mood_sweeps.scorers.Scorer``. They are sent to a process of their own, so what they change
        there is not seen here.
    plugins: files with scorers of your own, ``SCORERS = {"name": ScorerClass}``; each runs in a
        process of its own.
    plugin_timeout_s: a scorer of your own that takes longer than this, to fit or for one set,
        counts as hung, and its rows say so.
    out: a folder for scores.parquet and metrics.csv; default: nothing is written.
    threads: at most so many; default: every core.
    device: where matrix products are computed, ``"cpu"`` or ``"cuda"``; scores are the same but for
        rounding.

    A scorer that lacks something, or for which a number is undefined, has a row with a reason and
    no number of its scores. ``fpr95`` has ID positive, ``fpr95_ood_positive`` OOD.
    ``frame.attrs`` has ``id_accuracy``, of each ID set that has labels, by the head (without one by
    the nearest class mean of ID train), and ``warnings``, what speaks against labels and head
    meaning the same classes: Python warnings, too, and in the note of every row that rests on them.
    Raises InputError with everything that is wrong with the input.
    """
    scored = score(
        id_train,
        id_test,
        ood,
        id_val=id_val,
        head=head,
        scorers=scorers,
        user_scorers=user_scorers,
        plugins=plugins,
        plugin_timeout_s=plugin_timeout_s,
        out=out,
        threads=threads,
        device=device,
    )
    frame = pd.DataFrame([row.cells() for row in scored.rows], columns=list(COLUMNS))
    kinds = {name: "Int64" if name in _COUNTS else "float64" for name in COLUMNS}
    frame = frame.astype({name: kind for name, kind in kinds.items() if name not in _TEXT})
    agreed = scored.agreement
    frame.attrs["id_accuracy"] = {f"id_{one.split}": one.value for one in agreed.accuracies}
    frame.attrs["warnings"] = list(agreed.warnings.values())
    for said in agreed.warnings.values():
        warnings.warn(said, stacklevel=2)
    return frame
