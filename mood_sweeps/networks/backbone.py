"""The contract of a backbone: its declaration, imported without torch or timm."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Literal

from mood_sweeps.choice import Count

__all__ = ["Backbone", "Family"]

Family = Literal["vit", "cnn", "other"]
"""vit: plain transformers on patch tokens, which can be masked; cnn: convolutional; other: neither
(windowed and pyramid transformers, mixers, hybrids)."""


class Backbone:
    """The architecture of a network; ``build_network.py`` builds it.

    The package's own are frozen dataclasses with ``image_size`` and ``channels`` among their
    fields. One of a plugin has fields of its own only, and no more than ``version``, ``family``
    and what has a default here: the plugin's process knows the rest.

    version: raise it when the same parameters would give another network. can_drop_patches:
    whether it also works on some of the patches of an image. is_nano: whether it is for 8×8
    images. timm_name: of the architecture that it is made from; None where the choice's own name
    is timm's. mean, std: the normalisation of its input, with a ``timm_name`` only: timm knows
    that of its own.

    image_size: side of the square input; None for the architecture's own. channels: 1 gray, 3 RGB.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    version: ClassVar[int] = 1
    family: ClassVar[Family]
    can_drop_patches: ClassVar[bool] = False
    is_nano: ClassVar[bool] = False
    timm_name: ClassVar[str | None] = None
    mean: ClassVar[float] = 0.5
    std: ClassVar[float] = 0.5

    image_size: Count | None
    channels: Literal[1, 3]

    @property
    def timm_options(self) -> dict[str, Any]:
        """Arguments of ``timm.create_model`` beside the name and the input."""
        return {}
