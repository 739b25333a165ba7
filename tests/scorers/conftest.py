from __future__ import annotations

import pytest

from tests.support.scorer_cases import Case, make_case


@pytest.fixture(params=[0, 1, 2])
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(seed=request.param)
