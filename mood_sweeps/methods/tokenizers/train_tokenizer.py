"""Training of a tokenizer: a discrete VAE on the images of a corpus."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812

from mood_sweeps.data.image_set import LabelledImages
from mood_sweeps.data.pipeline.batch_loader import BatchLoader
from mood_sweeps.methods.tokenizers.declarations import Dvae
from mood_sweeps.methods.tokenizers.dvae_network import (
    DiscreteVae,
    build_tokenizer,
    describe_tokenizer,
)
from mood_sweeps.methods.tokenizers.dvae_objective import DvaeObjective
from mood_sweeps.networks.checkpoint import Checkpoint, state_of
from mood_sweeps.networks.reproducible import reproducible
from mood_sweeps.networks.torch_device import own_device
from mood_sweeps.training.loop import Listener, train
from mood_sweeps.training.resume_state import ResumeState

__all__ = ["train_tokenizer"]

_KIND = "tokenizer"
_MEASURED_IMAGES = 512
_SUMMARY = ("loss", "error", "used_tokens")


def train_tokenizer(
    recipe: Dvae,
    corpus: LabelledImages,
    seed: int,
    *,
    progress: ResumeState | None = None,
    listener: Listener | None = None,
) -> Checkpoint:
    """Return the checkpoint of the tokenizer that ``recipe`` declares, trained on ``corpus``.

    Labels are not used. progress, reproducibility, errors: as for `pretrain`.
    """
    names = ("channels", "patch_size", "vocabulary", "width", "blocks")
    architecture = describe_tokenizer(**{name: getattr(recipe, name) for name in names})
    form = {**architecture["input"], "size": recipe.image_size}
    with reproducible(seed, _KIND):
        device = own_device()
        network = build_tokenizer(architecture)
        images = BatchLoader(corpus, form, device)
        trained = train(
            DvaeObjective(recipe, network).to(device),
            images,
            torch.from_numpy(corpus.labels),
            recipe,
            seed=seed,
            kind=_KIND,
            progress=progress,
            listener=listener,
            measure=lambda: _measured(network, images),
        )
    last = trained.curves[-1]
    summary = {name: last[name] for name in _SUMMARY}
    return Checkpoint(
        architecture,
        state_of(network),
        None,
        trained.curves,
        summary,
        trained.measured,
        findings=trained.findings,
    )


def _measured(network: DiscreteVae, images: BatchLoader) -> dict[str, float]:
    """Return the reconstruction error from tokens alone and the number of used tokens.

    Over the first images: error is the squared error per pixel, used_tokens the number of different
    tokens.
    """
    sample = images.take(torch.arange(min(_MEASURED_IMAGES, len(images))))
    with torch.no_grad():
        tokens = network.encode(sample).argmax(dim=-1)
        weights = F.one_hot(tokens, network.logits.out_channels).to(sample.dtype)
        reconstructed = network.decode(weights)
    return {
        "error": F.mse_loss(reconstructed, sample).item(),
        "used_tokens": float(torch.bincount(tokens.flatten()).count_nonzero()),
    }
