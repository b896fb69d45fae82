"""Generator and critic in plain PyTorch: modules, autograd, fused Adam, batched evaluation of policies.

Parameters have the same names as in gogepo's files, so that state dicts map one to one.
B policies in a batch, N probing states, O observation size, A action size, f slice size, d embedding size.
"""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

Layers = list[tuple[Tensor, Tensor]]   # per policy layer: weights (B, out, in), biases (B, out)


class Mlp(nn.ModuleList):
    def __init__(self, *sizes: int) -> None:
        super().__init__(nn.Linear(inputs, outputs) for inputs, outputs in zip(sizes, sizes[1:]))

    def forward(self, x: Tensor) -> Tensor:
        *hidden, last = self
        for layer in hidden:
            x = F.relu(layer(x), inplace=True)
        return last(x)


class Generator(nn.Module):
    """Maps commands to policies. Weight matrices are generated tile by tile."""

    def __init__(self, a: dict) -> None:
        super().__init__()
        policy = a["policy"]
        self.sizes = [policy["observationSize"], *policy["hidden"], policy["actionSize"]]
        self.range, self.output_scale = a["returnMax"] - a["returnMin"], a["outputScale"]
        f, d, last = a["sliceSize"], a["embeddingSize"], len(self.sizes) - 2
        self.tiles = []  # per layer: kind, tile shape (out, in), number of input and output tiles
        for j, (inputs, outputs) in enumerate(zip(self.sizes, self.sizes[1:])):
            kind = "input" if j == 0 else "output" if j == last else "hidden"
            tile = (outputs if j == last else f, inputs if j == 0 else f)
            self.tiles.append((kind, tile, inputs // tile[1], outputs // tile[0]))
            if not hasattr(self, kind):
                networks = {"slice": tile[0] * tile[1], "bias": tile[0]}
                mlps = {part: Mlp(d + 1, *a["generatorHidden"], size) for part, size in networks.items()}
                self.add_module(kind, nn.ModuleDict(mlps))
        self.embedding = nn.ParameterList(
            torch.randn(over_inputs, over_outputs, d) for _, _, over_inputs, over_outputs in self.tiles)

    def forward(self, commands: Tensor) -> Layers:
        batch = len(commands)
        commands = (commands / self.range).view(batch, 1, 1)
        layers = []
        for z, fan_in, (kind, (rows, columns), over_inputs, over_outputs) in zip(
                self.embedding, self.sizes, self.tiles):
            z = z.flatten(0, 1)
            x = torch.cat([z.expand(batch, -1, -1), commands.expand(-1, len(z), -1)], 2)
            networks, scale = self.get_submodule(kind), self.output_scale / fan_in**0.5
            tiles = networks["slice"](x).view(batch, over_inputs, over_outputs, rows, columns)
            weight = tiles.permute(0, 2, 3, 1, 4).reshape(batch, over_outputs * rows, over_inputs * columns) * scale
            bias = networks["bias"](x).view(batch, over_inputs, over_outputs * rows).mean(1) * scale
            layers.append((weight, bias))
        return layers


def flatten(layers: Layers) -> Tensor:
    return torch.cat([part.flatten(1) for layer in layers for part in layer], 1)


def unflatten(theta: Tensor, sizes: list[int]) -> Layers:
    parts = theta.split([n for inputs, outputs in zip(sizes, sizes[1:]) for n in (inputs * outputs, outputs)], 1)
    return [(weight.view(len(theta), outputs, -1), bias)
            for weight, bias, outputs in zip(parts[::2], parts[1::2], sizes[1:])]


class Critic(nn.Module):
    """Predicts the returns of policies from their actions in learned probing states."""

    def __init__(self, a: dict) -> None:
        super().__init__()
        policy = a["policy"]
        self.probing_states = nn.Parameter(torch.rand(a["probingStates"], policy["observationSize"]))
        self.value = Mlp(a["probingStates"] * policy["actionSize"], *a["criticHidden"], 1)
        # The outputs of a discrete policy are its actions.
        low, high = (torch.tensor(policy[end] or [sign] * policy["actionSize"], dtype=torch.float32)
                     for end, sign in (("actionLow", -1.0), ("actionHigh", 1.0)))
        self.register_buffer("center", (low + high) / 2, persistent=False)
        self.register_buffer("scale", (high - low) / 2, persistent=False)

    def forward(self, layers: Layers) -> Tensor:
        x = self.probing_states.expand(len(layers[0][0]), -1, -1)
        for weight, bias in layers:
            x = torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2)).tanh()
        return self.value((x * self.scale + self.center).flatten(1)).squeeze(1)


class Learner:
    def __init__(self, architecture: dict, critic_learning_rate: float, generator_learning_rate: float,
                 device: torch.device) -> None:
        self.generator, self.critic = Generator(architecture).to(device), Critic(architecture).to(device)
        self.critic_adam = torch.optim.Adam(self.critic.parameters(), critic_learning_rate, fused=True)
        self.generator_adam = torch.optim.Adam(self.generator.parameters(), generator_learning_rate, fused=True)

    @torch.no_grad()
    def explore(self, commands: Tensor, noise: float) -> Tensor:
        theta = flatten(self.generator(commands))
        return theta.add_(torch.randn_like(theta), alpha=noise) if noise else theta

    def fit_critic(self, theta: Tensor, returns: Tensor) -> Tensor:
        loss = F.mse_loss(self.critic(unflatten(theta, self.generator.sizes)), returns)
        return self._step(loss, self.critic_adam)

    def fit_generator(self, returns: Tensor) -> Tensor:
        self.critic.requires_grad_(False)                # skip gradients that are not used
        loss = F.mse_loss(self.critic(self.generator(returns)), returns)
        self._step(loss, self.generator_adam)
        self.critic.requires_grad_(True)
        return loss.detach()

    @staticmethod
    def _step(loss: Tensor, adam: torch.optim.Adam) -> Tensor:
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.detach()
