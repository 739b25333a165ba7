"""The load job: a checkpoint from published weights or from a file; nothing is trained."""

from __future__ import annotations

from pathlib import Path

from mood_sweeps.errors import InputError
from mood_sweeps.identity import file_digest
from mood_sweeps.jobs.context import JobContext, Product, make_object
from mood_sweeps.jobs.outcome import Outcome
from mood_sweeps.jobs.stages_by_plugins import checkpoint_by_plugin
from mood_sweeps.networks.checkpoint import Checkpoint
from mood_sweeps.networks.weights.load_checkpoint import load_file, load_published
from mood_sweeps.note import doubt_about
from mood_sweeps.planning.calls import Call
from mood_sweeps.planning.stage_inputs import LoadFile, LoadPublished
from mood_sweeps.planning.stages import Stage

__all__ = ["loaded", "run"]


def run(call: Call, context: JobContext) -> Outcome:
    """Load the weights that the call's stage names."""

    def make(stage: Stage) -> Product:
        assert isinstance(stage.work, LoadFile | LoadPublished)
        work, by_plugin = stage.work, bool(stage.plugins)
        checkpoint = checkpoint_by_plugin(stage, context) if by_plugin else loaded(work)
        findings = checkpoint.findings
        doubts = (doubt_about(stage.label, findings),) if findings else ()
        return Product(checkpoint.save, checkpoint.measured, doubts)

    return make_object(call, context, make)


def loaded(work: LoadFile | LoadPublished) -> Checkpoint:
    """Return the checkpoint of the weights that a load stage names."""
    if isinstance(work, LoadPublished):
        return load_published(
            work.tag, work.backbone, work.transform, work.revision, with_head=work.with_head
        )
    path = Path(work.path)
    checkpoint = load_file(
        path,
        work.backbone,
        work.layout,
        work.transform,
        classes=work.classes,
        averaged=work.averaged,
    )
    # Hashed after reading, so that the bytes that were read are those that the key names.
    if file_digest(path) != work.digest:
        raise InputError(f"{path} changed after the launch was planned; launch again")
    return checkpoint
