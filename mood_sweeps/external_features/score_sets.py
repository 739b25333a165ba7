"""Score sets of features with every scorer that they allow: check everything, then run."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from mood_sweeps.choice import Choice
from mood_sweeps.errors import Problem
from mood_sweeps.external_features.checked_features import check_features, logits_of_head
from mood_sweeps.external_features.choose_scorers import ALL, choose_scorers
from mood_sweeps.external_features.output_files import OutFolder, unwritable
from mood_sweeps.external_features.problems import InputProblems
from mood_sweeps.external_features.run_scorers import Scored, run_scorers
from mood_sweeps.external_features.thread_limit import at_most
from mood_sweeps.plugins.declared_scorers import AnyScorer
from mood_sweeps.plugins.open_plugins import OpenPlugins, plugin_of_classes
from mood_sweeps.plugins.scorer_runner import LIMIT_S, ScorerRunner
from mood_sweeps.scorers import SCORERS
from mood_sweeps.scorers.numeric.array_device import computing_on, device_named

__all__ = ["score"]


def score(
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
    debug: bool = False,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    device: str = "cpu",
    progress: Callable[[int, int, str], None] | None = None,
    problems: Sequence[Problem] = (),
) -> Scored:
    """Return the rows of every scorer on every OOD set; see `frame.score_features`.

    device: where matrix products are computed, ``"cpu"`` (by NumPy) or ``"cuda"``.
    user_scorers, plugins: scorers of the user's own, as classes and as files; each of these runs in
        a process of its own, where a fit or a set that takes ``plugin_timeout_s`` counts as hung.
    debug: run them in this process, and open a debugger where one raises.
    progress: told before each scorer how many are done, of how many, and its label.
    problems: what the caller found wrong already, to be said with the rest.
    Raises InputError with everything that is wrong before anything is computed or written.
    """
    input_problems = InputProblems(problems)
    with OpenPlugins() as there:
        if _read_plugins(there, plugins, user_scorers or {}, input_problems):
            chosen = choose_scorers(scorers, SCORERS, input_problems, there)
        else:
            # A plugin did not load: an unknown name may well be one of its scorers.
            chosen = ()
    if not plugin_timeout_s > 0.0:
        input_problems.add(
            "plugin_timeout", f"more than 0 seconds are needed, not {plugin_timeout_s}"
        )
    if out is not None and (why := unwritable(Path(out))):
        input_problems.add("out", f"{os.fspath(out)!r} cannot be written: {why}")
    if threads is not None and threads < 1:
        input_problems.add("threads", f"at least one is needed, not {threads}")
    with input_problems.about("device"):
        computed_on = device_named(device)
    given = check_features(id_train, id_test, ood, id_val, head, input_problems)
    input_problems.raise_any()
    assert given is not None
    with ExitStack() as stack:
        folder = stack.enter_context(OutFolder.at(Path(out))) if out is not None else None
        stack.enter_context(at_most(threads))
        stack.enter_context(computing_on(computed_on))
        if any({"logits", "head"} & set(choice.parameters.needs) for choice in chosen):
            given = logits_of_head(given)
        runner = stack.enter_context(closing(ScorerRunner(plugin_timeout_s, threads, debug=debug)))
        keep = folder.keep if folder is not None else None
        scored = run_scorers(given, _reported(chosen, progress), runner, keep)
        if folder is not None:
            folder.finish(scored.rows)
    return scored


def _reported(
    chosen: Sequence[Choice[AnyScorer]], progress: Callable[[int, int, str], None] | None
) -> Iterable[Choice[AnyScorer]]:
    for done, choice in enumerate(chosen):
        if progress is not None:
            progress(done, len(chosen), choice.label)
        yield choice


def _read_plugins(
    open_plugins: OpenPlugins,
    files: Sequence[str | os.PathLike[str]],
    classes: Mapping[str, type[Any]],
    input_problems: InputProblems,
) -> bool:
    """Read scorers of the user's own, noting what is wrong; False where something was."""
    before = len(input_problems.problems)
    for path in [os.fspath(file) for file in files]:
        taken = set(open_plugins.names)
        with input_problems.about(path):
            for _, name in open_plugins.add_file(Path(path), path):
                _check_free(name, taken, path, input_problems)
    for name in classes:
        _check_free(name, open_plugins.names, "scorers", input_problems)
    if classes and len(input_problems.problems) == before:
        with input_problems.about("user_scorers"):
            open_plugins.add(plugin_of_classes(classes))
    return len(input_problems.problems) == before


def _check_free(
    name: str, taken: Collection[str], where: str, input_problems: InputProblems
) -> None:
    if name in SCORERS or name in taken:
        owner = "another plugin" if name in taken else "the package"
        input_problems.add(where, f"{owner} has a scorer {name!r} already; rename yours")
