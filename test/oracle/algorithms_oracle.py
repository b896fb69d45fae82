"""The update math of OpenAI-ES, PGPE, PSSVF and UDRLPG as slow and simple NumPy and PyTorch, and the cases made of it.

    python algorithms_oracle.py algorithm-cases

Written independently of the native code, to be read next to the papers. Random numbers come from this file's own
implementation of the streams that native/random describes, because the directions of a search and the batches of a
regression belong to what is compared. Symbols as in gogepo_oracle.py.

Contents of a case, float64 for es and pgpe, else float32:
  es, pgpe     theta (|theta|), returns (steps, 2 * directions), diverged (the same, 0 or 1), and after the steps:
               theta_after; first_moment_after, second_moment_after of es; stdev_after of pgpe; ranks of the first step
  pssvf-*      theta (|theta|), w.<name>; value (steps), before each Adam step; theta_grad (|theta|) of the first;
               theta_after (|theta|)
  udrlpg       rho.<name>, thetas (n, |theta|), returns (n) as the generator sees them, stored (entries): the numbers of
               those that are stored; drawn (steps, batch): the numbers that each update samples; loss (steps);
               rho_grad.<name> of the first update; rho_after.<name>
"""
import dataclasses
import json
import math
import sys
from fractions import Fraction

import numpy as np
import torch
from safetensors.numpy import save_file

import gogepo_oracle as oracle

STEPS = 10


# ---------------------------------------------------------------- random streams
class Stream:
    """Philox4x32-10, addressed by (seed, purpose, index)."""

    DIRECTION, CRITIC_DRAW, GENERATOR_DRAW = 12, 8, 9

    def __init__(self, seed: int, purpose: int, index: int):
        self.key = (seed & 0xFFFFFFFF, seed >> 32)
        self.block, self.tail = 0, (purpose, index & 0xFFFFFFFF, index >> 32)
        self.words: list[int] = []
        self.spare: float | None = None

    def word(self) -> int:
        if not self.words:
            c, (k0, k1) = [self.block, *self.tail], self.key
            for _ in range(10):
                a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [(b >> 32) ^ c[1] ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k1, a & 0xFFFFFFFF]
                k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
            self.words, self.block = c, self.block + 1
        return self.words.pop(0)

    def uniform(self) -> float:
        high, low = self.word() >> 5, self.word() >> 6
        return float(Fraction(high * 2**26 + low, 2**53))

    def normal(self) -> float:
        if self.spare is not None:
            kept, self.spare = self.spare, None
            return kept
        radius, angle = math.sqrt(-2 * math.log(1 - self.uniform())), 2 * math.pi * self.uniform()
        self.spare = radius * math.sin(angle)
        return radius * math.cos(angle)


def directions(seed: int, first: int, count: int, size: int) -> np.ndarray:
    """(count, size) ~ N(0, 1)"""
    streams = [Stream(seed, Stream.DIRECTION, first + k) for k in range(count)]
    return np.array([[s.normal() for _ in range(size)] for s in streams])


# ---------------------------------------------------------------- OpenAI-ES and PGPE
def centered_ranks(returns: np.ndarray) -> np.ndarray:
    """-0.5 for the lowest to 0.5 for the best; equal returns share the mean of their ranks."""
    ranks = [(returns < r).sum() + ((returns == r).sum() - 1) / 2 for r in returns.ravel()]
    return np.reshape(ranks, returns.shape) / (returns.size - 1) - 0.5


def usable(delta: np.ndarray, returns: np.ndarray, diverged: np.ndarray):
    """The directions of which both episodes ended normally, and their ranks (n, 2)."""
    keep = ~diverged.reshape(-1, 2).astype(bool).any(1)
    return delta[keep], centered_ranks(returns.reshape(-1, 2)[keep])


def es(theta, delta, returns, diverged, learning_rate, weight_decay, m, v, t):
    """Salimans et al. 2017: g = 1/2n sum (f+ - f-) delta, then Adam along g - weight_decay theta."""
    delta, f = usable(delta, returns, diverged)
    g = (f[:, 0] - f[:, 1]) @ delta / (2 * len(f)) - weight_decay * theta
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return theta + learning_rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8), m, v


