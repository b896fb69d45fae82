"""gogepo's benchmark peer: the work of one iteration in plain PyTorch and Gymnasium.

    python peer.py <case.safetensors> <checked.safetensors>

bench/iteration.mjs writes the case (networks, replay buffer entries, and the batch of each update) and sends one
request per line on standard input. `check` writes the peer's results for the case; `iterate <round>` runs an iteration
and answers with its times in milliseconds. Answers are lines of JSON.
"""
import json
import os
import sys
import time

case_path, checked_path = sys.argv[1:]
# A single policy and observation are too small for BLAS threads, which only slow NumPy down. PyTorch's threads are set
# below.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import gymnasium
import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from learner import Learner
from rollout import Normalizer, Policy, Task

with safe_open(case_path, "pt") as file:
    case = json.loads(file.metadata()["case"])
    tensors = {name: file.get_tensor(name) for name in file.keys()}

torch.set_num_threads(case["torchThreads"])
device = torch.device(case["device"])
learner = Learner(case["architecture"], case["criticLearningRate"], case["generatorLearningRate"], device)
for prefix, network in (("rho.", learner.generator), ("w.", learner.critic)):
    network.load_state_dict(
        {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)})
thetas, returns = tensors["thetas"].to(device), tensors["returns"].to(device)   # (entries, |theta|), (entries)
draws = {network: tensors[f"{network}_draws"].long().to(device)  # (rounds, updates, batch)
         for network in ("critic", "generator")}
sizes = learner.generator.sizes
task = Task(case["env"], case["options"])


def normalizer() -> Normalizer:
    return Normalizer(case["statistics"]["count"], tensors["mean"].numpy(), tensors["m2"].numpy())


def fit_critic(round: int) -> list[torch.Tensor]:
    return [learner.fit_critic(thetas[entries], returns[entries]) for entries in draws["critic"][round]]


def fit_generator(round: int) -> list[torch.Tensor]:
    return [learner.fit_generator(returns[entries]) for entries in draws["generator"][round]]


def check() -> dict:
    """Writes results to compare, among them the losses of round 0; timed updates therefore start with round 1."""
    out = {}
    with torch.no_grad():
        out["theta"] = learner.explore(tensors["commands"].to(device), noise=0)
        out["value"] = learner.critic(learner.generator(tensors["commands"].to(device)))
    out["critic_losses"], out["generator_losses"] = torch.stack(fit_critic(0)), torch.stack(fit_generator(0))
    out = {name: tensor.cpu().numpy() for name, tensor in out.items()}

    policy, normalize = Policy(thetas[0].cpu().numpy(), sizes), normalizer()
    rows = {name: [] for name in ("observations", "normalized", "outputs", "actions", "rewards")}
    observation = task.reset(seed=1)
    out["state"] = task.state()
    for _ in range(case["checkedSteps"]):
        normalized = normalize(observation)
        output = policy(normalized).copy()
        action = task.action(output)
        acted_on = observation
        observation, reward, terminated, truncated, _ = task.env.step(action)
        for name, row in zip(rows, (acted_on, normalized, output, np.atleast_1d(action), reward)):
            rows[name].append(row)
        if terminated or truncated:
            break
    for name, values in rows.items():
        out[name] = np.array(values, np.float32 if name in ("normalized", "outputs") else np.float64)
    save_file(out, checked_path)
    return {"gymnasium": gymnasium.__version__, "torch": torch.__version__, "numpy": np.__version__}


def now() -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def iterate(round: int) -> dict:
    times = [now()]
    learner.explore(returns[:1], noise=case["noise"]).cpu()
    times.append(now())
    policy, steps = Policy(thetas[0].cpu().numpy(), sizes), 0
    for episode in range(case["episodes"]):
        steps += task.episode(round * case["episodes"] + episode, policy, normalizer())[1]
    times.append(now())
    fit_critic(round)
    times.append(now())
    fit_generator(round)
    times.append(now())
    generate, rollout, critic, generator = ((end - start) * 1e3 for start, end in zip(times, times[1:]))
    return {"generate": generate, "usPerStep": rollout * 1e3 / steps, "critic": critic, "generator": generator}


for line in sys.stdin:
    verb, *rest = line.split()
    print(json.dumps(check() if verb == "check" else iterate(int(rest[0]))), flush=True)
