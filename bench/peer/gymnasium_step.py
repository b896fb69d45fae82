"""Profiles a step of a Gymnasium task in gogepo's worker: the total and its parts.

    python gymnasium_step.py [task]...

Measures CPU time, the minimum of several rounds, with policies of two hidden layers of 256 and observation statistics
updated as in training. For tasks with short episodes, resets are a noticeable part. The last column is the policy as a
BLAS matrix multiplication, which is faster, but its last bits depend on the machine.
"""
import importlib.util
import os
import random
import struct
import sys
from pathlib import Path
from time import process_time

for threads in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
import gymnasium
import numpy as np

source = Path(__file__).resolve().parents[2] / "lib" / "env" / "gymnasium-worker.py"
spec = importlib.util.spec_from_file_location("worker", source)
worker = importlib.util.module_from_spec(spec)
spec.loader.exec_module(worker)
worker.__dict__.update(np=np, gymnasium=gymnasium, random=random)


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
    task = worker.described(env)
    size, actions = task["observationSize"], task["actionSize"]
    low, high = (np.array(task[end] or [-1] * actions) for end in ("actionLow", "actionHigh"))
    sizes = [size, 256, 256, actions]
    center, scale = ((low + high) / 2).tolist(), ((high - low) / 2).tolist()
    policy = {"sizes": sizes, "center": center, "scale": scale, "discrete": task["discrete"]}
    episodes = worker.Episodes(env, policy, False)
    draw = np.random.default_rng(1)
    weights = [(draw.normal(size=(o, i)) / np.sqrt(i)).astype(np.float32) for i, o in zip(sizes, sizes[1:])]
    theta = np.concatenate([part for w in weights for part in (w.ravel(), np.zeros(len(w), np.float32))])
    statistics = np.zeros(size).tobytes() + np.full(size, 1000.0).tobytes()
    request = struct.pack("<IId", 1, worker.NORMALIZING | worker.LEARNING, 1000) + statistics + theta.tobytes()

    def whole():
        return struct.unpack_from("<I", episodes.run(request), 24)[0]

    def physics():
        env.reset(seed=1)
        steps, ended = 0, False
        while not ended:
            _, _, terminated, truncated, _ = env.step(action)
            ended = terminated or truncated
            steps += 1
        return steps

    def repeat(call, times=100):
        def work():
            for _ in range(times):
                call()
            return times

        return work

    def product():
        x = episodes.policy.input
        for w in transposed:
            x = np.tanh(x @ w + 0)
        return x

    transposed = [np.ascontiguousarray(w.T) for w in weights]
    whole()
    action = env.action_space.sample()
    normalize = repeat(lambda: episodes.normalizer.normalize(episodes.policy.input))
    parts = [least(work) for work in (whole, physics, normalize, repeat(episodes.policy.act), repeat(product))]
    print(f"| {name} | " + " | ".join(f"{us:.1f}" for us in parts) + " |", flush=True)


if __name__ == "__main__":
    print("| per step, µs | total | task | statistics | policy | policy with BLAS |\n|---|--:|--:|--:|--:|--:|")
    for name in sys.argv[1:] or ["MountainCarContinuous-v0", "Swimmer-v5", "HalfCheetah-v5"]:
        measure(name)