def pgpe(theta, stdev, delta, returns, diverged, center_rate, stdev_rate, max_change):
    """Sehnke et al. 2010, Algorithm 2, on centered ranks, whose mean (the baseline b) is 0."""
    delta, f = usable(delta, returns, diverged)
    epsilon = stdev * delta
    T = epsilon.T                                                # (|theta|, n)
    S = ((epsilon**2 - stdev**2) / stdev).T
    r_T, r_S = (f[:, 0] - f[:, 1]) / 2, (f[:, 0] + f[:, 1]) / 2
    change = stdev_rate * S @ r_S / len(f)
    return theta + center_rate * T @ r_T / len(f), stdev + np.clip(change, -max_change * stdev, max_change * stdev)


def searches(folder: str) -> None:
    rng = np.random.default_rng(1)
    spec = {"observationSize": 3, "actionSize": 2, "hidden": [5, 4], "directions": 6, "seed": 17}
    size = 3 * 5 + 5 + 5 * 4 + 4 + 4 * 2 + 2
    theta = rng.normal(size=size)
    returns = rng.normal(size=(STEPS, 2 * spec["directions"])) * 100
    returns[1] = np.round(returns[1] / 100)                      # many ties
    returns[2] = 7                                               # all the same
    diverged = np.zeros_like(returns)
    diverged[3, [0, 5]] = diverged[4, 2:] = 1                    # two directions; all but one
    given = {"theta": theta, "returns": returns, "diverged": diverged, "ranks": centered_ranks(returns[0])}
    deltas = [directions(spec["seed"], i * spec["directions"], spec["directions"], size) for i in range(STEPS)]

    o = {"learningRate": 0.03, "weightDecay": 0.005}
    now, m, v = theta, np.zeros(size), np.zeros(size)
    for i in range(STEPS):
        now, m, v = es(now, deltas[i], returns[i], diverged[i], o["learningRate"], o["weightDecay"], m, v, i + 1)
    write(folder, "es", {**given, "theta_after": now, "first_moment_after": m, "second_moment_after": v}, spec | o)

    o = {"centerLearningRate": 1.5, "stdevLearningRate": 0.4, "stdevMaxChange": 0.2, "stdev": 0.3}
    now, stdev = theta, np.full(size, o["stdev"])
    for i in range(STEPS):
        now, stdev = pgpe(now, stdev, deltas[i], returns[i], diverged[i], o["centerLearningRate"],
                          o["stdevLearningRate"], o["stdevMaxChange"])
    write(folder, "pgpe", {**given, "theta_after": now, "stdev_after": stdev}, spec | o)


# ---------------------------------------------------------------- PSSVF
def pssvf(folder: str, name: str, s: oracle.Settings, reads: str, learning_rate: float) -> None:
    """One policy ascends V: Adam on -V(theta)."""
    shapes = oracle.critic_tensors(s)
    if reads == "parameters":
        del shapes["probing_states"]
        shapes["value.0.weight"] = (s.critic_hidden[0], s.theta_size)
    w = oracle.initialize(shapes, 3)
    theta = torch.randn(s.theta_size, generator=torch.Generator().manual_seed(4)) * 0.3
    parameters = [w[f"value.{i}.{p}"] for i in range(len(s.critic_hidden) + 1) for p in ("weight", "bias")]

    def value() -> torch.Tensor:
        if reads == "parameters":
            return oracle.mlp(theta.unsqueeze(0), parameters).squeeze()
        return oracle.value(theta.unsqueeze(0), w, s).squeeze()

    out = {"theta": theta.clone(), **{f"w.{k}": v.clone() for k, v in w.items()}}
    theta.requires_grad_(True)
    optimizer, values = oracle.adam([theta], learning_rate), []
    for step in range(STEPS):
        optimizer.zero_grad()
        (-value()).backward()
        values.append(value().item())
        if step == 0:
            out["theta_grad"] = -theta.grad.clone()
        optimizer.step()
    out |= {"value": torch.tensor(values), "theta_after": theta.detach().clone()}
    settings = dataclasses.asdict(s) | {"criticKind": reads, "learningRate": learning_rate}
    write(folder, name, {k: v.numpy() for k, v in out.items()}, settings)


