"""All that was given, checked together before anything is computed: ID sets, OOD sets, head."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mood_sweeps.bank import FeatureBank, Head
from mood_sweeps.external_features.array_sources import BANK, HEAD, Material, read_material
from mood_sweeps.external_features.problems import InputProblems
from mood_sweeps.external_features.read_extent import WHOLE, Reading
from mood_sweeps.scoring.label_agreement import column_order
from mood_sweeps.scoring.requirements import Lacks, external_lacks

__all__ = [
    "ID_TEST",
    "CheckedFeatures",
    "NamedBank",
    "check_features",
    "logits_of_head",
    "read_head",
    "read_set",
]

ID_TEST = "id_test"
_OWN_NAMES = (ID_TEST, "id_train", "id_val")

# Logits of a network in half precision differ from its features' by a few thousandths of the
# largest; logits of another head by about as much as they are.
_SAME_LOGITS = 0.02
_ROWS_COMPARED = 1024
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class NamedBank:
    """A feature bank, the name of its set (``id_test``, ``near`` …) and where it comes from."""

    name: str
    bank: FeatureBank
    material: Material

    @property
    def lacks(self) -> Lacks:
        """What it lacks of labels and logits."""
        there = {"labels": len(self.bank.labels) > 0, "logits": self.bank.logits is not None}
        return {
            role: f"{role}: {self.material.lacks(role)}"
            for role, is_there in there.items()
            if not is_there
        }


@dataclass(frozen=True, eq=False)
class CheckedFeatures:
    """What scorers are run on; all banks of one representation, all arrays finite."""

    train: NamedBank
    test: NamedBank
    val: NamedBank | None
    oods: tuple[NamedBank, ...]
    head: Head | None

    @property
    def lacks(self) -> Lacks:
        """What all banks of it lack."""
        return external_lacks(has_head=self.head is not None)

    @property
    def banks(self) -> tuple[NamedBank, ...]:
        """Every bank."""
        return (self.train, self.test, *([self.val] if self.val else []), *self.oods)


def check_features(
    id_train: Any,
    id_test: Any,
    ood: Mapping[str, Any],
    id_val: Any,
    head: Any,
    input_problems: InputProblems,
    reading: Reading = WHOLE,
) -> CheckedFeatures | None:
    """Read and check everything; None where something is noted as a problem.

    Each of the arguments is what `source.read_material` takes; id_val and head may be None.
    """
    if not ood:
        input_problems.add("ood", "there is no OOD set; at least one is needed")
    for name in ood:
        if name in _OWN_NAMES or not name or "," in name:  # a comma: more likely a file's name
            input_problems.add("ood", f"an OOD set cannot be called {name!r}")
    known_head = None if head is None else _read_head(head, input_problems, reading)
    train = _read_bank("id_train", id_train, input_problems, reading)
    test = _read_bank(ID_TEST, id_test, input_problems, reading)
    val = None if id_val is None else _read_bank("id_val", id_val, input_problems, reading)
    oods = [_read_bank(name, given, input_problems, reading) for name, given in ood.items()]
    known = [bank for bank in (train, test, val, *oods) if bank is not None]
    _check_widths(known, known_head, input_problems)
    classes = _check_classes(known, known_head, input_problems)
    if reading.values:
        for bank in (train, test, val):
            if bank is not None:
                _check_labels(bank, classes, input_problems)
        for bank in known:
            _check_logits(bank, known_head, input_problems)
    complete = len(known) == 2 + (id_val is not None) + len(ood)
    if train is None or test is None or not ood or not complete:
        return None
    return CheckedFeatures(
        train, test, val, tuple(known[-len(ood) :]), known_head and known_head[0]
    )


def read_set(
    given: Any, head: Any, input_problems: InputProblems, *, is_id: bool, reading: Reading = WHOLE
) -> FeatureBank | None:
    """Read and check one set by itself, its logits computed from the head where it has none.

    given, head: as in `check_features`. is_id: whether its labels are classes of the head. None
    where something is noted as a problem. Without values there is nothing to compute.
    """
    known_head = None if head is None else _read_head(head, input_problems, reading)
    named = _read_bank("features", given, input_problems, reading)
    if named is None:
        return None
    if not reading.values:
        return named.bank
    _check_widths([named], known_head, input_problems)
    classes = _check_classes([named], known_head, input_problems)
    if is_id:
        _check_labels(named, classes, input_problems)
    _check_logits(named, known_head, input_problems)
    if input_problems or known_head is None:
        return named.bank
    return _headed(named, known_head[0]).bank


def read_head(given: Any, input_problems: InputProblems, reading: Reading = WHOLE) -> Head | None:
    """Read and check a head by itself; None where something is noted as a problem."""
    known = _read_head(given, input_problems, reading)
    return known and known[0]


def logits_of_head(given: CheckedFeatures) -> CheckedFeatures:
    """Return ``given`` with the logits features @ weight.T + bias wherever there are none."""
    head = given.head
    if head is None:
        return given

    return CheckedFeatures(
        _headed(given.train, head),
        _headed(given.test, head),
        given.val and _headed(given.val, head),
        tuple(_headed(ood, head) for ood in given.oods),
        head,
    )


def _headed(named: NamedBank, head: Head) -> NamedBank:
    if named.bank.logits is not None:
        return named
    logits = _logits(named.bank.features, head)
    return dataclasses.replace(named, bank=dataclasses.replace(named.bank, logits=logits))


def _logits(features: npt.NDArray[Any], head: Head) -> npt.NDArray[Any]:
    weight, bias = head.weight, head.bias
    if features.dtype == weight.dtype:
        logits: npt.NDArray[Any] = features @ weight.T
        logits += bias
        return logits
    # Block by block, so that there is no second copy of the features in the wider precision.
    logits = np.empty((len(features), len(weight)), np.float64)
    for start in range(0, len(features), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        logits[rows] = features[rows] @ weight.T + bias
    return logits


def _read_bank(
    name: str, given: Any, input_problems: InputProblems, reading: Reading
) -> NamedBank | None:
    material = read_material(given, name, BANK, input_problems, reading)
    if material is None:
        return None
    if "features" not in material.arrays:
        input_problems.add(material.shown, material.lacks("features"))
        return None
    there = material.arrays
    checked: dict[str, Any] = {"labels": np.zeros(0, np.int64), "logits": None}
    for role, shape in (("features", "(N, D)"), ("logits", "(N, C)")):
        if role in there:
            with input_problems.about(there[role].where):
                checked[role] = reading.matrix(there[role].array, shape)
    n = len(there["features"].array) if there["features"].array.ndim else 0
    if "labels" in there:
        with input_problems.about(there["labels"].where):
            checked["labels"] = reading.labels(there["labels"].array, n)
    if checked["logits"] is not None and len(checked["logits"]) != n:
        rows = len(checked["logits"])
        input_problems.add(there["logits"].where, f"has {rows:,} rows, and the features have {n:,}")
    return NamedBank(name, FeatureBank(**checked), material) if "features" in checked else None


def _read_head(
    given: Any, input_problems: InputProblems, reading: Reading
) -> tuple[Head, Material] | None:
    material = read_material(given, "head", HEAD, input_problems, reading)
    if material is None:
        return None
    there = material.arrays
    checked = {}
    for role, shape, read in (
        ("weight", "(C, D)", reading.matrix),
        ("bias", "(C,)", reading.vector),
    ):
        if role not in there:
            advice = "; where the layer has none, give zeros" if role == "bias" else ""
            input_problems.add(material.shown, material.lacks(role) + advice)
            continue
        with input_problems.about(there[role].where):
            checked[role] = read(there[role].array, shape)
    if len(checked) < 2:
        return None
    classes = len(checked["weight"])
    if len(checked["bias"]) != classes:
        message = f"must be ({classes},), one for each row of the weight"
        input_problems.add(there["bias"].where, f"{message}, not {checked['bias'].shape}")
        return None
    return Head(**checked), material


def _check_widths(
    banks: list[NamedBank], head: tuple[Head, Material] | None, input_problems: InputProblems
) -> None:
    """All features have the dimensions of the first set's; the head has them too."""
    if not banks:
        return
    first = banks[0]
    width = first.bank.features.shape[1]
    for bank in banks[1:]:
        here = bank.bank.features.shape[1]
        if here != width:
            input_problems.add(
                bank.material.arrays["features"].where,
                f"has {here} dimensions, and {first.material.shown} has {width}: all sets must "
                "come from one representation",
            )
    if head is not None and head[0].weight.shape[1] != width:
        shape = head[0].weight.shape
        turned = "; it seems to be transposed" if shape[0] == width else ""
        input_problems.add(
            head[1].arrays["weight"].where,
            f"must be (C, {width}), as the features of {first.material.shown} have {width} "
            f"dimensions, not {shape}{turned}",
        )


