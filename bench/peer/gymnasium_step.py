"""Profiles a step of a Gymnasium task in gogepo's worker: the total and the task alone.

    python gymnasium_step.py [task]...

Measures CPU time, the minimum of several rounds, over whole episodes of one policy with two hidden layers of 256; for
tasks with short episodes, resets are a noticeable part. The task alone repeats the actions of that policy. Messages
between the processes are not included: bench/environments.mjs measures all of it.
"""
import math
import random
import sys
from pathlib import Path
from time import process_time

import gymnasium
import numpy as np

root = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "lib" / "env" / "python"))
import gogepo_player  # noqa: E402


def least(work, rounds=20):
    """Microseconds per step; work() returns the number of steps it made."""
    best = float("inf")
    for _ in range(rounds):
        begun = process_time()
        steps = work()
        best = min(best, (process_time() - begun) / steps * 1e6)
    return best


def measure(name):
    env = gymnasium.make(name)
    space, hidden = env.action_space, [256, 256]
    discrete = isinstance(space, gymnasium.spaces.Discrete)
    sizes = [int(np.prod(env.observation_space.shape)), *hidden, int(space.n if discrete else np.prod(space.shape))]
    policy = {
        "observationSize": sizes[0],
        "actionSize": sizes[-1],
        "discrete": discrete,
        "actionLow": [] if discrete else space.low.reshape(-1).tolist(),
        "actionHigh": [] if discrete else space.high.reshape(-1).tolist(),
        "hidden": hidden,
        "bias": True,
        "activation": "tanh",
        "output": "tanh",
    }
    library = str(root / "build" / "Release" / "gogepo-actor.so")
    player = gogepo_player.Player(env, {"library": library, "policy": policy, "paysSurvival": False})
    parameters = sum((fan_in + 1) * fan_out for fan_in, fan_out in zip(sizes, sizes[1:]))
    theta = np.random.default_rng(0).normal(0, 0.1, parameters).astype("<f4")
    request = player.REQUEST.pack(player.BEGIN, 0, 1, 0, 0, 0, 0, math.inf, 0) + theta.tobytes()

    def total():
        player.answer(request)
        return player.length

    actions = []
    env.step, step = lambda action: actions.append(action) or step(action), env.step
    total()
    env.step = step

    def task():
        env.reset(seed=1)
        for action in actions:
            env.step(action)
        return len(actions)

    total()
    parts = [least(work) for work in (total, task)]
    print(f"| {name} | {parts[0]:.1f} | {parts[1]:.1f} | {parts[0] - parts[1]:.1f} |", flush=True)


if __name__ == "__main__":
    print("| per step, µs | total | task | difference |\n|---|--:|--:|--:|")
    for name in sys.argv[1:] or ["MountainCarContinuous-v0", "Swimmer-v5", "HalfCheetah-v5"]:
        measure(name)
