"""Where the arrays of one set come from: files, or values from Python.

As text: ``FILE``, or ``FILE,labels=FILE,logits=FILE`` where a format holds only one array.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.choice import did_you_mean
from mood_sweeps.errors import InputError
from mood_sweeps.external_features.formats.arrays_found import Array, Found
from mood_sweeps.external_features.problems import InputProblems
from mood_sweeps.external_features.read_extent import WHOLE, Reading

__all__ = ["BANK", "HEAD", "Files", "Located", "Material", "Roles", "read_material"]


@dataclass(frozen=True)
class Roles:
    """The arrays that a set consists of.

    keys: for each role the names that its array may have, the best first.
    unnamed: the roles of arrays without names, in order, where a file has so many.
    """

    keys: Mapping[str, tuple[str, ...]]
    unnamed: tuple[str, ...]


BANK = Roles(
    {
        # feat_list and label_list are what OpenOOD's extraction writes.
        "features": ("features", "feat_list"),
        "labels": ("labels", "label_list"),
        "logits": ("logits",),
    },
    unnamed=("features",),
)
# ViM and MOODv2 pickle the list [w, b].
HEAD = Roles({"weight": ("weight",), "bias": ("bias",)}, unnamed=("weight", "bias"))


@dataclass(frozen=True)
class Files:
    """The files of one set: the first may hold all of it; others, by role, hold one array each."""

    first: str
    others: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Located:
    """An array and the words that say where it is, such as ``train.npz, 'features'``."""

    array: Array
    where: str


@dataclass(frozen=True, eq=False)
class Material:
    """The arrays given for one set, by role; unchecked.

    shown: how messages call the set. unused: the names in its file that are none of its roles.
    """

    shown: str
    arrays: Mapping[str, Located]
    unused: tuple[str, ...] = ()

    def lacks(self, role: str) -> str:
        """Return the words that say that an array is missing, and what is there instead."""
        there = f" (it also holds {', '.join(map(repr, self.unused))})" if self.unused else ""
        return f"{self.shown} has no {role}{there}"


def read_material(
    given: Any, argument: str, roles: Roles, input_problems: InputProblems, reading: Reading = WHOLE
) -> Material | None:
    """Return what was given for a set, or None where that is noted as a problem.

    given: text or path of files, or `Files`; a FeatureBank or Head; a mapping of arrays by role; a
        tuple of the arrays without names; or the first array alone.
    argument: how the argument is called.
    """
    if isinstance(given, str | os.PathLike):
        given = _files(os.fspath(given), roles)
    if isinstance(given, Files):
        return _from_files(given, roles, input_problems, reading)
    material = None
    with input_problems.about(argument):
        arrays = {
            role: Located(_array(array, role), f"{argument}, {role!r}")
            for role, array in _from_python(given, roles).items()
            if array is not None
        }
        material = Material(argument, arrays)
    return material


def _array(value: Any, role: str) -> Array:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise InputError(f"{role!r} is no array: {error}") from None


def _from_python(given: Any, roles: Roles) -> Mapping[str, Any]:
    if isinstance(given, FeatureBank):
        labels = given.labels if len(given.labels) else None
        given = {"features": given.features, "labels": labels, "logits": given.logits}
    elif isinstance(given, Head):
        given = {"weight": given.weight, "bias": given.bias}
    if isinstance(given, Mapping):
        for name in given:
            if name not in roles.keys:
                raise InputError(
                    f"no array is called {name!r}{did_you_mean(str(name), roles.keys)}"
                )
        return given
    arrays = given if isinstance(given, tuple) else (given,)
    if len(arrays) > len(roles.unnamed):
        raise InputError(f"must be {' and '.join(roles.unnamed)}, not {len(arrays)} arrays")
    return dict(zip(roles.unnamed, arrays, strict=False))


def _files(text: str, roles: Roles) -> Files:
    first, *others = re.split(rf",(?=(?:{'|'.join(roles.keys)})=)", text)
    named = (other.partition("=") for other in others)
    return Files(first, {role: file for role, _, file in named})


def _from_files(
    files: Files, roles: Roles, input_problems: InputProblems, reading: Reading
) -> Material | None:
    material = None
    with input_problems.about(files.first):
        material = _of_file(files.first, roles, reading)
    arrays = dict(material.arrays) if material else {}
    for role, file in files.others.items():
        with input_problems.about(file):
            arrays[role] = _of_role(file, role, roles.keys[role], reading)
    return material and Material(files.first, arrays, material.unused)


def _of_file(file: str, roles: Roles, reading: Reading) -> Material:
    found = _read(file, roles, reading)
    if len(found.unnamed) > len(roles.unnamed):
        expected = " and ".join(roles.unnamed)
        raise InputError(f"holds {len(found.unnamed)} arrays without names; expected {expected}")
    arrays = {
        role: Located(array, f"{file}, {role!r}")
        for role, array in zip(roles.unnamed, found.unnamed, strict=False)
    }
    for role, keys in roles.keys.items():
        for key in reversed(keys):
            if key in found.named:
                arrays[role] = Located(found.named[key], f"{file}, {key!r}")
    return Material(file, arrays, tuple(key for key in found.keys if key not in found.named))


def _of_role(file: str, role: str, keys: tuple[str, ...], reading: Reading) -> Located:
    """Return the one array of a file that was given for one role."""
    found = _read(file, Roles({role: keys}, ()), reading)
    if len(found.unnamed) == 1:
        return Located(found.unnamed[0], f"{file}, {role!r}")
    for key in keys:
        if key in found.named:
            return Located(found.named[key], f"{file}, {key!r}")
    there = f"; it holds {', '.join(map(repr, found.keys))}" if found.keys else ""
    raise InputError(f"has no array {role!r}{there}")


def _read(file: str, roles: Roles, reading: Reading) -> Found:
    return reading.file(Path(file), {key for keys in roles.keys.values() for key in keys})
