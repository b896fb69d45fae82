"""Trains DDPG, TD3 or SAC with Stable-Baselines3 on a Gymnasium task, a block of steps at a time.

    python baselines.py <algorithm> <task> <threads>

Networks, batch, learning rates, replay buffer, exploration and the ratio of updates to steps are those of gogepo's
preset `paper`. Each line of standard input is a number of steps; the answer is how many updates were made, and the
seconds of wall time that they took, as JSON.
"""
import json
import sys
import time

import gymnasium
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.noise import NormalActionNoise

algorithm, task, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
env = gymnasium.make(task)
noise = None if algorithm == "sac" else NormalActionNoise(np.zeros(env.action_space.shape), 0.1 * np.ones(env.action_space.shape))
model = getattr(stable_baselines3, algorithm.upper())(
    "MlpPolicy", env, learning_rate=1e-3, buffer_size=1_000_000, learning_starts=1000, batch_size=100, tau=0.005,
    gamma=0.99, train_freq=50, gradient_steps=50, action_noise=noise, seed=1, device="cpu",
    policy_kwargs={"net_arch": [256, 256]}, **({"ent_coef": 0.2} if algorithm == "sac" else {}))
made = 0
for line in sys.stdin:
    start = time.perf_counter()
    model.learn(int(line), reset_num_timesteps=made == 0)
    made += 1
    print(json.dumps({"updates": model._n_updates, "seconds": time.perf_counter() - start}), flush=True)