# ---------------------------------------------------------------- UDRLPG
def bucket_weights(count: int, rank_weight: float) -> list[float]:
    """Of the buckets that hold something, from the lowest to the best; the best has weight 1."""
    return [math.exp(rank_weight * (i - count + 1)) for i in range(count)]


def draw(buckets: dict[int, list[int]], rank_weight: float, stream: Stream) -> int:
    """A bucket by its weight, the best first, then one of its entries."""
    order = sorted(buckets, reverse=True)
    weights = bucket_weights(len(order), rank_weight)[::-1]
    left = sum(weights) * stream.uniform()
    for index, weight in zip(order, weights):
        if left < weight:
            break
        left -= weight
    return buckets[index][int(stream.uniform() * len(buckets[index]))]


def udrlpg(folder: str) -> None:
    o = {"perUnit": 10, "capacity": 2, "rankWeight": 0.3, "batch": 6, "seed": 5, "learningRate": 1e-4, "bufferSize": 12}
    s = oracle.Settings(3, 2, (8, 4), slice_size=4, embedding_size=3, generator_hidden=(12, 8), output_scale=0)
    rho = oracle.initialize(oracle.generator_tensors(s), 6)
    g = torch.Generator().manual_seed(7)
    thetas = torch.randn((30, s.theta_size), generator=g) * 0.1
    returns = torch.rand(30, generator=g) * 1.3 - 0.1                              # below 0 and above 1, too
    returns[20:24] = returns[3]                                                    # a full bucket
    out = {**{f"rho.{k}": v.clone() for k, v in rho.items()}, "thetas": thetas, "returns": returns}

    stored: list[int] = []                                                         # the number of each entry, oldest first
    index = lambda n: math.floor(o["perUnit"] * returns[n].item())
    for n in range(len(returns)):
        if sum(index(m) == index(n) for m in stored[-o["bufferSize"]:]) < o["capacity"]:
            stored.append(n)
    held = range(len(stored))[-o["bufferSize"]:]                                   # entries are numbered as they are stored
    buckets: dict[int, list[int]] = {}
    for entry in held:
        buckets.setdefault(index(stored[entry]), []).append(entry)

    for t in rho.values():
        t.requires_grad_(True)
    optimizer, losses, drawn = oracle.adam(list(rho.values()), o["learningRate"]), [], []
    for step in range(STEPS):
        stream = Stream(o["seed"], Stream.GENERATOR_DRAW, step)
        drawn.append([draw(buckets, o["rankWeight"], stream) for _ in range(o["batch"])])
        batch = [stored[entry] for entry in drawn[-1]]
        optimizer.zero_grad()
        loss = ((oracle.generate(returns[batch], rho, s) - thetas[batch]) ** 2).mean()
        loss.backward()
        losses.append(loss.item())
        if step == 0:
            out |= {f"rho_grad.{k}": v.grad.clone() for k, v in rho.items()}
        optimizer.step()
    out |= {"stored": torch.tensor(stored).float(), "drawn": torch.tensor(drawn).float(), "loss": torch.tensor(losses)}
    out |= {f"rho_after.{k}": v.detach().clone() for k, v in rho.items()}
    write(folder, "udrlpg", {k: v.numpy() for k, v in out.items()}, dataclasses.asdict(s) | o)


def write(folder: str, name: str, tensors: dict[str, np.ndarray], settings: dict) -> None:
    tensors = {k: np.ascontiguousarray(v) for k, v in tensors.items()}
    save_file(tensors, f"{folder}/{name}.safetensors", {"settings": json.dumps(settings)})


if __name__ == "__main__":
    torch.set_num_threads(1)
    searches(sys.argv[1])
    small = oracle.Settings(3, 2, (8, 6), action_high=2.0, probing_states=7, critic_hidden=(12, 8))
    pssvf(sys.argv[1], "pssvf-fingerprint", small, "fingerprint", 1e-3)
    pssvf(sys.argv[1], "pssvf-parameters", small, "parameters", 1e-3)
    pssvf(sys.argv[1], "pssvf-one-layer", oracle.Settings(5, 1, (12,), probing_states=10, critic_hidden=(9,)),
          "fingerprint", 2e-6)
    udrlpg(sys.argv[1])