def _check_classes(
    banks: list[NamedBank], head: tuple[Head, Material] | None, input_problems: InputProblems
) -> int | None:
    """Return the number of classes, of which head and logits must all have the same."""
    said = [(len(head[0].bias), head[1].arrays["weight"].where)] if head else []
    said += [
        (bank.bank.logits.shape[1], bank.material.arrays["logits"].where)
        for bank in banks
        if bank.bank.logits is not None
    ]
    for classes, where in said[1:]:
        if classes != said[0][0]:
            input_problems.add(where, f"has {classes} classes, and {said[0][1]} has {said[0][0]}")
    return said[0][0] if said else None


def _check_labels(bank: NamedBank, classes: int | None, input_problems: InputProblems) -> None:
    labels = bank.bank.labels
    if len(labels) and (labels.min() < 0 or (classes is not None and labels.max() >= classes)):
        allowed = f"in 0..{classes - 1}" if classes else "0 or more"
        input_problems.add(
            bank.material.arrays["labels"].where,
            f"must be {allowed}, not {labels.min()}..{labels.max()}; where classes are unknown, "
            "leave the labels out",
        )


def _check_logits(
    bank: NamedBank, known_head: tuple[Head, Material] | None, input_problems: InputProblems
) -> None:
    """Logits that were given must be the head's: scorers use both as if they were one network."""
    if known_head is None:
        return
    head = known_head[0]
    features, logits = bank.bank.features, bank.bank.logits
    if logits is None or len(logits) != len(features):
        return
    if features.shape[1] != head.weight.shape[1] or logits.shape[1] != len(head.bias):
        return  # said already
    rows = np.unique(np.linspace(0, len(features) - 1, _ROWS_COMPARED).astype(int))
    expected = _logits(features[rows], head)
    apart, largest = float(np.abs(logits[rows] - expected).max()), float(np.abs(expected).max())
    order = column_order(logits[rows], expected)
    in_order = bool((order == np.arange(len(order))).all())
    turned = len(set(order.tolist())) == len(order) and not in_order
    if turned and np.abs(logits[rows] - expected[:, order]).max() <= _SAME_LOGITS * largest:
        at = int(np.flatnonzero(order != np.arange(len(order)))[0])
        input_problems.add(
            bank.material.arrays["logits"].where,
            f"has the columns of the head's classes in another order (column {at} is class "
            f"{order[at]}, and more): bring both into one order, or leave out the logits",
        )
    elif apart > _SAME_LOGITS * largest:
        input_problems.add(
            bank.material.arrays["logits"].where,
            f"differ by up to {apart:.3g} from features @ weight.T + bias, of which the largest is "
            f"{largest:.3g}: features, logits and head are not of one network; leave out the "
            "logits or the head",
        )
