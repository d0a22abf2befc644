"""GRPO on the MLLM: a batch of rollouts, two turns each, becomes one or several updates.

Gradients are computed for a few rollouts at a time and summed over processes, like the sampler's: ranks need not
have the same number of micro-batches, and rollouts without an advantage cost nothing. Where the weights are cut over
the processes, all of them make as many passes as the busiest (``sharding``).

Shapes: N rollouts of this process, M of a micro-batch, B = 2M rows (turn 1 of each, then turn 2), L new tokens.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from torch import Tensor, nn

from msjoe.mllm import Shown
from msjoe.rl.checkpoints import learner_tensors, load_learner
from msjoe.rl.gradients import Stepper, sum_gradients
from msjoe.rl.losses import grpo_loss, token_weights
from msjoe.rl.recipe import JointStage
from msjoe.rl.rollouts import Rollout
from msjoe.rl.sharding import Shards
from msjoe.rl.tuning import Reference
from msjoe.rl.turns import ANSWER, REASON, Said, Speaker

CLIPS = ("clip_ratio/low_mean", "clip_ratio/high_mean", "clip_ratio/region_mean")


class MllmLearner:
    """The MLLM with its AdamW."""

    def __init__(self, speaker: Speaker, stage: JointStage, accelerator: Accelerator) -> None:
        self.speaker, self.stage, self.accelerator = speaker, stage, accelerator
        self.model = speaker.mllm.model
        learning = [p for p in self.model.parameters() if p.requires_grad]
        self.reference = Reference(self.model, stage) if stage.grpo.beta else None
        adamw = torch.optim.AdamW(learning, lr=stage.mllm_lr, weight_decay=stage.weight_decay)
        self.shards = Shards(self.model, adamw, accelerator)
        self.optimizer = self.shards.optimizer
        self.stepper = Stepper("mllm", self.optimizer, self.model, stage.max_grad_norm)
        # Checkpointing throws keys and values away; processes of cut weights must make passes of one kind.
        speaker.share_prompts = not (stage.gradient_checkpointing or self.shards.cut)

    def update(self, rollouts: Sequence[Rollout], advantages_N: Tensor, step: int) -> dict[str, float]:
        """``stage.updates`` steps. Metrics are means over them; each process returns those of its own rollouts.

        "skipped_steps" counts the updates that were not made because their gradient was not finite.
        """
        live = [i for i in range(len(rollouts)) if self.reference or advantages_N[i] != 0]
        size = self.stage.micro_batch
        parts = [live[i : i + size] for i in range(0, len(live), size)]
        passes = self.shards.passes(len(parts))
        weights_2N, share = self._weights(rollouts)
        told: dict[str, float] = defaultdict(float, dict.fromkeys((*CLIPS, "entropy"), 0.0))
        if self.reference:
            told["kl"] = 0.0
        old: dict[int, Tensor] = {}  # of each micro-batch, as its first pass finds them: no pass of its own
        self.model.train()
        for _ in range(self.stage.updates):
            self.optimizer.zero_grad(set_to_none=True)
            for number, part in enumerate(parts):
                loss, metrics = self._loss(
                    [rollouts[i] for i in part], advantages_N[part], weights_2N[:, part], number, old
                )
                (loss * share * self.shards.loss_factor).backward()
                for name, value in metrics.items():
                    told[name] += value / self.stage.updates
            for _ in range(passes - len(parts)):
                self._pass_idly()
            if not self.shards.cut:
                sum_gradients(self.model.parameters(), self.accelerator)
            rate = self.stage.mllm_rate(step)
            made = self.stepper.step(rate, step, self.accelerator)
            told["skipped_steps"] += made.pop("skipped_steps")
            told.update(made)
        self.model.eval()
        lengths_2N = _lengths(rollouts)
        return told | {"learning_rate": rate, "turn1_share": float((weights_2N * lengths_2N)[0].sum())}

    def tensors(self) -> dict[str, Tensor]:
        return learner_tensors("mllm", self.model, self.optimizer, self.accelerator.is_main_process)

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        load_learner("mllm", self.model, self.optimizer, tensors)

    def _loss(
        self,
        rollouts: Sequence[Rollout],
        advantages_M: Tensor,
        weights_2M: Tensor,
        number: int,
        old: dict[int, Tensor],
    ) -> tuple[Tensor, dict[str, float]]:
        turns = [(r.previews, r.asked) for r in rollouts], [(r.shown, r.said) for r in rollouts]
        logp_BL, mask_BL, entropy_BL = self._rows(*turns)
        device, weights_B = logp_BL.device, weights_2M.flatten().to(logp_BL.device)
        old_BL = old.setdefault(number, logp_BL.detach())
        ref_BL = None
        if self.reference:
            with self.reference() as base:
                ref_BL = self._rows(*turns, base)[0]
        rollout_B = torch.arange(len(rollouts), device=device).repeat(2)
        adv_B = advantages_M.repeat(2).to(device)
        args = (logp_BL, old_BL, mask_BL, adv_B, weights_B, rollout_B, self.stage.grpo)
        loss, metrics = grpo_loss(*args, ref_BL)
        return loss, metrics | {"entropy": float((weights_B[:, None] * entropy_BL).sum())}

    def _pass_idly(self) -> None:
        """Through the model and back for nothing, because other processes do and the weights are cut over all."""
        nothing = Shown("", (), [], []), Said("", torch.tensor([self.speaker.pad]), torch.zeros(1), True)
        logp_2L = self._rows([nothing], [nothing])[0]
        if self.reference:
            with self.reference() as base:
                self._rows([nothing], [nothing], base)
        (0.0 * logp_2L.sum()).backward()

    def _rows(
        self, first: Sequence[tuple[Shown, Said]], second: Sequence[tuple[Shown, Said]], model: nn.Module | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities, mask and entropies of M replies of turn 1, then of M of turn 2, [2M, L]."""
        heat = self.stage.temperature
        first = self.speaker.logps(REASON, *zip(*first, strict=True), heat, model)
        second = self.speaker.logps(ANSWER, *zip(*second, strict=True), heat, model)
        length = max(first[0].shape[1], second[0].shape[1])
        joined = zip(first, second, strict=True)
        return tuple(torch.cat([F.pad(x, (0, length - x.shape[1])) for x in both]) for both in joined)

    def _weights(self, rollouts: Sequence[Rollout]) -> tuple[Tensor, float]:
        """Token weights [2, N] that sum to 1 here, and this process's share of the whole batch.

        Rollouts without an advantage count in them: a batch of which little can be learned makes a small step.
        """
        lengths_2N, weighting = _lengths(rollouts), self.stage.grpo.weighting
        count = float(lengths_2N.sum() if weighting == "token" else len(rollouts))
        whole = self.accelerator.reduce(torch.tensor(count, device=self.accelerator.device), "sum")
        if not rollouts:
            return lengths_2N, 0.0
        numbers_B = torch.arange(len(rollouts)).repeat(2)
        return token_weights(lengths_2N.flatten(), numbers_B, weighting).view(2, -1), count / float(whole)


def _lengths(rollouts: Sequence[Rollout]) -> Tensor:
    """New tokens of both turns, [2, N]."""
    return torch.tensor([[len(r.asked.tokens_L) for r in rollouts], [len(r.said.tokens_L) for r in rollouts]]).view(
        2, -1
    )
