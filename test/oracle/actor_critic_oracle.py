"""An independent reference implementation of the updates of DDPG, TD3 and SAC, in PyTorch on the CPU, in float64.

It is meant to be read next to the papers (TD3: arXiv 1802.09477, Algorithm 1; SAC: arXiv 1801.01290 and 1812.05905) and
is deliberately slow and simple: native implementations are compared with it. DDPG is TD3 with one critic, no noise on
target actions and a policy delay of 1.

Symbols: B transitions in a batch, O observation size, A action size.
"""
from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn


def network(sizes: list[int]) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(zip(sizes[:-1], sizes[1:])):
        layers += [nn.ReLU()] * (i > 0) + [nn.Linear(fan_in, fan_out)]
    return nn.Sequential(*layers).double()


class Learner:
    """What TD3 and SAC share."""

    def __init__(self, s: dict, outputs: int):
        o, a = s["observation_size"], len(s["action_low"])
        self.s = s
        self.low, self.high = torch.tensor(s["action_low"]).double(), torch.tensor(s["action_high"]).double()
        self.actor = network([o, *s["hidden"], outputs])
        self.critics = [network([o + a, *s["critic_hidden"], 1]) for _ in range(s["critics"])]
        self.actor_target, self.critics_target = copy.deepcopy(self.actor), copy.deepcopy(self.critics)
        self.actor_optimizer = torch.optim.Adam(self.actor.parameters(), lr=s["actor_learning_rate"])
        self.critics_optimizer = torch.optim.Adam([p for q in self.critics for p in q.parameters()],
                                                  lr=s["critic_learning_rate"])

    def to_action(self, squashed: Tensor) -> Tensor:
        return (self.low + self.high) / 2 + (self.high - self.low) / 2 * squashed

    @staticmethod
    def values(critics: list[nn.Module], observations: Tensor, actions: Tensor) -> Tensor:
        """(critics, B)"""
        return torch.stack([q(torch.cat([observations, actions], 1)).squeeze(1) for q in critics])

    def update_critics(self, batch: dict[str, Tensor], y: Tensor) -> float:
        q = self.values(self.critics, batch["observations"], batch["actions"])
        loss = ((q - y) ** 2).mean(1).sum()
        self.critics_optimizer.zero_grad()
        loss.backward()
        self.critics_optimizer.step()
        return loss.item()

    def update_actor(self, loss: Tensor) -> float:
        self.actor_optimizer.zero_grad()
        loss.backward(inputs=list(self.actor.parameters()))
        self.actor_optimizer.step()
        return loss.item()

    @torch.no_grad()
    def follow(self, networks: list[nn.Module], targets: list[nn.Module]) -> None:
        for network_, target in zip(networks, targets):
            for p, t in zip(network_.parameters(), target.parameters()):
                t.copy_(self.s["polyak"] * t + (1 - self.s["polyak"]) * p)


class Td3(Learner):
    def __init__(self, s: dict):
        super().__init__(s, len(s["action_low"]))
        self.updates = 0

    def act(self, actor: nn.Module, observations: Tensor) -> Tensor:
        return self.to_action(torch.tanh(actor(observations)))

    def update(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """batch["noise"]: what the target actor's actions are disturbed by, already clipped."""
        delayed = self.updates % self.s["policy_delay"] != 0
        self.updates += 1
        with torch.no_grad():
            next_action = self.act(self.actor_target, batch["next_observations"]) + batch["noise"]
            next_action = torch.minimum(torch.maximum(next_action, self.low), self.high)
            value = self.values(self.critics_target, batch["next_observations"], next_action).min(0).values
            y = batch["rewards"] + self.s["discount"] * (1 - batch["terminated"]) * value
        losses = {"critic_loss": self.update_critics(batch, y)}
        if delayed:
            return losses
        action = self.act(self.actor, batch["observations"])
        losses["actor_loss"] = self.update_actor(-self.values(self.critics[:1], batch["observations"], action).mean())
        self.follow([self.actor], [self.actor_target])
        self.follow(self.critics, self.critics_target)
        return losses


class Sac(Learner):
    def __init__(self, s: dict):
        super().__init__(s, 2 * len(s["action_low"]))
        self.log_alpha = torch.tensor([float(s["log_alpha"])]).double().requires_grad_()
        self.alpha_optimizer = torch.optim.Adam([self.log_alpha], lr=s["temperature_learning_rate"])

    def sample(self, observations: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
        """Actions (B, A), and log pi of tanh(u) (B), by the change of variables in the paper's appendix."""
        mean, log_std = self.actor(observations).chunk(2, 1)
        std = log_std.clamp(-20, 2).exp()
        u = mean + std * normals
        slope = math.log(4) - 2 * torch.logsumexp(torch.stack([u, -u]), 0)  # log(1 - tanh(u)^2)
        log_probability = torch.distributions.Normal(mean, std).log_prob(u) - slope
        return self.to_action(torch.tanh(u)), log_probability.sum(1)

    def update(self, batch: dict[str, Tensor]) -> dict[str, float]:
        """batch["next_normals"], batch["normals"]: what the actions in s' and in s are sampled with."""
        alpha = self.log_alpha.exp().item()
        with torch.no_grad():
            next_action, log_probability = self.sample(batch["next_observations"], batch["next_normals"])
            value = self.values(self.critics_target, batch["next_observations"], next_action).min(0).values
            y = batch["rewards"] + self.s["discount"] * (1 - batch["terminated"]) * (value - alpha * log_probability)
        losses = {"temperature": alpha, "critic_loss": self.update_critics(batch, y)}
        action, log_probability = self.sample(batch["observations"], batch["normals"])
        value = self.values(self.critics, batch["observations"], action).min(0).values
        losses["actor_loss"] = self.update_actor((alpha * log_probability - value).mean())
        losses["entropy"] = -log_probability.mean().item()
        if self.s["automatic_temperature"]:
            loss = -(self.log_alpha * (log_probability.detach() + self.s["target_entropy"])).mean()
            self.alpha_optimizer.zero_grad()
            loss.backward()
            self.alpha_optimizer.step()
        self.follow(self.critics, self.critics_target)
        return losses
