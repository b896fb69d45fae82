"""Runs a script of CleanRL (DDPG, TD3 or SAC) unmodified on a Gymnasium task, a block of steps at a time.

    python cleanrl.py <folder of a clone of CleanRL> <algorithm> <task> <threads>

Batch, learning rates, exploration and the ratio of updates to steps are those of gogepo's preset `paper`; the networks
of the scripts have the same shapes. Each line of standard input is a number of steps; the answer is how many updates
were made, and the seconds of wall time that they took, as JSON. The script is stopped between two steps of its
environment, so what it does besides (its log, its statistics) counts.
"""
import json
import os
import runpy
import sys
import tempfile
import time

import gymnasium
import torch

folder, algorithm, task, threads = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
torch.set_num_threads(threads)
learning_starts = 1000
answers, sys.stdout = sys.stdout, open(os.devnull, "w")
steps, left, start = 0, 0, 0.0
step_once = gymnasium.vector.SyncVectorEnv.step


def step(envs, actions):
    """Before each step: ends the block that is complete, and waits for the next one."""
    global steps, left, start
    if left == 0:
        if steps > 0:
            made = max(0, steps - learning_starts - 1)  # the scripts learn after every step beyond learning_starts
            print(json.dumps({"updates": made, "seconds": time.perf_counter() - start}), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line:
            os._exit(0)
        left, start = int(line), time.perf_counter()
    steps, left = steps + 1, left - 1
    return step_once(envs, actions)


gymnasium.vector.SyncVectorEnv.step = step
settings = {"total-timesteps": 10**9, "learning-starts": learning_starts, "batch-size": 100, "gamma": 0.99, "tau": 0.005}
if algorithm == "sac":
    settings.update({"policy-lr": 1e-3, "q-lr": 1e-3, "alpha": 0.2})
else:
    # Its DDPG, too, updates the actor after every second update of the critic by default.
    settings.update({"learning-rate": 1e-3, "exploration-noise": 0.1, "policy-frequency": 1 if algorithm == "ddpg" else 2})
script = os.path.join(folder, "cleanrl", f"{algorithm}_continuous_action.py")
sys.argv = [script, "--env-id", task, "--no-cuda", *[text for name, value in settings.items() for text in (f"--{name}", str(value))]]
if algorithm == "sac":
    sys.argv.append("--no-autotune")
sys.path.insert(0, folder)
with tempfile.TemporaryDirectory() as scratch:  # for the script's TensorBoard log
    os.chdir(scratch)
    runpy.run_path(script, run_name="__main__")
