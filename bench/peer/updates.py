"""Times the updates of the eager PyTorch peer on a device, without Gymnasium. Prints a line of JSON.

    python updates.py <case as JSON>

Every update samples a new batch from entries on the device. bench/iteration.mjs verifies that the peer computes the
same as gogepo.
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
        if network == "critic":
            learner.fit_critic(thetas[entries], returns[entries])
        else:
            learner.fit_generator(returns[entries])
    return (now() - start) * 1e3 / len(draws)


def now() -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


times = [{network: fit(network) for network in ("generator", "critic")} for _ in range(case["rounds"] + 1)][1:]
medians = {f"{network}Ms": statistics.median(t[network] for t in times) for network in ("generator", "critic")}
print(json.dumps(medians | {"torch": torch.__version__}))
