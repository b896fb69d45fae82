"""Records the distribution of Gymnasium's initial states over 10,000 resets per task.

    python first_states.py first_states.safetensors

<task>.mean, .std, .least, .most (O,) float64 are the mean, standard deviation, minimum and maximum of the initial
observations. Where a task has options for it, the observation is set to the full state and nothing else; the metadata
holds the options under the task's id.
"""
import sys

import gymnasium
import numpy as np
from record_gymnasium import option_value
from safetensors.numpy import save_file

resets = 10_000
whole = ["exclude_current_positions_from_observation=false"]
bare = [*whole, *(f"include_{part}_in_observation=false" for part in ("cinert", "cvel", "qfrc_actuator", "cfrc_ext"))]
tasks = {
    **dict.fromkeys(["MountainCarContinuous-v0", "InvertedPendulum-v5", "InvertedPendulum-v4",
                     "InvertedDoublePendulum-v5", "Reacher-v5", "Pusher-v5", "Pendulum-v1", "CartPole-v1", "Acrobot-v1",
                     "MountainCar-v0"], []),
    **dict.fromkeys(["Swimmer-v5", "Swimmer-v4", "Hopper-v5", "Hopper-v4", "HalfCheetah-v5", "HalfCheetah-v4",
                     "Walker2d-v5", "Walker2d-v4"], whole),
    "Ant-v5": [*whole, "include_cfrc_ext_in_observation=false"],
    "Humanoid-v5": bare,
    "HumanoidStandup-v5": bare,
}

tensors = {}
for task, options in tasks.items():
    arguments = {name: option_value(value) for name, value in (option.split("=") for option in options)}
    env = gymnasium.make(task, **arguments).unwrapped
    env.reset(seed=1)
    first = np.array([env.reset()[0] for _ in range(resets)], dtype=np.float64)
    statistics = {"mean": first.mean(0), "std": first.std(0), "least": first.min(0), "most": first.max(0)}
    tensors |= {f"{task}.{name}": values for name, values in statistics.items()}
save_file(tensors, sys.argv[1], metadata={task: " ".join(options) for task, options in tasks.items()})
