"""Every score function, by its name in experiment files."""

from __future__ import annotations

from collections.abc import Mapping

from mood_sweeps.scorers.feature.caref import CARef
from mood_sweeps.scorers.feature.cfood import CFOOD
from mood_sweeps.scorers.feature.chebyshev import Chebyshev, ChebyshevMOODv1
from mood_sweeps.scorers.feature.cosine import Cosine
from mood_sweeps.scorers.feature.euclidean import Euclidean, EuclideanMOODv1
from mood_sweeps.scorers.feature.gauss import Gauss
from mood_sweeps.scorers.feature.gmm import GMM, GMMPytorchOOD
from mood_sweeps.scorers.feature.gram import Gram
from mood_sweeps.scorers.feature.kmeans import KMeans, KMeansMOODv1
from mood_sweeps.scorers.feature.knn import KNN, KNNPytorchOOD, KNNRaw
from mood_sweeps.scorers.feature.mahalanobis import (
    Mahalanobis,
    MahalanobisMOODv1,
    MahalanobisPytorchOOD,
)
from mood_sweeps.scorers.feature.mahalanobis_layers import (
    MahalanobisLayers,
    MahalanobisLayersPytorchOOD,
)
from mood_sweeps.scorers.feature.mahalanobis_per_class import MahalanobisPerClass
from mood_sweeps.scorers.feature.minkowski import Minkowski, MinkowskiMOODv1
from mood_sweeps.scorers.feature.nac import NAC, NACPytorchOOD
from mood_sweeps.scorers.feature.projection import Projection, ProjectionMOODv1
from mood_sweeps.scorers.feature.rankfeat import RankFeat
from mood_sweeps.scorers.feature.residual import Residual, ResidualOpenOOD
from mood_sweeps.scorers.feature.rmd import RMD
from mood_sweeps.scorers.feature.she import SHE
from mood_sweeps.scorers.feature.ssd import SSD
from mood_sweeps.scorers.gradient.adascale import AdaScaleA, AdaScaleL
from mood_sweeps.scorers.gradient.grad_uncertainty import GradUncertainty
from mood_sweeps.scorers.gradient.gradnorm import GradNorm, GradNormPytorchOOD
from mood_sweeps.scorers.gradient.grood import GROOD
from mood_sweeps.scorers.gradient.i_odin import IODIN
from mood_sweeps.scorers.gradient.mahalanobis_perturbed import (
    MahalanobisPerturbed,
    MahalanobisPerturbedPytorchOOD,
)
from mood_sweeps.scorers.gradient.odin import ODIN, ODINOpenOOD, ODINPytorchOOD
from mood_sweeps.scorers.hybrid.ash import (
    ASHB,
    ASHP,
    ASHS,
    ASHBOpenOOD,
    ASHPPytorchOOD,
    ASHSPooledPytorchOOD,
    ASHSPytorchOOD,
)
from mood_sweeps.scorers.hybrid.cadref import CADRef
from mood_sweeps.scorers.hybrid.dice import DICE
from mood_sweeps.scorers.hybrid.fdbd import FDBD, FDBDOpenOOD
from mood_sweeps.scorers.hybrid.lts import LTS
from mood_sweeps.scorers.hybrid.nci import NCI, NCIPytorchOOD
from mood_sweeps.scorers.hybrid.neco import NECO
from mood_sweeps.scorers.hybrid.nnguide import NNGuide, NNGuideOpenOOD, NNGuidePytorchOOD
from mood_sweeps.scorers.hybrid.pnml import PNML
from mood_sweeps.scorers.hybrid.react import (
    ReAct,
    ReActOpenOOD,
    ReActPooledPytorchOOD,
    ReActPytorchOOD,
)
from mood_sweeps.scorers.hybrid.relation import Relation
from mood_sweeps.scorers.hybrid.scale import SCALE, SCALEPooledPytorchOOD, SCALEPytorchOOD
from mood_sweeps.scorers.hybrid.vim import ViM, ViMMOODv2, ViMOpenOOD, ViMPytorchOOD
from mood_sweeps.scorers.hybrid.vra import VRA, VRAOpenOOD, VRAPooledPytorchOOD, VRAPytorchOOD
from mood_sweeps.scorers.logit.energy import Energy
from mood_sweeps.scorers.logit.max_logit import MaxLogit
from mood_sweeps.scorers.logit.openmax import OpenMax, OpenMaxOpenOOD, OpenMaxPytorchOOD
from mood_sweeps.scorers.probability.entropy import Entropy, EntropyPytorchOOD
from mood_sweeps.scorers.probability.gen import GEN, GENOpenOOD, GENPytorchOOD
from mood_sweeps.scorers.probability.kl_matching import (
    KLMatching,
    KLMatchingOpenOOD,
    KLMatchingPytorchOOD,
)
from mood_sweeps.scorers.probability.mcm import MCM, MCMPytorchOOD
from mood_sweeps.scorers.probability.msp import MSP, MSPMOODv1
from mood_sweeps.scorers.probability.temperature_msp import (
    TemperatureMSP,
    TemperatureMSPOpenOOD,
    TemperatureMSPPytorchOOD,
)
from mood_sweeps.scorers.reconstruction.reconstruction import Reconstruction
from mood_sweeps.scorers.scorer import Scorer
from mood_sweeps.scorers.training.mc_dropout import MCDropout, MCDropoutOpenOOD, MCDropoutPytorchOOD
from mood_sweeps.scorers.training.ssod import SSOD

