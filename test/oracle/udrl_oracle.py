"""The update math of UDRL as slow and simple PyTorch in float64, and the cases made of it.

    python udrl_oracle.py algorithm-cases

Written independently of the native code, to be read next to the paper (arXiv 1912.02877). Random numbers come from the streams of
algorithms_oracle.py, because the segments that an update samples belong to what is compared.

Contents of a case (float32, except lengths and held, which are whole numbers):
  before.<name>                  parameters before the updates; <name> as the native code calls them
  lengths (episodes)             steps of each episode that is stored, in the order in which they came
  observations (T, O), actions (T, A) or (T), rewards (T)    of all of them, one after another
  held (capacity)                which of them the buffer keeps, the best first
  loss (steps)                   before each update
  grad.<name>                    of the first update
  after.<name>                   after the last one
  act_observations (N, O), act_rewards (N), act_command (2)  one episode of the policy after the updates: what it sees, what
                                 each of its steps earns, and what it is asked for at its start
  act_outputs (N, A)             its actions; of a discrete task its logits
"""
import sys

import torch
from torch import Tensor, nn

from algorithms_oracle import STEPS, Stream, write

SEGMENT_DRAW = 19


class Behavior(nn.Module):
    """Section 2.2: the embedding of the command gates the embedding of the observation."""

    def __init__(self, s: dict):
        super().__init__()
        widths, outputs = s["hidden"], s["actionSize"]
        self.observation = nn.ModuleList([nn.Linear(s["observationSize"], widths[0])])
        self.command = nn.ModuleList([nn.Linear(2, widths[0])])
        self.body = nn.ModuleList([nn.Linear(a, b) for a, b in zip(widths, [*widths[1:], outputs])])
        self.scales = torch.tensor([s["returnScale"], s["horizonScale"]]).double()
        self.double()

    def forward(self, observations: Tensor, commands: Tensor) -> Tensor:
        x = torch.tanh(self.observation[0](observations)) * torch.sigmoid(self.command[0](commands * self.scales))
        for i, layer in enumerate(self.body):
            x = layer(x if i == 0 else torch.relu(x))
        return x


def loss_of(outputs: Tensor, actions: Tensor, s: dict) -> Tensor:
    """-log pi of the actions; for Gaussian ones of a fixed standard deviation this is, up to constants, their squared error."""
    if s["discrete"]:
        return nn.functional.cross_entropy(outputs, actions.long())
    low, high = torch.tensor(s["actionLow"]).double(), torch.tensor(s["actionHigh"]).double()
    wanted = (actions - (low + high) / 2) / ((high - low) / 2)
    return nn.functional.mse_loss(torch.tanh(outputs), wanted)


def keep_best(returns: list[float], capacity: int) -> list[int]:
    """Of equal returns the newer is the better."""
    return sorted(range(len(returns)), key=lambda i: (-returns[i], -i))[:capacity]


def make(folder: str, name: str, seed: int, s: dict) -> None:
    torch.manual_seed(seed)
    model = Behavior(s)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_((p * 1.5).float().double())  # what float32 holds
    out = {f"before.{k}": v.detach().float().clone() for k, v in model.named_parameters()}

    lengths = torch.randint(1, 9, (s["episodes"],))
    steps = int(lengths.sum())
    observations, rewards = torch.randn(steps, s["observationSize"]).float(), torch.randn(steps).float()
    if s["discrete"]:
        actions = torch.randint(0, s["actionSize"], (steps,)).float()
    else:
        low, high = torch.tensor(s["actionLow"]), torch.tensor(s["actionHigh"])
        actions = low + (high - low) * torch.rand(steps, s["actionSize"])
    rewards[lengths[0] :].clamp_(-1, 1)
    ends = lengths.cumsum(0)
    first = [int(end - length) for end, length in zip(ends, lengths)]
    rewards[first[2] : int(ends[2])] = rewards[first[3] : int(ends[3])].sum() / lengths[2]  # nearly equal returns
    exact = rewards.double()
    held = keep_best([exact[a : int(b)].sum().item() for a, b in zip(first, ends)], s["capacity"])

    optimizer = torch.optim.Adam(model.parameters(), lr=s["learningRate"])
    losses = []
    for update in range(STEPS):
        stream, rows, commands = Stream(s["seed"], SEGMENT_DRAW, update), [], []
        for _ in range(s["batch"]):
            episode = held[int(stream.uniform() * len(held))]
            step = int(stream.uniform() * int(lengths[episode]))
            rows.append(first[episode] + step)
            commands.append([exact[rows[-1] : int(ends[episode])].sum().item(), int(lengths[episode]) - step])
        optimizer.zero_grad()
        outputs = model(observations[rows].double(), torch.tensor(commands).double())
        loss = loss_of(outputs, actions[rows].double(), s)
        loss.backward()
        losses.append(loss.item())
        if update == 0:
            out |= {f"grad.{k}": v.grad.float().clone() for k, v in model.named_parameters()}
        optimizer.step()
    out |= {f"after.{k}": v.detach().float().clone() for k, v in model.named_parameters()}

    # One episode: after each step its reward is subtracted from the return, and 1 from the horizon.
    seen, earned = torch.randn(6, s["observationSize"]).float(), torch.randn(6).float()
    asked, acted = torch.tensor([3.5, 4.0]), []
    desired, horizon = asked[0].item(), asked[1].item()
    for o, r in zip(seen, earned):
        with torch.no_grad():
            outputs = model(o.double().unsqueeze(0), torch.tensor([[desired, horizon]]).double())[0]
        if not s["discrete"]:
            low, high = torch.tensor(s["actionLow"]).double(), torch.tensor(s["actionHigh"]).double()
            outputs = (low + high) / 2 + (high - low) / 2 * torch.tanh(outputs)
        acted.append(outputs)
        desired, horizon = desired - r.item(), max(horizon - 1, 1)
    out |= {"act_observations": seen, "act_rewards": earned, "act_command": asked, "act_outputs": torch.stack(acted).float()}
    out |= {"observations": observations, "actions": actions, "rewards": rewards, "loss": torch.tensor(losses).float()}
    out |= {"lengths": lengths.float(), "held": torch.tensor(held).float()}
    write(folder, name, {k: v.numpy() for k, v in out.items()}, s)


USUAL = {"observationSize": 3, "discrete": False, "returnScale": 0.3, "horizonScale": 0.2, "episodes": 12, "capacity": 7,
         "batch": 30, "seed": 11, "learningRate": 1e-3}

if __name__ == "__main__":
    torch.set_num_threads(1)
    bounds = {"actionLow": [-1.0, -2.0], "actionHigh": [1.0, 0.5]}
    make(sys.argv[1], "udrl-gaussian", 1, {**USUAL, "actionSize": 2, **bounds, "hidden": [20, 12]})
    make(sys.argv[1], "udrl-categorical", 2, {**USUAL, "observationSize": 5, "actionSize": 4, "discrete": True,
                                              "actionLow": [], "actionHigh": [], "hidden": [17, 9, 6]})
    make(sys.argv[1], "udrl-one-layer", 3, {**USUAL, "actionSize": 1, "actionLow": [-3.0], "actionHigh": [3.0],
                                            "hidden": [8], "batch": 1, "capacity": 100, "learningRate": 1e-2})
