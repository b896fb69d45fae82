"""The work of bench/native/rollout_bench.cc in Gymnasium, with the policy and the statistics in NumPy: microseconds a step.

    python rollout.py Hopper-v5 <thetas> [passes]

`thetas` holds the policies that rollout_bench wrote, float32 (episodes, |theta|): O-256-256-A, tanh. Prints one line of JSON.
"""
import json
import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"   # one thread, as the other side; these products are too small for more

import sys
import time
import warnings

import gymnasium
import numpy as np

warnings.simplefilter("ignore")
gymnasium.logger.min_level = gymnasium.logger.ERROR


class Policy:
    """Takes one observation, float32 throughout, in arrays made once."""

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
    """Running mean and deviation, float64, growing with each observation."""

    def __init__(self, size: int) -> None:
        self.count, self.mean, self.m2 = 2, np.zeros(size), np.ones(size)

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        self.count += 1
        off = observation - self.mean
        self.mean += off / self.count
        now = observation - self.mean
        off *= now
        self.m2 += off
        now /= np.sqrt(self.m2 / (self.count - 1)) + 1e-8
        return now.astype(np.float32)


def first_observation(env: gymnasium.Env) -> np.ndarray:
    """The known state in which rollout_bench starts."""
    observation, _ = env.reset(seed=1)
    task = env.unwrapped
    if hasattr(task, "model"):
        task.set_state(task.model.qpos0.copy(), np.zeros(task.model.nv))
        return task._get_obs()
    task.state = np.zeros_like(np.asarray(task.state))
    return observation


def main() -> None:
    name, path, passes = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3
    env = gymnasium.make(name, disable_env_checker=True)
    discrete = isinstance(env.action_space, gymnasium.spaces.Discrete)
    actions = int(env.action_space.n) if discrete else env.action_space.shape[0]
    scale = None if discrete else env.action_space.high
    sizes = [env.observation_space.shape[0], 256, 256, actions]
    thetas = np.fromfile(path, np.float32).reshape(-1, sum((i + 1) * o for i, o in zip(sizes, sizes[1:])))
    limit, figures = env.spec.max_episode_steps, []
    for _ in range(passes):
        start, steps = time.perf_counter(), 0
        for theta in thetas:
            policy, normalize = Policy(theta, sizes), Normalizer(sizes[0])
            observation, total = first_observation(env), 0.0
            for _ in range(limit):              # on past the task's own ends, as on the other side
                action = policy(normalize(observation))
                observation, reward, _, truncated, _ = env.step(int(action.argmax()) if discrete else action * scale)
                total += reward
                steps += 1
                if truncated:
                    break
        figures.append((time.perf_counter() - start) / steps * 1e6)
    print(json.dumps({"task": name, "steps": steps, "whole": round(sorted(figures)[len(figures) // 2], 2), "gymnasium": gymnasium.__version__, "numpy": np.__version__}))


if __name__ == "__main__":
    main()
