"""DINO: a student predicts a teacher that is its own moving average (Caron et al. 2021, Alg. 1)."""

from __future__ import annotations

import copy
import warnings
from typing import Any, ClassVar, Self, TypeVar

import torch
from lightly.loss import DINOLoss
from lightly.models.modules.heads import DINOProjectionHead
from torch import nn

from mood_sweeps.methods.pretexts.dino.declaration import Dino
from mood_sweeps.methods.pretexts.multi_crop import MultiCrop
from mood_sweeps.methods.pretexts.objective import PretextObjective
from mood_sweeps.methods.tokenizers.visual_tokens import VisualTokens
from mood_sweeps.networks.timm_networks import feature_width
from mood_sweeps.training.momentum import follow, rising_momentum

__all__ = ["DinoObjective"]

D = TypeVar("D", bound=Dino)


class DinoObjective(PretextObjective[D]):
    """Student (``network`` and ``heads``) and teacher; heads, centring and loss are lightly's."""

    # Centring and sharpening of the teacher change during training, which alone changes the loss.
    loss_may_rise: ClassVar[bool] = True

    network: Any
    teacher: Any

    def __init__(self, task: D, network: Any, features: int) -> None:
        super().__init__()
        self.task = task
        self.crops = MultiCrop(network, task.views(), task.local_crops, task.local_size)
        self.network = network
        self.teacher = copy.deepcopy(network).requires_grad_(False)
        self.heads, self.teacher_heads = nn.ModuleDict(), nn.ModuleDict()
        self._add_head("image", features)
        self.loss = DINOLoss(
            task.outputs,
            student_temp=task.student_temperature,
            center_momentum=task.center_momentum,
        )
        self.temperature = task.first_teacher_temperature

    @classmethod
    def of(
        cls,
        task: D,
        network: nn.Module,
        example: torch.Tensor,
        classes: int,
        tokens: VisualTokens | None = None,
    ) -> Self:
        """Return the objective of a task; see `PretextObjective`."""
        del classes, tokens
        return cls(task, network, feature_width(network, example))

    def _add_head(self, name: str, inputs: int) -> None:
        """Add a head for ``inputs`` features to student and teacher, with equal weights."""
        task = self.task
        with warnings.catch_warnings():
            # lightly uses a weight norm that torch has deprecated; the numbers are the same.
            warnings.simplefilter("ignore", FutureWarning)
            student, teacher = (
                DINOProjectionHead(
                    inputs,
                    task.hidden,
                    task.bottleneck,
                    task.outputs,
                    batch_norm=task.head_norm,
                    norm_last_layer=task.unit_prototypes,
                )
                for _ in range(2)
            )
        teacher.load_state_dict(student.state_dict())
        self.heads[name] = student
        self.teacher_heads[name] = teacher.requires_grad_(False)

    def forward(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> torch.Tensor:
        """Return the loss between views of a batch; labels are not used."""
        del labels
        views = self.crops.global_crops(images, generator)
        with torch.no_grad():
            teacher_outputs = self.teacher_heads["image"](self.teacher(views))
        return self._distillation_loss(teacher_outputs, self.network(views), images, generator)

    def _distillation_loss(
        self,
        teacher_outputs: torch.Tensor,
        features: torch.Tensor,
        images: torch.Tensor,
        generator: torch.Generator,
    ) -> torch.Tensor:
        """Return the loss of the global crops' features (2·N, D) and of the local crops.

        teacher_outputs: (2·N, K), for the global crops.
        """
        if self.crops.local_crops:
            local = self.crops.local_features(self.network, images, generator)
            features = torch.cat([features, local])
        student_outputs = self.heads["image"](features)
        # The loss sums over all outputs and images; it is computed in fp32.
        with torch.autocast(images.device.type, enabled=False):
            loss: torch.Tensor = self.loss(
                teacher_outputs.float().chunk(2),
                student_outputs.float().chunk(2 + self.crops.local_crops),
                teacher_temp=self.temperature,
            )
        return loss

    def before_step(self, progress: float) -> None:
        """Set the teacher's temperature, and whether the head's last layer learns."""
        task = self.task
        rise = min(1.0, progress / task.teacher_warmup) if task.teacher_warmup else 1.0
        first = task.first_teacher_temperature
        self.temperature = first + (task.teacher_temperature - first) * rise
        for head in self.heads.values():
            layer: Any = head.last_layer
            # The optimiser skips parameters without a gradient, and their weight decay.
            layer.requires_grad_(progress >= task.frozen_head)
            layer.weight_g.requires_grad_(progress >= task.frozen_head and not task.unit_prototypes)

    def after_step(self, progress: float) -> None:
        """Move the teacher towards the student; the momentum rises to 1 by a cosine."""
        momentum = rising_momentum(self.task.momentum, progress)
        follow(self.teacher, self.network, momentum)
        follow(self.teacher_heads, self.heads, momentum)

    def trained_network(self) -> nn.Module:
        """Return the teacher's network, which the paper found better than the student's (§5.1)."""
        published: nn.Module = self.teacher
        return published
