"""Synthetic frames with the columns of the results database, from a seeded generator."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mood_sweeps.aggregation import report_folder
from tests.support.written_reports import report_of

FAMILIES = {
    "msp": "probability",
    "entropy": "probability",
    "kl_matching": "probability",
    "max_logit": "logit",
    "energy": "logit",
    "mahalanobis": "feature",
    "knn": "feature",
    "residual": "feature",
    "vim": "hybrid",
    "react": "hybrid",
    "gradnorm": "gradient",
}
SCORERS = [
    "msp",
    "entropy",
    "kl_matching",
    "max_logit",
    "energy",
    "mahalanobis",
    "knn(k=10)",
    "residual",
    "vim",
    "react",
    "gradnorm",
]
FEW_SCORERS = {"msp", "mahalanobis", "knn(k=10)"}
NEEDS_HEAD = {*SCORERS} - {"mahalanobis", "knn(k=10)", "residual"}
OOD_SETS = {
    "digits:6-9": "near",
    "photos": "far",
    "textures": "far",
    "shapes": "far",
    "gaussian": "far",
    "uniform": "far",
}
QUALITY = {"random": 0.62, "mim": 0.78, "mocov3": 0.84, "classification": 0.9}
N_OOD_CLASS = {"6": 181, "7": 179, "8": 174, "9": 180}


def _results() -> pd.DataFrame:
    """A full quickstart-shaped sweep: mim has no ResNet, head scorers have no headless cells."""
    draw = np.random.default_rng(7)
    lines = []
    grid = itertools.product(
        QUALITY, ["vit_nano", "resnet_nano"], ["pt", "pt+ft"], SCORERS, OOD_SETS, [0, 1]
    )
    for pretext, backbone, finetune, scorer, ood_set, seed in grid:
        headless = finetune == "pt" and pretext != "classification"
        if (pretext, backbone) == ("mim", "resnet_nano") or (headless and scorer in NEEDS_HEAD):
            continue
        near = OOD_SETS[ood_set] == "near"
        centre = QUALITY[pretext] + 0.04 * (finetune == "pt+ft") + (0.0 if near else 0.05)
        centre += 0.02 * (scorer in {"mahalanobis", "knn(k=10)"}) - 0.08 * (scorer == "gradnorm")
        auroc = float(np.clip(centre + draw.normal(0, 0.015), 0.0, 1.0))
        lines.append(
            {
                "sweep": "synthetic",
                "cell_key": f"{len(lines):064x}",
                "pretext": pretext,
                "backbone": backbone,
                "finetune": finetune,
                "scorer": scorer,
                "id_set": "digits:0-5",
                "ood_set": ood_set,
                "distance": OOD_SETS[ood_set],
                "seed": seed,
                "status": "done",
                "reason": None,
                "evaluation_key": f"{len(lines) + 10_000:064x}",
                "representation_key": f"{pretext}/{backbone}/{finetune}/{seed}",
                "auroc": auroc,
                "auroc_low": max(auroc - 0.02, 0.0),
                "auroc_high": min(auroc + 0.02, 1.0),
                "fpr95": min(2.5 * (1 - auroc), 1.0),
                "fpr95_ood_positive": min(2.4 * (1 - auroc), 1.0),
                "aupr_in": auroc,
                "aupr_out": auroc,
                "ap_in": auroc,
                "ap_out": auroc,
                "detection_error": (1 - auroc) / 2,
                "autc": 0.4,
                "oscr": 0.9 * auroc,
                "ccr_at_fpr05": 0.8 * auroc,
                "id_accuracy": 0.9 + 0.01 * seed + 0.05 * (finetune == "pt+ft"),
                "id_accuracy_from": "nearest class mean" if headless else "head",
                "n_id": 271,
                "n_ood": 714 if near else 500,
                "seconds": 0.01,
                "mlflow_run_id": None,
                "created_at": "2025-01-01T00:00:00+00:00",
            }
        )
    return pd.DataFrame(lines).astype({"seed": "Int64"})


@pytest.fixture(scope="session")
def full_results() -> pd.DataFrame:
    """Every cell done; treat as read-only."""
    return _results()


@pytest.fixture
def results(full_results: pd.DataFrame) -> pd.DataFrame:
    """A private copy of the full sweep, to be damaged at will."""
    return full_results.copy()


@pytest.fixture(scope="session")
def few_full_results(full_results: pd.DataFrame) -> pd.DataFrame:
    """444 cells, 74 of them near, of three scorers; treat as read-only."""
    return full_results[full_results["scorer"].isin(FEW_SCORERS)].reset_index(drop=True)


@pytest.fixture
def few_results(few_full_results: pd.DataFrame) -> pd.DataFrame:
    """A private copy of the sweep of three scorers."""
    return few_full_results.copy()


@pytest.fixture(scope="session")
def joined_results(full_results: pd.DataFrame) -> pd.DataFrame:
    """The full sweep with an ensemble of each representation's two seeds; treat as read-only.

    Every one has an AUROC of 1.
    """
    joined = full_results[full_results["seed"] == 0].copy()
    joined["seed"] = pd.NA
    joined["finetune"] += " × 2 seeds"
    joined["cell_key"] = [f"{number + 70_000:064x}" for number in range(len(joined))]
    joined["auroc"] = 1.0
    return pd.concat([full_results, joined], ignore_index=True)


@pytest.fixture(scope="session")
def full_confusions(full_results: pd.DataFrame) -> pd.DataFrame:
    """The confusion frame of the near cells of the full sweep; treat as read-only."""
    draw = np.random.default_rng(11)
    near = full_results[full_results["distance"] == "near"]
    labels = ["sweep", "cell_key", "pretext", "backbone", "finetune", "scorer"]
    labels += ["id_set", "ood_set", "distance", "seed"]
    lines = []
    resemblance = {"6": [3, 1, 1, 1, 2, 4], "7": [1, 4, 1, 1, 2, 1]}
    resemblance |= {"8": [1, 3, 2, 2, 1, 2], "9": [1, 1, 1, 4, 3, 3]}
    for cell in near.to_dict("records"):
        for ood_class, n_images in N_OOD_CLASS.items():
            weights = np.array([*resemblance[ood_class], 0.0])
            weights[:6] *= cell["fpr95"] / weights[:6].sum()
            weights[6] = max(1.0 - weights[:6].sum(), 0.0)
            counts = draw.multinomial(n_images, weights / weights.sum())
            for id_class in range(6):
                lines.append(
                    {name: cell[name] for name in labels}
                    | {
                        "ood_class": ood_class,
                        "id_class": str(id_class),
                        "accepted": int(counts[id_class]),
                        "n_ood_class": n_images,
                    }
                )
    return pd.DataFrame(lines).astype({"seed": "Int64"})


@pytest.fixture(scope="session")
def few_confusions(full_confusions: pd.DataFrame) -> pd.DataFrame:
    """The confusion frame of three scorers; treat as read-only."""
    return full_confusions[full_confusions["scorer"].isin(FEW_SCORERS)].reset_index(drop=True)


@pytest.fixture
def confusions(full_confusions: pd.DataFrame) -> pd.DataFrame:
    """A private copy of the full confusion frame."""
    return full_confusions.copy()


@pytest.fixture(scope="session")
def families() -> dict[str, str]:
    """The family of every scorer; treat as read-only."""
    return FAMILIES


@pytest.fixture(scope="session")
def plain_report(
    few_full_results: pd.DataFrame,
    few_confusions: pd.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The report of the sweep of three scorers, without pixels; treat as read-only."""
    folder = tmp_path_factory.mktemp("report")
    with pytest.MonkeyPatch.context() as patch:
        _draw_nothing(patch)
        report_of(few_full_results, few_confusions, folder)
    return folder


@pytest.fixture
def without_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write empty files in the place of figures: drawing takes most of a report's time."""
    _draw_nothing(monkeypatch)


def _draw_nothing(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(report_folder, "save_png", lambda _figure, path: path.write_bytes(b""))
