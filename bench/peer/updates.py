"""Times of the eager peer's updates on a device, from PyTorch alone: python updates.py <case as JSON>; a line of JSON.

The batch is drawn anew for each update from entries that lie on the device. That the peer computes what gogepo does is shown by
bench/iteration.mjs.
"""
import json
import statistics
import sys
import time

import torch

from learner import Learner

case = json.loads(sys.argv[1])
device = torch.device(case["device"])
torch.set_num_threads(case["torchThreads"])
a = case["architecture"]
learner = Learner(a, 5e-3, 2e-6, device)
returns = torch.linspace(a["returnMin"], a["returnMax"], 400, device=device)
thetas = learner.explore(returns, noise=0.1)                                     # (400, |theta|)
draws = torch.randint(len(returns), (case["updates"], 16)).to(device)


def fit(network: str) -> float:
    start = now()
    for entries in draws:
        learner.fit_critic(thetas[entries], returns[entries]) if network == "critic" else learner.fit_generator(returns[entries])
    return (now() - start) * 1e3 / len(draws)


def now() -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


times = [{network: fit(network) for network in ("generator", "critic")} for _ in range(case["rounds"] + 1)][1:]
print(json.dumps({f"{network}Ms": statistics.median(t[network] for t in times) for network in ("generator", "critic")} | {"torch": torch.__version__}))
