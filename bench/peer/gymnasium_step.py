"""What a step of a Gymnasium task costs in gogepo's worker, and of what it is made: python gymnasium_step.py [task]…

The processor's time, the least of several rounds; policies with two hidden layers of 256, statistics of the observations learned as in
training. Tasks whose episodes are short measure resets as well. The last column is the policy as a matrix product, which is faster and whose last bits depend on the machine's BLAS.
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
    """Microseconds for each of the steps that work() says it made."""
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
    policy = {"sizes": sizes, "center": ((low + high) / 2).tolist(), "scale": ((high - low) / 2).tolist(), "discrete": task["discrete"]}
    episodes = worker.Episodes(env, policy, False)
    draw = np.random.default_rng(1)
    weights = [(draw.normal(size=(o, i)) / np.sqrt(i)).astype(np.float32) for i, o in zip(sizes, sizes[1:])]
    theta = np.concatenate([part for w in weights for part in (w.ravel(), np.zeros(len(w), np.float32))])
    request = struct.pack("<IId", 1, worker.NORMALIZING | worker.LEARNING, 1000) + np.zeros(size).tobytes() + np.full(size, 1000.0).tobytes() + theta.tobytes()

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
    parts = [least(whole), least(physics), least(repeat(lambda: episodes.normalizer.normalize(episodes.policy.input))), least(repeat(episodes.policy.act)), least(repeat(product))]
    print(f"| {name} | " + " | ".join(f"{us:.1f}" for us in parts) + " |", flush=True)


if __name__ == "__main__":
    print("| a step, µs | in all | the task | statistics | policy | policy as a matrix product |\n|---|--:|--:|--:|--:|--:|")
    for name in sys.argv[1:] or ["MountainCarContinuous-v0", "Swimmer-v5", "HalfCheetah-v5"]:
        measure(name)
