"""The ID/OOD pairs of an experiment file, and training sets, which must not hold OOD classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, get_args

from mood_sweeps.data.exposed_images import Exposure, exposed_among, smallest_class
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.selections import selection_name
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.catalogues import Catalogues
from mood_sweeps.experiment.select_block import ValidationSets
from mood_sweeps.experiment.sweep import Distance, Pair
from mood_sweeps.experiment.yaml_node import YamlNode

__all__ = ["Pairs", "check_exposures", "read_pairs", "read_training_set", "validation_sets"]

_EXAMPLE = "{id: digits:0-5, near: [digits:6-9]}"


class Pairs(NamedTuple):
    """The pairs without problems, in file order; ``flawed``: whether others had problems.

    ood_val: OOD validation sets by ID set. id_parts: the first place of each ID set.
    """

    usable: tuple[Pair, ...]
    flawed: bool
    ood_val: Mapping[str, tuple[str, ...]]
    id_parts: Mapping[str, YamlNode]


def read_pairs(part: YamlNode | None, catalogues: Catalogues) -> Pairs:
    """Read ``pairs:`` into one pair per OOD set, noting every problem on the way."""
    items = part.items("'pairs'", _EXAMPLE) if part else []
    reader = _Reader(catalogues)
    before = len(items[0].problems) if items else 0
    for item in items:
        reader.read(item)
    reader.check_validation()
    flawed = not items or len(items[0].problems) > before
    ood_val = {id_set: tuple(parts) for id_set, parts in reader.ood_val.items()}
    return Pairs(tuple(reader.pairs), flawed, ood_val, reader.id_parts)


def validation_sets(pairs: Pairs, catalogues: Catalogues) -> list[ValidationSets]:
    """Return the validation sets of each ID set."""
    return [
        ValidationSets(
            id_set,
            part,
            "val" in catalogues.image_set(id_set).splits,
            pairs.ood_val.get(id_set),
        )
        for id_set, part in pairs.id_parts.items()
    ]


def read_training_set(
    part: YamlNode | None, what: str, pairs: tuple[Pair, ...], catalogues: Catalogues
) -> str | None:
    """Read ``corpus:`` or ``intermediate:`` into a canonical name.

    It must have a train split and no OOD class. what: its name in messages: ``the corpus``.
    """
    images = _image_set(part, what, catalogues) if part else None
    if part is None or images is None:
        return None
    _check_train_split(part, images)
    for name in dict.fromkeys(pair.ood_set for pair in pairs):
        shared = _shared_classes(images, catalogues.image_set(name))
        if shared:
            part.add_problem(
                f"{what} {images.name!r} holds {shared} of the OOD set {name!r}: "
                "OOD classes must not be seen in training"
            )
    return images.name


def check_exposures(exposures: tuple[Exposure, ...], pairs: Pairs, catalogues: Catalogues) -> None:
    """Note ID sets that are exposed as OOD, and OOD classes without an image left to test on."""
    for id_set, part in pairs.id_parts.items():
        for exposure in exposures:
            shared = _shared_classes(catalogues.image_set(id_set), exposure.images)
            if shared:
                part.add_problem(
                    f"the ID set {id_set!r} holds {shared} of {exposure.images.name!r}, which "
                    "outlier exposure shows as OOD"
                )
        tested = [pair.ood_set for pair in pairs.usable if pair.id_set == id_set]
        for name in (*tested, *pairs.ood_val.get(id_set, ())):
            images = catalogues.image_set(name)
            left_out = exposed_among(images, exposures)
            if left_out:
                emptied, count = smallest_class(images.open("all"), left_out)
                if count == 0:
                    part.add_problem(
                        f"no image of class {emptied!r} of {name!r} is left to test on: what "
                        "outlier exposure draws for any k and seed is tested by no cell of a sweep"
                    )


class _Reader:
    """Reads pairs one after another and notes repetitions."""

    def __init__(self, catalogues: Catalogues) -> None:
        self.catalogues = catalogues
        self.pairs: list[Pair] = []
        self.known: dict[tuple[str, str], tuple[Distance, str]] = {}
        self.ood_val: dict[str, dict[str, YamlNode]] = {}
        self.id_parts: dict[str, YamlNode] = {}

    def read(self, item: YamlNode) -> None:
        distances: tuple[Distance, ...] = get_args(Distance)
        entries = item.entries("a pair", "key of a pair", ("id", *distances, "ood_val"), ("id",))
        if entries is None:
            return
        id_part = entries.get("id")
        id_set = _image_set(id_part, "'id'", self.catalogues) if id_part else None
        if id_part and id_set:
            _check_train_split(id_part, id_set)
            self.id_parts.setdefault(id_set.name, id_part)
        if not any(distance in entries for distance in distances):
            item.add_problem("a pair needs OOD sets: 'near', 'far' or both")
        for distance in sorted(set(distances) & set(entries), key=list(entries).index):
            for one in entries[distance].items(f"{distance!r}", "photos"):
                self._read_ood(one, id_set, distance)
        if "ood_val" in entries:
            for one in entries["ood_val"].items("'ood_val'", "textures"):
                self._read_validation(one, id_set)

    def check_validation(self) -> None:
        """Note OOD validation sets that are also tested on, or share a class with a tested set."""
        for pair in self.pairs:
            id_set, ood_set = pair.id_set, pair.ood_set
            tested = self.catalogues.image_set(ood_set)
            for name, part in self.ood_val.get(id_set, {}).items():
                shared = _shared_classes(self.catalogues.image_set(name), tested)
                if name == ood_set:
                    part.add_problem(
                        f"{name!r} is a validation set and tested against {id_set!r}: settings "
                        "must not be chosen on a test set"
                    )
                elif shared:
                    part.add_problem(
                        f"the validation set {name!r} holds {shared} of {ood_set!r}, which is "
                        f"tested against {id_set!r}"
                    )

    def _read_validation(self, part: YamlNode, id_set: ImageSet | None) -> None:
        ood_set = _image_set(part, "an OOD validation set", self.catalogues)
        if ood_set is None or id_set is None:
            return
        shared = _shared_classes(id_set, ood_set)
        named = self.ood_val.setdefault(id_set.name, {})
        if shared or ood_set.name == id_set.name:
            part.add_problem(
                f"the OOD validation set {ood_set.name!r} holds {shared or 'the images'} of the ID "
                f"set {id_set.name!r}"
            )
        elif ood_set.name in named:
            part.add_problem(f"the OOD validation set {ood_set.name!r} is listed twice")
        else:
            named[ood_set.name] = part

    def _read_ood(self, part: YamlNode, id_set: ImageSet | None, distance: Distance) -> None:
        ood_set = _image_set(part, "an OOD set", self.catalogues)
        if ood_set is None or id_set is None:
            return
        shared = _shared_classes(id_set, ood_set)
        at = (id_set.name, ood_set.name)
        if id_set.name == ood_set.name:
            part.add_problem(f"ID and OOD are the same set, {ood_set.name!r}")
        elif shared:
            part.add_problem(
                f"the OOD set {ood_set.name!r} holds {shared} of the ID set {id_set.name!r}"
            )
        elif at in self.known:
            first, where = self.known[at]
            part.add_problem(
                f"the pair {at[0]} / {at[1]} is listed twice (first as {first} at {where})"
            )
        else:
            self.known[at] = (distance, part.place.text)
            self.pairs.append(Pair(*at, distance))


def _image_set(part: YamlNode, what: str, catalogues: Catalogues) -> ImageSet | None:
    if not isinstance(part.value, dict) and part.text(what) is None:
        return None
    try:
        name = selection_name(part.value) if isinstance(part.value, dict) else part.value
        return catalogues.image_set(name)
    except InputError as error:
        part.add_problem_of(error)
        return None


def _check_train_split(part: YamlNode, images: ImageSet) -> None:
    if "train" not in images.splits:
        part.add_problem(
            f"image set {images.name!r} has no train split (it has: {', '.join(images.splits)}): "
            "nothing can be trained on it, it can only be an OOD set"
        )


def _shared_classes(one: ImageSet, other: ImageSet) -> str:
    """Return the classes that two sets share, as text; empty if none."""
    if one.source != other.source:
        return ""
    shared = [name for name in one.classes if name in set(other.classes)]
    shown = ", ".join(shared[:10]) + (", …" if len(shared) > 10 else "")
    return f"the {'class' if len(shared) == 1 else 'classes'} {shown}" if shared else ""
