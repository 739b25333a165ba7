"""Which images the stages of a sweep are exposed to, and which its tests do without for that.

What any of them is shown, for whatever k and seed, is left out everywhere: so no network is tested
on an image it has seen, and all cells of a sweep are tested on the same images.
"""

from __future__ import annotations

from collections.abc import Callable

from mood_sweeps.choice import Choice
from mood_sweeps.data.exposed_images import Indices, exposed_among, sample_indices
from mood_sweeps.data.image_set import ImageSet
from mood_sweeps.experiment.check_exposure import exposures_of
from mood_sweeps.experiment.sweep import Sweep
from mood_sweeps.methods.finetunes.outlier_exposure.declaration import OutlierExposure
from mood_sweeps.methods.finetunes.stage import FinetuneStage
from mood_sweeps.planning.stage_inputs import Exposed

__all__ = ["Exposures"]


class Exposures:
    """The exposures of one sweep; every set of images is looked through once."""

    def __init__(self, sweep: Sweep, find_image_set: Callable[[str], ImageSet]) -> None:
        self._exposures = exposures_of(sweep.finetunes, sweep.seeds, find_image_set)
        self._find_image_set = find_image_set
        self._left_out: dict[str, Indices] = {}

    def shown(self, stage: Choice[FinetuneStage], seed: int | None) -> Exposed | None:
        """Return what a fine-tuning stage shows to the network, None if it is nothing."""
        exposure = stage.parameters
        if not isinstance(exposure, OutlierExposure) or exposure.k == 0:
            return None
        assert seed is not None  # a stage that draws uses one
        images = self._find_image_set(exposure.exposed)
        return Exposed(images, sample_indices(images.open("all"), exposure.k, seed))

    def left_out(self, images: ImageSet) -> Indices:
        """Return the places of an OOD set's images that no cell is tested on."""
        if images.name not in self._left_out:
            self._left_out[images.name] = exposed_among(images, self._exposures)
        return self._left_out[images.name]