__all__ = ["NOT_SCORERS", "SCORERS"]

# ``name@tool`` is the score as that tool or paper computes it, where tools disagree. The bare name
# is the best-founded choice; its docstring gives the reasons.
SCORERS: dict[str, type[Scorer]] = {
    # probability
    "msp": MSP,
    "msp@moodv1": MSPMOODv1,
    "temperature_msp": TemperatureMSP,
    "temperature_msp@openood": TemperatureMSPOpenOOD,
    "temperature_msp@pytorch_ood": TemperatureMSPPytorchOOD,
    "mcm": MCM,
    "mcm@pytorch_ood": MCMPytorchOOD,
    "entropy": Entropy,
    "entropy@pytorch_ood": EntropyPytorchOOD,
    "gen": GEN,
    "gen@openood": GENOpenOOD,
    "gen@pytorch_ood": GENPytorchOOD,
    "kl_matching": KLMatching,
    "kl_matching@moodv2": KLMatching,
    "kl_matching@openood": KLMatchingOpenOOD,
    "kl_matching@pytorch_ood": KLMatchingPytorchOOD,
    # logit
    "max_logit": MaxLogit,
    "energy": Energy,
    "openmax": OpenMax,
    "openmax@openood": OpenMaxOpenOOD,
    "openmax@pytorch_ood": OpenMaxPytorchOOD,
    # feature
    "mahalanobis": Mahalanobis,
    "mahalanobis@moodv1": MahalanobisMOODv1,
    "mahalanobis@moodv2": Mahalanobis,
    "mahalanobis@openood": Mahalanobis,
    "mahalanobis@pytorch_ood": MahalanobisPytorchOOD,
    "mahalanobis_per_class": MahalanobisPerClass,
    "mahalanobis_layers": MahalanobisLayers,
    "mahalanobis_layers@pytorch_ood": MahalanobisLayersPytorchOOD,
    "rmd": RMD,
    "rmd@openood": RMD,
    "she": SHE,
    "she@openood": SHE,
    "she@pytorch_ood": SHE,
    "cosine": Cosine,
    "cosine@moodv1": Cosine,
    "euclidean": Euclidean,
    "euclidean@moodv1": EuclideanMOODv1,
    "minkowski": Minkowski,
    "minkowski@moodv1": MinkowskiMOODv1,
    "chebyshev": Chebyshev,
    "chebyshev@moodv1": ChebyshevMOODv1,
    "projection": Projection,
    "projection@moodv1": ProjectionMOODv1,
    "gauss": Gauss,
    "kmeans": KMeans,
    "kmeans@moodv1": KMeansMOODv1,
    "gmm": GMM,
    "gmm@pytorch_ood": GMMPytorchOOD,
    "ssd": SSD,
    "knn": KNN,
    "knn@openood": KNN,
    "knn@pytorch_ood": KNNPytorchOOD,
    "knn_raw": KNNRaw,
    "cfood": CFOOD,
    "residual": Residual,
    "residual@moodv2": Residual,
    "residual@openood": ResidualOpenOOD,
    "caref": CARef,
    "gram": Gram,
    "rankfeat": RankFeat,
    "nac": NAC,
    "nac@pytorch_ood": NACPytorchOOD,
    # hybrid
    "react": ReAct,
    "react@moodv2": ReAct,
    "react@openood": ReActOpenOOD,
    "react@pytorch_ood": ReActPytorchOOD,
    "react_pooled@pytorch_ood": ReActPooledPytorchOOD,
    "vra": VRA,
    "vra@openood": VRAOpenOOD,
    "vra@pytorch_ood": VRAPytorchOOD,
    "vra_pooled@pytorch_ood": VRAPooledPytorchOOD,
    "ash_p": ASHP,
    "ash_p@pytorch_ood": ASHPPytorchOOD,
    "ash_b": ASHB,
    "ash_b@openood": ASHBOpenOOD,
    "ash_s": ASHS,
    "ash_s@pytorch_ood": ASHSPytorchOOD,
    "ash_s_pooled@pytorch_ood": ASHSPooledPytorchOOD,
    "scale": SCALE,
    "scale@pytorch_ood": SCALEPytorchOOD,
    "scale_pooled@pytorch_ood": SCALEPooledPytorchOOD,
    "lts": LTS,
    "dice": DICE,
    "dice@openood": DICE,
    "dice@pytorch_ood": DICE,
    "vim": ViM,
    "vim@moodv2": ViMMOODv2,
    "vim@openood": ViMOpenOOD,
    "vim@pytorch_ood": ViMPytorchOOD,
    "nnguide": NNGuide,
    "nnguide@openood": NNGuideOpenOOD,
    "nnguide@pytorch_ood": NNGuidePytorchOOD,
    "relation": Relation,
    "neco": NECO,
    "pnml": PNML,
    "fdbd": FDBD,
    "fdbd@openood": FDBDOpenOOD,
    "nci": NCI,
    "nci@pytorch_ood": NCIPytorchOOD,
    "cadref": CADRef,
    # gradient
    "gradnorm": GradNorm,
    "gradnorm@moodv2": GradNorm,
    "gradnorm@openood": GradNorm,
    "gradnorm@pytorch_ood": GradNormPytorchOOD,
    "grood": GROOD,
    "grad_uncertainty": GradUncertainty,
    "odin": ODIN,
    "odin@openood": ODINOpenOOD,
    "odin@pytorch_ood": ODINPytorchOOD,
    "i_odin": IODIN,
    "mahalanobis_perturbed": MahalanobisPerturbed,
    "mahalanobis_perturbed@pytorch_ood": MahalanobisPerturbedPytorchOOD,
    "adascale_a": AdaScaleA,
    "adascale_l": AdaScaleL,
    # training
    "ssod": SSOD,
    "reconstruction": Reconstruction,
    "mc_dropout": MCDropout,
    "mc_dropout@openood": MCDropoutOpenOOD,
    "mc_dropout@pytorch_ood": MCDropoutPytorchOOD,
}

NOT_SCORERS: Mapping[str, str] = {
    "outlier_exposure": "outlier exposure is a way to train, and its networks are scored like any "
    "classifier: fine-tune by 'ft:outlier_exposure', score by 'msp', 'energy' or any other",
}
"""Names that users look for among the scorers, and what to use instead."""
