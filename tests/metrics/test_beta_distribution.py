from __future__ import annotations

import pytest
from scipy.special import betainc, betaincinv

from mood_sweeps.metrics.beta_distribution import beta_cdf, beta_quantile


@pytest.mark.parametrize("a", [0.5, 0.7, 3.2, 40.0, 900.5, 25_000.5])
@pytest.mark.parametrize("b", [0.5, 1.5, 60.0, 400.5, 50_000.5])
def test_the_beta_distribution_is_scipys(a, b):
    for probability in (0.005, 0.025, 0.5, 0.95, 0.975, 0.9995):
        quantile = float(betaincinv(a, b, probability))
        assert beta_quantile(probability, a, b) == pytest.approx(quantile, rel=1e-9, abs=1e-13)
        assert beta_cdf(quantile, a, b) == pytest.approx(betainc(a, b, quantile), abs=1e-10)
    assert (beta_cdf(0.0, a, b), beta_cdf(1.0, a, b)) == (0.0, 1.0)
