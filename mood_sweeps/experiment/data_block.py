"""The image sets that an experiment file defines: ``data:``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mood_sweeps.data.catalogue import ImageSets, problem_with_name
from mood_sweeps.data.definitions import Definition, read_definition
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.data.listing import Progress
from mood_sweeps.data.local_files import kept_digests
from mood_sweeps.data.selections import parse_name
from mood_sweeps.errors import InputError
from mood_sweeps.experiment.yaml_node import YamlNode, kind_of

__all__ = ["NamedSets", "read_data"]

_EXAMPLE = "{my_images: {folder: path/to/images}}"


@dataclass(frozen=True, eq=False)
class NamedSets:
    """Finds image sets by name: built-in ones and those that an experiment file defines.

    flawed: names of sets with problems that are noted already.
    """

    defined: ImageSets
    flawed: frozenset[str] = frozenset()

    def __call__(self, name: str) -> ImageSet:
        """Return the image set; raise InputError, without a problem for one that is flawed."""
        if parse_name(name).source in self.flawed:
            raise InputError(())
        return self.defined(name)


def read_data(
    part: YamlNode, folder: Path, roots: Sequence[Path], progress: Progress | None
) -> NamedSets:
    """Read ``data:``, noting every problem on the way; images are looked at when a set is used.

    folder: of the experiment file, where relative paths begin. roots: where they are looked for
    next. progress: is told the bytes of images that are digested, and all bytes.
    """
    definitions: dict[str, Definition] = {}
    flawed = set()
    names = part.value
    if not isinstance(names, dict):
        part.add_problem(
            f"'data' must be a mapping of names to images, such as {_EXAMPLE}, not {kind_of(names)}"
        )
        names = {}
    for name in names:
        item = part.item(name)
        try:
            if problem := problem_with_name(str(name)):
                raise InputError(problem)
            definitions[str(name)] = read_definition(item.value, folder, roots)
        except InputError as error:
            item.add_problem_of(error)
            flawed.add(str(name))
    return NamedSets(ImageSets(definitions, kept_digests(), progress), frozenset(flawed))
