from __future__ import annotations

from pathlib import Path

from mood_sweeps.identity import key_of
from mood_sweeps.launching.report_environment import environment_lines
from mood_sweeps.store import Origin, Ref, Store

OLD = {"class": "cpu torch-2", "python": "3.11.1", "host": "one"}
FIRST = {**OLD, "mood-sweeps": "0.1.0", "commit": "aaa", "timm": "1.0"}
SECOND = {**FIRST, "host": "two", "commit": "bbb-dirty"}


def test_objects_are_counted_by_environment_and_not_by_host(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.prepare()

    def publish(kind: str, environment: dict[str, str], **content: str) -> str:
        key = key_of([kind, content])
        inputs = {content["bank"]: "digest"} if "bank" in content else {}
        origin = Origin(content, inputs, environment)
        ref = Ref(kind, key)
        store.publish(ref, lambda folder: (folder / "x").write_text("x") and None, origin, None, 1)
        return key

    pretrained = publish("pretrain", OLD)
    tuned = publish("finetune", FIRST, checkpoint=pretrained)
    bank = publish("extract", {**FIRST, "host": "three"}, checkpoint=tuned)
    scores = [
        publish("score/one", SECOND, bank=bank),
        publish("score/two", SECOND, bank=bank, which="other"),
    ]
    publish("score/two", OLD, bank=bank, which="of another sweep")
    lines = environment_lines(store, [tuned, tuned, "gone"], [*scores, "gone"])
    assert sorted(lines) == [
        "code that did not record its version (cpu torch-2): 1 pretrain",
        "mood-sweeps 0.1.0, commit aaa, python 3.11.1, timm 1.0 (cpu torch-2): "
        "1 extract, 1 finetune",
        "mood-sweeps 0.1.0, commit bbb-dirty, python 3.11.1, timm 1.0 (cpu torch-2): 2 score",
    ]
