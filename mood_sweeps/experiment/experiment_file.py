"""Read an experiment file into a Sweep; report all problems at once, each with its line."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from mood_sweeps.choice import did_you_mean
from mood_sweeps.data.listing import Progress
from mood_sweeps.data.local_files import data_roots as roots_of
from mood_sweeps.errors import InputError, Problem
from mood_sweeps.experiment.axes import read_axes, read_scorer_axis
from mood_sweeps.experiment.catalogues import Catalogues, shipped
from mood_sweeps.experiment.check_exposure import exposures_of
from mood_sweeps.experiment.data_block import read_data
from mood_sweeps.experiment.exclude_rules import AxisValues, read_rules
from mood_sweeps.experiment.features_block import read_features
from mood_sweeps.experiment.overrides import apply_override
from mood_sweeps.experiment.pairs import (
    check_exposures,
    read_pairs,
    read_training_set,
    validation_sets,
)
from mood_sweeps.experiment.plugins_block import UserScorers, read_plugins
from mood_sweeps.experiment.select_block import read_select
from mood_sweeps.experiment.sweep import Sweep
from mood_sweeps.experiment.yaml12 import to_yaml
from mood_sweeps.experiment.yaml_node import Problems, YamlNode, kind_of
from mood_sweeps.experiment.yaml_positions import Located, parse
from mood_sweeps.plugins.open_plugins import OpenPlugins

__all__ = ["load_sweep", "read_sweep"]

_REQUIRED = ("name", "axes", "pairs")
_OPTIONAL = (
    "data",
    "features",
    "corpus",
    "intermediate",
    "ensemble",
    "plugins",
    "select",
    "exclude",
)
_REQUIRED_WITH_FEATURES = ("name", "axes")
_NOT_WITH_FEATURES = ("data", "pairs", "corpus", "intermediate", "ensemble")

# A name becomes part of paths, URLs and shell commands.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def load_sweep(
    path: str | os.PathLike[str],
    overrides: Sequence[str] = (),
    catalogues: Catalogues | None = None,
    *,
    data_roots: Sequence[str | os.PathLike[str]] = (),
    progress: Progress | None = None,
) -> Sweep:
    """Read and check an experiment file.

    overrides: ``key=value`` each, as ``--set`` takes them, applied in order.
    catalogues: where names are looked up; default: those of the package.
    data_roots: where relative paths of images are looked for after the file's folder, before
    ``$MOOD_DATA``. progress: is told the bytes of images that are digested, and all bytes.
    Raises InputError with every problem, those in the file first, in the order of its lines.
    """
    file = Path(path)
    return read_sweep(
        _read(file), file, overrides, catalogues, data_roots=data_roots, progress=progress
    )


def read_sweep(
    text: str,
    file: Path,
    overrides: Sequence[str] = (),
    catalogues: Catalogues | None = None,
    *,
    data_roots: Sequence[str | os.PathLike[str]] = (),
    progress: Progress | None = None,
) -> Sweep:
    """Check the text of an experiment; ``file``: its name, and the base of relative paths.

    Otherwise as :func:`load_sweep`.
    """
    document = parse(text, str(file))
    if not isinstance(document.value, dict):
        expected = ", ".join((*_REQUIRED, *_OPTIONAL))
        raise InputError(
            Problem(
                f"an experiment is a mapping with {expected}, not {kind_of(document.value)}",
                document.root.text,
            )
        )
    problems = Problems()
    for number, override in enumerate(overrides):
        apply_override(document, override, number)
    for place, message in document.flaws:
        problems.add(place, message)
    source = _text_with_overrides(text, document) if overrides else text
    root = YamlNode(document.value, (), document, problems)
    catalogues = catalogues or shipped()
    if document.value.get("data") is None:
        sweep = _sweep(root, catalogues, file, source)
    else:
        named = read_data(root.item("data"), file.parent, roots_of(data_roots), progress)
        sweep = _sweep(root, dataclasses.replace(catalogues, image_set=named), file, source)
        used = named.defined.fingerprints
        sweep = dataclasses.replace(sweep, image_sets=named, data=used)
    problems.raise_any()
    return sweep


def _read(file: Path) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        siblings = [one.name for one in _siblings(file)]
        hint = did_you_mean(file.name, siblings) if siblings else ""
        raise InputError(Problem(f"there is no such file{hint}", str(file))) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise InputError(Problem(f"the file cannot be read: {reason}", str(file))) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"not UTF-8 text: byte 0x{content[error.start]:02X} ends it"
        raise InputError(Problem(message, f"{file}:{line}")) from None


def _siblings(file: Path) -> list[Path]:
    try:
        return sorted((*file.parent.glob("*.yaml"), *file.parent.glob("*.yml")))
    except (OSError, ValueError):
        return []


def _sweep(root: YamlNode, catalogues: Catalogues, file: Path, source: str) -> Sweep:
    has_features = root.value.get("features") is not None
    required = _REQUIRED_WITH_FEATURES if has_features else _REQUIRED
    entries = root.entries("an experiment", "key", (*_REQUIRED, *_OPTIONAL), required) or {}
    for key in _OPTIONAL:  # treat a key without a value (its items commented out) as left out
        if key in entries and entries[key].value is None:
            del entries[key]
    read = _external_sweep if has_features else _trained_sweep
    with OpenPlugins() as plugins:
        user_scorers = read_plugins(
            entries.get("plugins"), file.parent, catalogues.is_taken, plugins
        )
        return read(entries, catalogues, user_scorers, file, source)


def _trained_sweep(
    entries: dict[str, YamlNode],
    catalogues: Catalogues,
    user_scorers: UserScorers,
    file: Path,
    source: str,
) -> Sweep:
    """Return a sweep that trains its representations."""
    axes = read_axes(entries.get("axes"), catalogues, user_scorers, file.parent)
    pairs = read_pairs(entries.get("pairs"), catalogues)
    axes = read_select(entries.get("select"), axes, validation_sets(pairs, catalogues))
    exposures = exposures_of(axes.finetune, axes.seed, catalogues.image_set)
    check_exposures(exposures, pairs, catalogues)
    values = AxisValues.of_trained(axes, pairs.usable, pairs_flawed=pairs.flawed)
    return Sweep(
        name=_name(entries.get("name")),
        corpus=read_training_set(entries.get("corpus"), "the corpus", pairs.usable, catalogues),
        intermediate=read_training_set(
            entries.get("intermediate"), "the intermediate set", pairs.usable, catalogues
        ),
        ensemble=_ensemble(entries.get("ensemble"), axes.seed),
        plugins=user_scorers.listed,
        pretexts=axes.pretext,
        backbones=axes.backbone,
        finetunes=axes.finetune,
        scorers=axes.scorer,
        seeds=axes.seed,
        pairs=pairs.usable,
        ood_val=pairs.ood_val,
        exclude=read_rules(entries.get("exclude"), values, catalogues),
        source=source,
        where=str(file),
    )


def _ensemble(part: YamlNode | None, seeds: tuple[int, ...]) -> bool:
    """Read ``ensemble:``: whether each representation gets an ensemble of its seeds."""
    if part is None:
        return False
    if not isinstance(part.value, bool):
        part.add_problem(f"'ensemble' is true or false, not {kind_of(part.value)}")
        return False
    if part.value and len(seeds) == 1:
        part.add_problem("an ensemble joins seeds, and 'seed' lists one")
    return part.value


def _external_sweep(
    entries: dict[str, YamlNode],
    catalogues: Catalogues,
    user_scorers: UserScorers,
    file: Path,
    source: str,
) -> Sweep:
    """Return a sweep of external features."""
    for key in _NOT_WITH_FEATURES:
        if key in entries:
            entries[key].add_problem(
                f"{key!r} and 'features' exclude each other: features name their own sets, and "
                "nothing is trained"
            )
    axes = read_scorer_axis(entries.get("axes"), catalogues, user_scorers)
    given = read_features(entries["features"], file.parent)
    axes = read_select(entries.get("select"), axes, given.validation)
    values = AxisValues.of_external(axes, given.usable, features_flawed=given.flawed)
    return Sweep(
        name=_name(entries.get("name")),
        corpus=None,
        plugins=user_scorers.listed,
        pretexts=(),
        backbones=(),
        finetunes=(),
        scorers=axes.scorer,
        seeds=(),
        pairs=(),
        ood_val={},
        exclude=read_rules(entries.get("exclude"), values, catalogues),
        source=source,
        where=str(file),
        features=given.usable,
    )


def _name(part: YamlNode | None) -> str:
    name = part.text("'name'") if part else None
    if part and name is not None and not _NAME.fullmatch(name):
        part.add_problem(
            f"the name {name[:120]!r} cannot be used: it becomes part of paths, so allowed are up "
            "to 100 of A-Z a-z 0-9 . _ - (no '/', no space), starting with a letter or digit"
        )
    return name or ""


def _text_with_overrides(text: str, document: Located) -> str:
    """Return the experiment after overrides as YAML, below the opening comment of the file."""
    opening = takewhile(lambda line: line.startswith("#"), text.splitlines())
    return "\n".join((*opening, "", to_yaml(document.value)))
