"""Fine-tuning with outlier exposure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from pydantic import Field

from mood_sweeps.choice import OUT_OF_KEYS
from mood_sweeps.methods.finetunes.supervised_stage import MOODV1_VIEWS, AugmentedStage
from mood_sweeps.training.recipe import Presets

__all__ = ["OutlierExposure"]


@dataclass(frozen=True)
class OutlierExposure(AugmentedStage):
    """Train as ``ft``, and push predictions for a few known OOD images towards uniform.

    Hendrycks et al. (2019), Eq. 1 for classifiers: cross-entropy of the ID images, plus ``weight``
    times the cross-entropy from the uniform distribution to the prediction of OOD images. All
    scorers for classifiers apply: msp, energy, …

    exposed: the OOD set of the training images; no cell of the sweep is tested on these images.
    k: number of images of each of its classes, drawn by the seed (MOODv1, Tab. 9: 0, 1, 2, 3, 10);
    0 is ``ft``. weight: λ, the authors' 0.5.
    """

    trainer: ClassVar[str] = "mood_sweeps.methods.finetunes.outlier_exposure.objective:train"
    presets: ClassVar[Presets] = {"paper": MOODV1_VIEWS}

    # The key has the digest of the images instead of the set's name.
    exposed: Annotated[str, Field(min_length=1)] = field(kw_only=True, metadata=OUT_OF_KEYS)
    k: Annotated[int, Field(ge=0)] = field(kw_only=True)
    weight: Annotated[float, Field(ge=0)] = 0.5
