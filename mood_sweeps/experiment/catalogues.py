"""The catalogues for the names in an experiment file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mood_sweeps.choice import Catalogue, Choice
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.methods.pretexts.task import Pretext
from mood_sweeps.networks.backbone import Backbone
from mood_sweeps.scorers import Scorer

__all__ = ["Catalogues", "shipped"]


@dataclass(frozen=True)
class Catalogues:
    """Everything that a sweep can name. Each function raises InputError for an unknown name.

    scorers: from names to frozen dataclasses of parameters.
    pretexts: reads a raw item of the pretext axis, which may be a grid.
    backbones: reads a raw item of the backbone axis, which may be a grid.
    finetunes: reads a raw item of the finetune axis into chains of the stages after ``pt``.
    image_set: from a name, such as ``digits:0-5``, to the image set.
    """

    pretexts: Callable[[Any], tuple[Choice[Pretext], ...]]
    scorers: Catalogue[Scorer]
    backbones: Callable[[Any], tuple[Choice[Backbone], ...]]
    finetunes: Callable[[Any], tuple[tuple[Choice[FinetuneStage], ...], ...]]
    image_set: Callable[[str], ImageSet]

    @property
    def is_taken(self) -> Mapping[str, Callable[[str], bool]]:
        """By catalogue: whether the package has an entry of a name."""
        return {
            "scorers": lambda name: name in self.scorers,
            "backbones": _is_backbone,
        }


@functools.cache
def shipped() -> Catalogues:
    """Return the catalogues of the package."""
    # Late, because they are slow to import: reading text or a Sweep value needs none of these.
    from mood_sweeps.data.catalogue import image_set
    from mood_sweeps.methods.finetunes import choose_finetunes
    from mood_sweeps.methods.pretexts.choose_pretexts import choose_pretexts
    from mood_sweeps.networks.backbones import choose_backbones
    from mood_sweeps.scorers import SCORERS

    return Catalogues(choose_pretexts, SCORERS, choose_backbones, choose_finetunes, image_set)


def _is_backbone(name: str) -> bool:
    from mood_sweeps.networks.backbones import backbone_names  # late, as above

    return name in backbone_names()
