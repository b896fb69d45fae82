"""Tasks that test/gymnasium.test.ts trains on: some good, most bad. GOGEPO_TEST_FOLDER is where they leave word of themselves."""
import ctypes
import json
import os
import subprocess
import sys
import time

import gymnasium
import numpy as np
from gymnasium.envs.classic_control import CartPoleEnv

folder = os.environ["GOGEPO_TEST_FOLDER"]


def first_time(name):
    """Whether no process has been here before."""
    try:
        os.close(os.open(os.path.join(folder, name), os.O_CREAT | os.O_EXCL))
        return True
    except FileExistsError:
        return False


class Recorded(CartPoleEnv):
    """CartPole that writes down what happens to it."""

    def reset(self, **given):
        observation, info = super().reset(**given)
        self.write(first=list(map(float, self.state)), observation=observation)
        return observation, info

    def step(self, action):
        observation, reward, terminated, truncated, info = super().step(action)
        self.write(action=int(action), observation=observation, reward=float(reward), terminated=bool(terminated))
        return observation, reward, terminated, truncated, info

    def write(self, observation, **what):
        with open(os.path.join(folder, "recorded"), "a") as file:
            file.write(json.dumps({**what, "observation": observation.tolist()}) + "\n")


class Shaped(gymnasium.Env):
    """Observations and actions of two dimensions, a bound that is not symmetric; pays what it is told in all."""

    observation_space = gymnasium.spaces.Box(-1, 1, (2, 3), np.float32)
    action_space = gymnasium.spaces.Box(np.array([[0], [-3]], np.float32), np.array([[2], [5]], np.float32))

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return np.full((2, 3), 0.5, np.float32), {}

    def step(self, action):
        assert action.dtype == np.float32 and action.shape == (2, 1) and self.action_space.contains(action)
        return np.full((2, 3), 0.25, np.float32), float(action.sum()), False, False, {}


class Choices(gymnasium.Env):
    """Discrete actions that do not begin at 0."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,), np.float64)
    action_space = gymnasium.spaces.Discrete(3, start=5)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return np.array([0.5]), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        return np.array([0.5]), 1.0, False, False, {}


class Worded(Choices):
    observation_space = gymnasium.spaces.Dict({"a": gymnasium.spaces.Discrete(2)})


class Bad(CartPoleEnv):
    """CartPole that does what its name says, in the third step of an episode."""

    def __init__(self, what, always=False, **options):
        super().__init__(**options)
        self.what, self.always, self.steps = what, always, 0

    def reset(self, **given):
        self.steps = 0
        return super().reset(**given)

    def step(self, action):
        self.steps += 1
        step = super().step(action)
        if self.steps == 3 and (self.always or first_time("misbehaved")):
            return getattr(self, self.what)(*step) or step
        return step

    def raises(self, *step):
        raise RuntimeError("the oven is cold")

    def dies(self, *step):
        print("going down", file=sys.stderr, flush=True)
        os.abort()

    def leaves(self, *step):
        sys.exit()

    def hangs(self, *step):
        self.leave_word()
        time.sleep(1000)

    def hangs_hard(self, *step):
        self.leave_word()
        ctypes.PyDLL(None).sleep(1000)  # no other thread of this Python runs meanwhile

    def prints(self, *step):
        print("x" * 100_000, flush=True)
        os.write(1, b"\x05\0\0\0abcde" * 1000)
        print("y" * 100_000, file=sys.stderr, flush=True)
        assert sys.stdin.read() == ""
        os.close(1)

    def has_nan(self, *step):
        return np.full(4, np.nan, np.float32), *step[1:]

    def outgrows(self, *step):
        return np.zeros(5, np.float32), *step[1:]

    def leave_word(self):
        child = subprocess.Popen(["sleep", "1000"])
        path = os.path.join(folder, "processes")
        with open(path + ".part", "w") as file:
            file.write(f"{os.getpid()} {os.getppid()} {child.pid}")
        os.rename(path + ".part", path)


def bad(what):
    return lambda **options: Bad(what, **options)


gymnasium.register("Recorded-v0", lambda **options: Recorded(**options), max_episode_steps=500)
gymnasium.register("Shaped-v0", Shaped, max_episode_steps=4)
gymnasium.register("Choices-v0", Choices, max_episode_steps=4)
gymnasium.register("Endless-v0", Choices)
gymnasium.register("Worded-v0", Worded, max_episode_steps=4)
gymnasium.register("Good-v0", lambda **options: CartPoleEnv(**options), max_episode_steps=500)
for what in ("raises", "dies", "leaves", "hangs", "hangs_hard", "prints", "has_nan", "outgrows"):
    gymnasium.register(f"{what.replace('_', '-')}-v0".title().replace("-V0", "-v0"), bad(what), max_episode_steps=500)
