"""``features:`` of an experiment file: the user's own representations, as files of arrays.

Only the headers of the files are read here. Whether all values are finite, and labels and logits
fit the head, is checked when the values are copied into the store.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from mood_sweeps.experiment.select_block import ValidationSets
from mood_sweeps.experiment.sweep import Distance, ExternalSet, FeatureFiles, Features, Pair
from mood_sweeps.experiment.yaml_node import YamlNode, kind_of
from mood_sweeps.external_features.array_sources import BANK, HEAD, Files, Roles
from mood_sweeps.external_features.checked_features import (
    CheckedFeatures,
    NamedBank,
    check_features,
    read_head,
    read_set,
)
from mood_sweeps.external_features.problems import InputProblems
from mood_sweeps.external_features.read_extent import OUTLINE

__all__ = ["FeaturesRead", "read_features"]

_EXAMPLE = "{name: beit, id: {name: imagenet, train: a.npz, test: b.npz}, far: {textures: c.npz}}"
_DISTANCES: tuple[Distance, ...] = get_args(Distance)
_GROUPS = (*_DISTANCES, "ood_val")

# A name becomes part of rows, command-line arguments and MLflow runs.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]{0,99}")


@dataclass(frozen=True)
class FeaturesRead:
    """The features without problems, in file order; ``flawed``: whether others had problems."""

    usable: tuple[Features, ...]
    flawed: bool
    validation: tuple[ValidationSets, ...]


def read_features(part: YamlNode, folder: Path) -> FeaturesRead:
    """Read ``features:``, paths relative to ``folder``, noting every problem on the way."""
    before = len(part.problems)
    reader = _Reader(folder)
    for item in part.items("'features'", _EXAMPLE):
        reader.read(item)
    flawed = len(part.problems) > before
    return FeaturesRead(tuple(reader.usable), flawed, tuple(reader.validation))


class _Reader:
    """Reads one representation after another and notes repetitions."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.usable: list[Features] = []
        self.validation: list[ValidationSets] = []
        self._named: dict[tuple[str, str], str] = {}
        self._distances: dict[tuple[str, str], tuple[str, str]] = {}

    def read(self, item: YamlNode) -> None:
        entries = item.entries(
            "a representation",
            "key of a representation",
            ("name", "id", "head", *_GROUPS),
            ("name", "id"),
        )
        if entries is None:
            return
        name = _name(entries["name"], "'name'") if "name" in entries else None
        files = _RepresentationFiles(self.folder, item)
        files.read(entries)
        id_set = files.id_set
        if name is None or id_set is None:
            return
        if (name, id_set) in self._named:
            first = self._named[name, id_set]
            item.add_problem(f"{name!r} on {id_set!r} is listed twice (first at {first})")
            return
        self._named[name, id_set] = item.place.text
        for ood_set, (group, part) in files.oods.items():
            self._check_distance(id_set, ood_set, group, part)
        ood_val = tuple(ood for ood, (group, _) in files.oods.items() if group == "ood_val")
        self.validation.append(
            ValidationSets(
                id_set,
                entries["id"],
                "val" in files.splits,
                ood_val if "ood_val" in entries else None,
            )
        )
        sets = files.external_sets()
        if sets is not None:
            pairs = tuple(
                Pair(id_set, ood_set, distance)
                for ood_set, (group, _) in files.oods.items()
                for distance in _DISTANCES
                if group == distance
            )
            head = _absolute(files.head) if files.head is not None else None
            self.usable.append(Features(name, id_set, head, sets, pairs, ood_val, item.place.text))

    def _check_distance(self, id_set: str, ood_set: str, group: str, part: YamlNode) -> None:
        """Note a pair that is near for one representation and far for another."""
        known, where = self._distances.setdefault((id_set, ood_set), (group, part.place.text))
        if known != group:
            part.add_problem(f"{ood_set!r} is {group!r} here and {known!r} at {where}")


