"""Gymnasium episodes with policy and statistics in NumPy, which is faster than PyTorch for single observations."""
import warnings

import gymnasium
import numpy as np

warnings.simplefilter("ignore")
gymnasium.logger.min_level = gymnasium.logger.ERROR


class Policy:
    """Acts on single observations, in float32 and in preallocated arrays."""

    def __init__(self, theta: np.ndarray, sizes: list[int]) -> None:
        self.layers, at = [], 0
        for inputs, outputs in zip(sizes, sizes[1:]):
            weight = theta[at:at + inputs * outputs].reshape(outputs, inputs)
            bias = theta[at + inputs * outputs:at + (inputs + 1) * outputs]
            at += (inputs + 1) * outputs
            self.layers.append((weight, bias, np.empty(outputs, np.float32)))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        for weight, bias, y in self.layers:
            np.dot(weight, x, out=y)
            y += bias
            x = np.tanh(y, out=y)
        return x


class Normalizer:
    """Running mean and standard deviation in float64, updated with each observation."""

    def __init__(self, count: int, mean: np.ndarray, m2: np.ndarray) -> None:
        self.count, self.mean, self.m2 = count, mean.copy(), m2.copy()

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        self.count += 1
        off = observation - self.mean
        self.mean += off / self.count
        now = observation - self.mean
        off *= now
        self.m2 += off
        now /= np.sqrt(self.m2 / (self.count - 1)) + 1e-8
        return now.astype(np.float32)


class Task:
    def __init__(self, name: str, options: dict) -> None:
        self.env = gymnasium.make(name, disable_env_checker=True, **options)
        space = self.env.action_space
        self.discrete = isinstance(space, gymnasium.spaces.Discrete)
        if not self.discrete:
            self.center, self.scale = (space.high + space.low) / 2, (space.high - space.low) / 2

    def reset(self, seed: int) -> np.ndarray:
        return self.env.reset(seed=seed)[0]

    def state(self) -> np.ndarray:
        task = self.env.unwrapped
        if hasattr(task, "data"):
            return np.concatenate([task.data.qpos, task.data.qvel])
        return np.array(task.state, np.float64)

    def action(self, output: np.ndarray) -> int | np.ndarray:
        return int(output.argmax()) if self.discrete else output * self.scale + self.center

    def episode(self, seed: int, policy: Policy, normalize: Normalizer) -> tuple[float, int]:
        """Runs one episode; returns its return and length."""
        observation, total, length, ended = self.reset(seed), 0.0, 0, False
        while not ended:
            observation, reward, terminated, truncated, _ = self.env.step(self.action(policy(normalize(observation))))
            total += reward
            length += 1
            ended = terminated or truncated
        return total, length
