from __future__ import annotations

import json

import pytest

from mood_sweeps.launching.pending_work import find_pending_work
from tests.support.small_launches import TINY, Tried, plan_in


def test_a_store_without_its_database_gives_all_rows(launched: Tried) -> None:
    plan = plan_in(TINY, launched.folder)
    work = find_pending_work(plan, None, launched.store, repair=False)
    assert {row["evaluation_key"] for row in work.adopted} == {
        cell.evaluation_key for cell in plan.cells
    }
    assert (work.calls, work.is_empty) == ((), False)


@pytest.mark.parametrize("repair", [False, True])
def test_only_a_launch_takes_a_damaged_object_out_of_use(launched: Tried, repair: bool) -> None:
    plan = plan_in(TINY, launched.folder)
    (file, _) = sorted(launched.folder.glob("store/objects/score/**/evaluations.json"))
    damaged = len(json.loads(file.read_text()))
    file.write_bytes(b"x" * file.stat().st_size)
    work = find_pending_work(plan, None, launched.store, repair=repair)
    assert [call.kind for call in work.calls] == ["score"]
    held = {row["evaluation_key"] for row in work.adopted}
    assert len(work.adopted) == len(held) == len(plan.cells) - damaged > 0
    assert file.exists() is not repair
    assert len(list((launched.folder / "store" / "quarantine").iterdir())) == int(repair)
