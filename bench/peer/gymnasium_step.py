"""Profiles a step of a Gymnasium task in gogepo's worker: the total and the task alone.

    python gymnasium_step.py [task]...

Measures CPU time, the minimum of several rounds, over whole episodes; for tasks with short episodes, resets are a
noticeable part. The policy acts in gogepo's own process, so neither it nor the messages between the processes are
included: bench/environments.mjs measures all of it.
"""
import importlib.util
import random
import struct
import sys
from pathlib import Path
from time import process_time

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
    answering = worker.Worker(env, False)
    action = env.action_space.sample()
    reset = struct.pack("<II", worker.Worker.RESET, 1)
    step = struct.pack("<I", worker.Worker.STEP)
    step += struct.pack("<I", action) if answering.discrete else action.astype("<f4").tobytes()

    def total():
        answering.answer(reset)
        steps, ended = 0, False
        while not ended:
            ended = any(struct.unpack_from("<II", answering.answer(step), 16))
            steps += 1
        return steps

    def task():
        env.reset(seed=1)
        steps, ended = 0, False
        while not ended:
            _, _, terminated, truncated, _ = env.step(action)
            ended = terminated or truncated
            steps += 1
        return steps

    total()
    parts = [least(work) for work in (total, task)]
    print(f"| {name} | {parts[0]:.1f} | {parts[1]:.1f} | {parts[0] - parts[1]:.1f} |", flush=True)


if __name__ == "__main__":
    print("| per step, µs | total | task | difference |\n|---|--:|--:|--:|")
    for name in sys.argv[1:] or ["MountainCarContinuous-v0", "Swimmer-v5", "HalfCheetah-v5"]:
        measure(name)
