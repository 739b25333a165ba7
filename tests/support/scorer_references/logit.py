"""Independent implementations of the logit scores."""

from __future__ import annotations

import numpy as np
from pytorch_ood import detector as pytorch_ood
from scipy.special import logsumexp, softmax
from scipy.stats import gumbel_l
from torch import from_numpy

from tests.support.scorer_references.compare import Reference


def max_logit(case):
    return -pytorch_ood.MaxLogit(None).predict_logits(from_numpy(case.test.logits)).numpy()


def energy(case):
    return logsumexp(case.test.logits.astype(np.float64), axis=1)


def openmax(alpha):
    """Sample by sample as libMR and OpenOOD compute it, with scipy's fit."""

    def scores(case):
        logits = case.train.logits.astype(np.float64)
        right = logits.argmax(axis=1) == case.train.labels
        models = []
        for c in range(logits.shape[1]):
            members = logits[right & (case.train.labels == c)]
            if len(members) == 0:
                models.append((np.zeros(logits.shape[1]), lambda _: 1.0))
                continue
            distances = np.linalg.norm(members - members.mean(axis=0), axis=1)
            tail = np.sort(distances)[-20:]
            models.append((members.mean(axis=0), within(tail)))
        return np.array([-unknown(z, models) for z in case.test.logits.astype(np.float64)])

    def unknown(z, models):
        ranked = np.argsort(z)[::-1][:alpha]
        omega = np.zeros(len(z))
        for i, c in enumerate(ranked, start=1):
            mean, cdf = models[c]
            omega[c] = (len(ranked) + 1 - i) / len(ranked) * cdf(np.linalg.norm(z - mean))
        return softmax(np.append(z * (1 - omega), (z * omega).sum()))[-1]

    def within(tail):
        # The logarithm of a Weibull variable has a Gumbel distribution.
        logs = np.log(tail - tail[0] + 10000)
        centre, spread = logs.mean(), logs.std()
        if spread < 1e-12:
            return lambda distance: float(distance > tail[0])
        place, scale = gumbel_l.fit((logs - centre) / spread)
        law = gumbel_l(centre + place * spread, scale * spread)
        return lambda distance: law.cdf(np.log(distance - tail[0] + 10000))

    return scores


def openmax_of_all(case):
    detector = pytorch_ood.OpenMax(None)
    detector.fit_logits(from_numpy(case.train.logits).double(), from_numpy(case.train.labels))
    return -detector.predict_logits(from_numpy(case.test.logits).double()).numpy()


REFERENCES = {
    "max_logit": Reference("pytorch-ood 0.4.0", max_logit),
    "energy": Reference("scipy logsumexp", energy),
    "openmax": Reference("formula (scipy gumbel_l)", openmax(alpha=10)),
    "openmax@openood": Reference("formula (scipy gumbel_l)", openmax(alpha=3)),
    "openmax@pytorch_ood": Reference("pytorch-ood 0.4.0", openmax_of_all),
}
