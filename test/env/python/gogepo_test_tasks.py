"""Tasks that test/env/*.test.ts and test/case/rollout.test.ts run: some good, most bad. GOGEPO_TEST_FOLDER is where they leave word of themselves."""
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
    """Observations and actions of two dimensions, a bound that is not symmetric; pays a given total."""

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


class Rewards(Choices):
    """Pays 1 in a form of which some are no number."""

    FORMS = {
        "float": 1.0,
        "int": 1,
        "numpy": np.float32(1),
        "array": np.array(1.0),
        "one": np.ones((1,)),
        "bool": True,
        "none": None,
        "text": "1.0",
        "two": np.ones(2),
        "huge": 2**64,
    }

    def __init__(self, form):
        self.form = form

    def step(self, action):
        observation, _, *rest = super().step(action)
        return observation, self.FORMS[self.form], *rest


class Returns(Choices):
    """Returns something else than Gymnasium asks for, from reset or from step."""

    RESETS = {"reset_none": None, "reset_empty": (), "reset_inside": (None, {}), "reset_list": [np.array([0.5]), {}]}

    def __init__(self, what):
        self.what = what

    def reset(self, **given):
        made = super().reset(**given)
        return self.RESETS.get(self.what, made)

    def step(self, action):
        o, reward, *rest = super().step(action)
        return {
            "none": None,
            "old": (o, reward, False, {}),
            "nothing_seen": (None, reward, *rest),
            "text_seen": (["0.5"], reward, *rest),
            "part_seen": ([None], reward, *rest),
            "huge_seen": ([10**400], reward, *rest),
            "huge_paid": (o, 10**400, *rest),
            "huge_paid_twice": (o, [10**5000, 1], *rest),
            "ends_huge": (o, reward, 10**5000, False, {}),
            "ends_text": (o, reward, "False", False, {}),
            "ends_twice": (o, reward, np.array([False, False]), False, {}),
            "ends_array": (o, reward, np.array([False]), np.bool_(False), {}),
            "objects": (np.array([1], object), reward, *rest),
        }.get(self.what, (o, reward, *rest))


class Imitates(Choices):
    """Writes a message of its own where the worker sends its answers."""

    def __init__(self, said="hello"):
        self.said = said.encode()

    def step(self, action):
        os.write(200, b"gppo" + len(self.said).to_bytes(4, "little") + self.said)
        return super().step(action)


class Optioned(Choices):
    """Writes down the options that it was made with."""

    def __init__(self, **options):
        with open(os.path.join(folder, "options"), "w") as file:
            file.write(repr(options))


class Line(gymnasium.Env):
    """The task of test/case/line.ts, operation by operation."""

    def __init__(self, low=-1.0, high=1.0, near=0.0, seen=np.float64):
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2,), seen)
        self.action_space = gymnasium.spaces.Box(np.float64(low), np.float64(high), (1,), np.float64)
        self.low, self.high, self.near, self.seen = low, high, near, seen

    def reset(self, seed=None, options=None):
        self.x = (seed % 1000) / 1000
        self.v = 0.0
        return np.array([self.near + self.x, self.v], self.seen), {}

    def step(self, action):
        a = float(action[0])
        if not self.low <= a <= self.high:
            raise ValueError(f"the action {a!r} is outside of its bounds")
        share = (a - self.low) / (self.high - self.low) - 0.5
        self.v = 0.9 * self.v + 0.1 * share
        self.x = self.x + self.v
        return np.array([self.near + self.x, self.v], self.seen), 1 - self.x * self.x, abs(self.x) > 1.2, False, {}


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

    def writes(self, *step):
        for descriptor in range(3, 10):
            try:
                os.write(descriptor, b"gppo\x04\0\0\0none")
            except OSError:
                pass
        os.closerange(3, 100)
        self.opened = [os.open(os.devnull, os.O_RDWR) for _ in range(10)]
        for descriptor in self.opened:
            os.write(descriptor, b"x" * 1000)

    def has_nan(self, *step):
        return np.array([0, 1, np.nan, np.inf], np.float32), *step[1:]

    def pays_nan(self, *step):
        return step[0], float("nan"), *step[2:]

    def too_large(self, *step):
        return np.array([0, 0, 0, -1e39]), *step[1:]

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
gymnasium.register("Rewards-v0", Rewards, max_episode_steps=4)
gymnasium.register("Returns-v0", Returns, max_episode_steps=4, disable_env_checker=True)
gymnasium.register("Imitates-v0", Imitates, max_episode_steps=4)
gymnasium.register("Optioned-v0", Optioned, max_episode_steps=4)
gymnasium.register("Line-v0", Line, max_episode_steps=30)
gymnasium.register("Near-v0", lambda: Line(near=1e7), max_episode_steps=30)
gymnasium.register("Near32-v0", lambda: Line(near=1e7, seen=np.float32), max_episode_steps=30)
gymnasium.register("Endless-v0", Choices)
gymnasium.register("Worded-v0", Worded, max_episode_steps=4)
gymnasium.register("Good-v0", lambda **options: CartPoleEnv(**options), max_episode_steps=500)
for what in ("raises", "dies", "leaves", "hangs", "hangs_hard", "prints", "writes", "has_nan", "pays_nan", "too_large", "outgrows"):
    gymnasium.register(f"{what.replace('_', '-')}-v0".title().replace("-V0", "-v0"), bad(what), max_episode_steps=500)
