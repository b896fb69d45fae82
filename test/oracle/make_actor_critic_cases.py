"""Writes the committed cases of DDPG, TD3 and SAC, each a safetensors file of a few kilobytes.

    python make_actor_critic_cases.py actor-critic

Contents (float32, except terminated, U8):
  actor.<i>.<name>, critics.<k>.<i>.<name>   networks before the updates; <i> numbers the layers, <name> is weight or bias
  observations (steps, B, O), actions (steps, B, A), rewards, terminated (steps, B), next_observations (steps, B, O)
  noise (steps, B, A) of TD3, in action units; next_normals, normals (steps, B, A) of SAC
  critic_loss (steps,), actor_loss (updates of the actor,), and of SAC temperature and entropy (steps,): before each update
  actor_grad.*, critics_grad.*               gradients of the first update
  actor_after.*, critics_after.*, actor_target_after.* (TD3), critics_target_after.*    after the last one
Metadata: "settings" (JSON), "torch" (its version).
"""
import json
import sys

import torch
from safetensors.torch import save_file

import actor_critic_oracle as oracle

USUAL = {"discount": 0.99, "polyak": 0.9, "actor_learning_rate": 1e-3, "critic_learning_rate": 1e-3, "critics": 2}
TD3 = {"algorithm": "td3", **USUAL, "policy_delay": 2}
SAC = {"algorithm": "sac", **USUAL, "automatic_temperature": False, "log_alpha": -1.6094379, "target_entropy": 0.0,
       "temperature_learning_rate": 1e-3}
CASES = {
    "td3": (TD3, 5, [-1, -2, -0.5], [1, 2, 1.5], [24, 16], [20, 18], 13, 1.0),
    "td3-long-delay": ({**TD3, "policy_delay": 4, "critics": 3}, 4, [-3], [3], [9], [17, 5, 7], 7, 1.0),
    "ddpg": ({**TD3, "critics": 1, "policy_delay": 1}, 3, [-0.4, -0.4], [0.4, 0.4], [16, 16], [16, 16], 10, 1.0),
    "td3-one-transition": ({**TD3, "discount": 1.0, "polyak": 0.995}, 2, [-1], [1], [8], [8], 1, 1.0),
    "sac": (SAC, 5, [-1, -2, -0.5], [1, 2, 1.5], [24, 16], [20, 18], 13, 1.0),
    "sac-automatic": ({**SAC, "automatic_temperature": True, "log_alpha": 0.0, "target_entropy": -3.0,
                       "temperature_learning_rate": 1e-2}, 6, [-1] * 3, [1] * 3, [16], [16, 8], 9, 1.0),
    "sac-one-transition": (SAC, 3, [-1], [1], [8, 8], [8], 1, 1.0),
    "sac-saturated": ({**SAC, "critics": 3}, 4, [-2, -2], [2, 2], [12, 12], [12, 12], 8, 2.0),
}
STEPS = 10


def flat(prefix: str, module: torch.nn.Module, of=lambda p: p) -> dict[str, torch.Tensor]:
    layers = [m for m in module if isinstance(m, torch.nn.Linear)]
    return {f"{prefix}.{i}.{name}": of(getattr(layer, name)).detach().float().clone()
            for i, layer in enumerate(layers) for name in ("weight", "bias")}


def every(prefix: str, modules: list[torch.nn.Module], of=lambda p: p) -> dict[str, torch.Tensor]:
    return {k: v for i, module in enumerate(modules) for k, v in flat(f"{prefix}.{i}", module, of).items()}


def make(folder: str, name: str, seed: int) -> None:
    settings, o, low, high, hidden, critic_hidden, batch_size, scale = CASES[name]
    s = {**settings, "observation_size": o, "action_low": low, "action_high": high, "hidden": hidden,
         "critic_hidden": critic_hidden}
    torch.manual_seed(seed)
    learner = (oracle.Td3 if s["algorithm"] == "td3" else oracle.Sac)(s)
    with torch.no_grad():  # start from what float32 holds; targets differ from what they follow
        for module in [learner.actor, *learner.critics]:
            for p in module.parameters():
                p.copy_((p * scale).float().double())
        learner.actor_target.load_state_dict(learner.actor.state_dict())
        for q, t in zip(learner.critics, learner.critics_target):
            t.load_state_dict(q.state_dict())
    out = {**flat("actor", learner.actor), **every("critics", learner.critics)}

    a = len(low)
    span = (learner.high - learner.low) / 2
    shape = (STEPS, batch_size)
    data = {
        "observations": torch.randn(*shape, o),
        "actions": learner.to_action(torch.rand(*shape, a) * 2 - 1),
        "rewards": torch.randn(shape),
        "next_observations": torch.randn(*shape, o),
        "terminated": (torch.rand(shape) < 0.2),
    }
    if s["algorithm"] == "td3":
        data["noise"] = (0.2 * torch.randn(*shape, a)).clamp(-0.5, 0.5) * span
    else:
        data["next_normals"], data["normals"] = torch.randn(*shape, a), torch.randn(*shape, a)
    data = {k: v.float() if k != "terminated" else v for k, v in data.items()}

    losses: dict[str, list[float]] = {}
    for step in range(STEPS):
        for k, v in learner.update({k: v[step].double() for k, v in data.items()}).items():
            losses.setdefault(k, []).append(v)
        if step == 0:
            critics_grad = every("critics_grad", learner.critics, lambda p: p.grad)
            out |= flat("actor_grad", learner.actor, lambda p: p.grad) | critics_grad
    out |= flat("actor_after", learner.actor) | every("critics_after", learner.critics)
    out |= every("critics_target_after", learner.critics_target)
    if s["algorithm"] == "td3":
        out |= flat("actor_target_after", learner.actor_target)
    out |= {k: torch.tensor(v).float() for k, v in losses.items()}
    out |= {k: v.to(torch.uint8) if k == "terminated" else v for k, v in data.items()}
    save_file({k: v.contiguous() for k, v in out.items()}, f"{folder}/{name}.safetensors",
              {"settings": json.dumps(s), "torch": torch.__version__})


if __name__ == "__main__":
    torch.set_num_threads(1)
    for number, case in enumerate(CASES, 1):
        make(sys.argv[1], case, number)