class _RepresentationFiles:
    """The files of one representation, and the content of their headers."""

    def __init__(self, folder: Path, item: YamlNode) -> None:
        self.folder = folder
        self.item = item
        self.id_set: str | None = None
        self.splits: dict[str, Files] = {}
        self.oods: dict[str, tuple[str, YamlNode]] = {}
        self.head: Files | None = None
        self._ood_files: dict[str, Files] = {}
        self._parts: list[tuple[str, YamlNode]] = []
        self._reported: set[str] = set()
        self._complete = True

    def read(self, entries: Mapping[str, YamlNode]) -> None:
        if "id" in entries:
            self._read_id(entries["id"])
        if "head" in entries:
            self.head = self._read_files(entries["head"], HEAD, "'head'")
        if not any(distance in entries for distance in _DISTANCES):
            self.item.add_problem("a representation needs OOD sets: 'near', 'far' or both")
        for group in (key for key in entries if key in _GROUPS):
            self._read_group(group, entries[group])

    def external_sets(self) -> dict[tuple[str, str], ExternalSet] | None:
        """Return every set as described by the headers of its files; None if something is wrong."""
        if not self._complete or not {"train", "test"} <= set(self.splits) or not self._ood_files:
            return None
        complaints = InputProblems()
        given = check_features(
            self.splits["train"],
            self.splits["test"],
            self._ood_files,
            self.splits.get("val"),
            self.head,
            complaints,
            OUTLINE,
        )
        for problem in complaints.problems:
            if str(problem) not in self._reported:
                self._part_of(problem.where).add_problem(str(problem))
        return self._sets(given) if given is not None and not complaints else None

    def _sets(self, given: CheckedFeatures) -> dict[tuple[str, str], ExternalSet]:
        assert self.id_set is not None
        has_head = given.head is not None

        def one(bank: NamedBank, files: Files) -> ExternalSet:
            lacks = bank.lacks
            if has_head:
                lacks = {need: said for need, said in lacks.items() if need != "logits"}
            return ExternalSet(_absolute(files), lacks)

        id_banks = {"train": given.train, "val": given.val, "test": given.test}
        id_sets = {
            (self.id_set, split): one(bank, self.splits[split])
            for split, bank in id_banks.items()
            if bank is not None
        }
        ood_banks = {
            (bank.name, "all"): one(bank, self._ood_files[bank.name]) for bank in given.oods
        }
        return id_sets | ood_banks

    def _read_id(self, part: YamlNode) -> None:
        required = ("name", "train", "test")
        entries = part.entries("'id'", "key of 'id'", ("name", "train", "val", "test"), required)
        entries = {key: one for key, one in (entries or {}).items() if one.value is not None}
        self.id_set = _name(entries.pop("name"), "the ID set's name") if "name" in entries else None
        for split, one in entries.items():
            files = self._read_files(one, BANK, f"{split!r}")
            if files is not None:
                self.splits[split] = files

    def _read_group(self, group: str, part: YamlNode) -> None:
        if not isinstance(part.value, dict) or not part.value:
            self._reject(
                part,
                f"{group!r} must be a mapping of names to files, such as "
                f"{{textures: textures.npz}}, not {kind_of(part.value)}",
            )
            return
        for name in part.value:
            one = part.item(name)
            if not _NAME.fullmatch(name):
                self._reject(one, _bad_name(name, "an OOD set's name"))
            elif name == self.id_set:
                self._reject(one, f"ID and OOD are the same set, {name!r}")
            elif name in self.oods:
                first, where = self.oods[name]
                self._reject(
                    one, f"{name!r} is listed twice (first as {first} at {where.place.text})"
                )
            else:
                files = self._read_files(one, BANK, f"the OOD set {name!r}")
                self.oods[name] = (group, one)
                if files is not None:
                    self._ood_files[name] = files

    def _read_files(self, part: YamlNode, roles: Roles, what: str) -> Files | None:
        """Return the files of ``FILE`` or ``{features: FILE, labels: FILE …}``."""
        first = roles.unnamed[0]
        written: dict[str, Any] = {first: part.value}
        parts = {first: part}
        if isinstance(part.value, dict):
            found = part.entries(what, f"array of {what}", tuple(roles.keys), (first,))
            parts = found or {}
            written = {role: one.value for role, one in parts.items()}
        paths = {}
        for role, value in written.items():
            if isinstance(value, str) and value:
                paths[role] = os.path.join(self.folder, value)
                self._parts.append((paths[role], parts[role]))
            else:
                message = f"{what} must be a file, not {kind_of(value)}"
                parts[role].add_problem(message)
        if first not in paths or len(paths) < len(written):
            self._complete = False
            return None
        files = Files(paths.pop(first), paths)
        self._check_files(files, roles, part)
        return files

    def _check_files(self, files: Files, roles: Roles, part: YamlNode) -> None:
        """Note the problems of one set's files at the place where they are listed."""
        complaints = InputProblems()
        if roles is HEAD:
            read_head(files, complaints, OUTLINE)
        else:
            read_set(files, None, complaints, is_id=False, reading=OUTLINE)
        for problem in complaints.problems:
            part.add_problem(str(problem))
            self._reported.add(str(problem))

    def _reject(self, part: YamlNode, message: str) -> None:
        part.add_problem(message)
        self._complete = False

    def _part_of(self, where: str) -> YamlNode:
        """Return the part that names the file that a problem is about."""
        named = [(path, part) for path, part in self._parts if where.startswith(path)]
        return max(named, key=lambda item: len(item[0]))[1] if named else self.item


def _name(part: YamlNode, what: str) -> str | None:
    name = part.text(what)
    if name is None or _NAME.fullmatch(name):
        return name
    part.add_problem(_bad_name(name, what))
    return None


def _bad_name(name: str, what: str) -> str:
    return (
        f"{what} cannot be {name[:120]!r}: allowed are up to 100 of A-Z a-z 0-9 . _ : @ + - "
        "starting with a letter or digit"
    )


def _absolute(files: Files) -> FeatureFiles:
    others = ((role, os.path.abspath(path)) for role, path in sorted(files.others.items()))
    return (("file", os.path.abspath(files.first)), *others)
