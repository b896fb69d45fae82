"""Plays whole episodes of a Gymnasium task with a policy that acts in C++."""
import ctypes
import functools
import math
import numbers
import os
import random
import struct

import numpy as np


class Actor:
    """The policy, its action noise and the normalizer of its observations, in C++: native/actor_library. It acts on
    `observation` and writes `action`."""

    def __init__(self, path, policy):
        self.library = ctypes.PyDLL(path)  # its calls take microseconds: the interpreter lock is kept
        for name, result, arguments in (
            ("create", ctypes.c_void_p, None),
            ("load", ctypes.c_int, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64]),
            (
                "begin",
                ctypes.c_int,
                [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_double, ctypes.c_double]
                + [ctypes.c_int64, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p],
            ),
            ("act", None, None),
            ("reward", None, [ctypes.c_void_p, ctypes.c_double]),
            ("finite", ctypes.c_int, None),
            ("moments", None, None),
            ("error", ctypes.c_char_p, None),
        ):
            function = getattr(self.library, "gogepo_actor_" + name)
            function.restype, function.argtypes = result, arguments
        size, discrete, hidden = policy["observationSize"], policy["discrete"], policy["hidden"]
        low, high = [(ctypes.c_double * len(bound))(*bound) for bound in (policy["actionLow"], policy["actionHigh"])]
        command = policy.get("command")
        scales = [ctypes.c_double(command[name] if command else 0) for name in ("returnScale", "horizonScale")]
        handle = self.library.gogepo_actor_create(
            *(size, policy["actionSize"], discrete, low, high, (ctypes.c_int * len(hidden))(*hidden), len(hidden)),
            *(policy["bias"], ["tanh", "relu"].index(policy["activation"]), ["tanh", "clip", "gaussian"].index(policy["output"])),
            *(command is not None, *scales),
        )
        self.check(handle)
        self.handle = ctypes.c_void_p(handle)
        # Arrays that live as long as this object, and functions that are bound to them.
        self.observation = np.zeros(size)
        self.action = np.zeros(1 if discrete else policy["actionSize"], np.float32)
        self.count, self.mean, self.m2 = np.zeros(1), np.zeros(size), np.zeros(size)
        observation, action = pointer(self.observation), pointer(self.action)
        self.act = functools.partial(self.library.gogepo_actor_act, self.handle, observation, action)
        self.reward = functools.partial(self.library.gogepo_actor_reward, self.handle) if command else None
        self.sees_finite = functools.partial(self.library.gogepo_actor_finite, self.handle, observation)

    def check(self, done):
        if not done:
            raise RuntimeError(f"gogepo's actor: {self.library.gogepo_actor_error().decode()}")

    def load(self, theta):
        self.check(self.library.gogepo_actor_load(self.handle, pointer(theta), theta.size))

    def begin(self, seed, index, exploration, observe, statistics):
        """An episode begins. exploration: noise, correlation, uniform steps and whether actions are sampled.
        statistics: count, mean and m2, or None."""
        count, mean, m2 = statistics or (0, self.mean, self.m2)
        given = statistics is not None
        self.check(
            self.library.gogepo_actor_begin(
                self.handle, seed, index, *exploration, observe, given, count, pointer(mean), pointer(m2)
            )
        )

    def moments(self):
        """Count, mean and m2 of what the episode has observed so far, as bytes."""
        arrays = self.count, self.mean, self.m2
        self.library.gogepo_actor_moments(self.handle, *map(pointer, arrays))
        return b"".join(array.tobytes() for array in arrays)


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


class Player:
    """Plays episodes on request. The state of a paused one stays here. lib/env/gymnasium-rollout.ts describes the
    messages."""

    greeting = b""
    REQUEST, ANSWER = struct.Struct("<IIIIddQQdd"), struct.Struct("<ddIIII")
    BEGIN, NORMALIZE, RECORD, REMOVE_BONUS, SAMPLE = 1, 2, 4, 8, 16  # flags of a request
    DONE, TERMINATED, DIVERGED = 1, 2, 4  # flags of an answer

    def __init__(self, env, setup):
        space = env.action_space
        self.env, self.unwrapped, self.limit = env, env.unwrapped, env.spec.max_episode_steps
        self.pays_survival = setup["paysSurvival"]
        self.actor = Actor(setup["library"], setup["policy"])
        self.first_choice = int(space.start) if setup["policy"]["discrete"] else None
        self.action_type = space.dtype
        # What the actor acts on and what it writes, in the task's shapes.
        self.seen = self.actor.observation.reshape(env.observation_space.shape)
        self.written = self.actor.action.reshape(() if setup["policy"]["discrete"] else space.shape)

    def answer(self, request):
        """Begins or continues an episode, as the request says."""
        # Read the request.
        request_head = self.REQUEST.unpack_from(request)
        flags, observe, seed, uniform, noise, correlation, noise_seed, index, steps, count = request_head
        size, at, statistics = self.actor.observation.size, self.REQUEST.size, None
        if flags & self.NORMALIZE:
            mean, m2 = [np.frombuffer(request, "<f8", size, at + 8 * size * i) for i in range(2)]
            statistics, at = (count, mean, m2), at + 16 * size
        self.actor.load(np.frombuffer(request, "<f4", -1, at))
        # Play.
        if flags & self.BEGIN:
            exploration = noise, correlation, uniform, bool(flags & self.SAMPLE)
            self.actor.begin(noise_seed, index, exploration, observe, statistics)
            self.begin(seed)
        records = Records() if flags & self.RECORD else None
        self.play(steps, self.pays_survival and bool(flags & self.REMOVE_BONUS), records)
        # Report.
        ends = self.DONE * self.done | self.TERMINATED * self.terminated | self.DIVERGED * self.diverged
        recorded = len(records.rewards) if records else 0
        totals = self.ANSWER.pack(self.stored, self.full, self.length, ends, recorded, self.culprit)
        return totals + (self.actor.moments() if observe else b"") + (records.pack() if recorded else b"")

    def begin(self, seed):
        random.seed(seed)  # for tasks that use the global generators
        np.random.seed(seed)
        self.stored = self.full = 0.0
        self.length, self.done, self.terminated, self.diverged = 0, False, False, False
        self.culprit = 0
        self.observe(first_observation(self.env.reset(seed=seed)), "reset")
        if not self.actor.sees_finite():
            i = self.not_finite()
            raise ValueError(
                f"reset: expected finite observations within single precision, got {self.actor.observation[i]} as element {i}"
            )

    def play(self, steps, removes_bonus, records):
        """Plays until the episode has ended or has made that many more steps."""
        act, step, finite, rewarded = self.actor.act, self.env.step, self.actor.sees_finite, self.actor.reward
        if records:
            records.first(self.actor.observation)
        while not self.done and steps > 0:
            # Step the task.
            act()
            try:
                made = step(self.chosen())
            except (TypeError, ValueError) as error:
                raise explained(error)
            observation, reward, terminated, truncated, info = five(made)
            steps -= 1
            self.length += 1
            self.observe(observation, "step")
            reward = number(reward)
            if not (finite() and math.isfinite(reward)):
                self.diverged = self.done = True
                self.culprit = 0 if finite() else 1 + self.not_finite()
                return
            if rewarded:
                rewarded(reward)
            # Count.
            self.full += reward
            self.stored += reward - self.survival(info) if removes_bonus else reward
            self.terminated = truth("terminated", terminated)
            self.done = truth("truncated", truncated) or self.terminated or self.length >= self.limit
            if records:
                records.add(self.actor.action, reward, self.actor.observation)

    def not_finite(self):
        """The first element of the observation that is not a finite number of single precision."""
        singles = (ctypes.c_float(x).value for x in self.actor.observation.tolist())
        return next(i for i, x in enumerate(singles) if not math.isfinite(x))

    def chosen(self):
        """The action as the task expects it. It may keep the array."""
        if self.first_choice is not None:
            return int(self.written) + self.first_choice
        return self.written.astype(self.action_type)

    def observe(self, observation, method):
        array = elements(observation, method)
        if array.shape != self.seen.shape:
            if array.size != self.seen.size:
                raise ValueError(
                    f"{method}: expected an observation with {self.seen.size} elements, as in the observation space, "
                    f"got {array.size}"
                )
            array = array.reshape(self.seen.shape)
        self.seen[...] = array

    def survival(self, info):
        """The part of this step's reward that was paid for being alive."""
        return float(info["reward_survive"] if "reward_survive" in info else self.unwrapped.healthy_reward)


def first_observation(reset):
    """The observation in what reset returned: older tasks return it alone."""
    if isinstance(reset, (tuple, list)):
        if len(reset) == 0:
            raise ValueError(f"reset: expected (observation, info), got {reset!r}")
        if isinstance(reset, tuple) or isinstance(reset[-1], dict):
            return reset[0]
    return reset


FIVE = "step: expected (observation, reward, terminated, truncated, info)"
OLD = ", as tasks of the old Gym return: replace done with terminated and truncated"


def five(step):
    """What step returned, if these are the five values of Gymnasium."""
    if isinstance(step, (tuple, list)) and len(step) == 5:
        return step
    if not isinstance(step, (tuple, list)):
        raise TypeError(f"{FIVE}, got {received(step)}")
    raise ValueError(f"{FIVE}, got {len(step)} values{OLD if len(step) == 4 else ''}")


def explained(error):
    """An error of step in words, where Gymnasium could not take apart or check what the task returned."""
    place = error.__traceback__
    while place.tb_next:
        place = place.tb_next
    file = place.tb_frame.f_code.co_filename
    if "isnan" in str(error) and file.endswith(os.path.join("gymnasium", "utils", "passive_env_checker.py")):
        return TypeError("step: expected the reward to be a float, got a whole number of more than 64 bits")
    if "unpack" not in str(error) or os.path.join("gymnasium", "wrappers") not in file:
        return error
    return TypeError(f"{FIVE}, got something else: {error}{OLD if 'got 4' in str(error) else ''}")


NUMBERS = ("f", "i", "u", "b")  # the kinds of arrays that hold numbers


def elements(observation, method):
    """An observation as an array of numbers. Text and None are none, even where NumPy would convert them."""
    try:
        array = np.asarray(observation)
    except ValueError:  # lists of different lengths
        raise ValueError(f"{method}: expected the observation to be an array of numbers, got {received(observation)}") from None
    if array.dtype.kind in NUMBERS:
        return array
    bad = next((i for i, x in enumerate(array.flat) if as_float(x) is None), None)
    if bad is None:
        return array.astype(float)
    where = f"{received(array.flat[bad])} as element {bad}" if array.shape else received(observation)
    raise TypeError(f"{method}: expected the observation to be an array of numbers, got {where}")


def as_float(value):
    """A real number as a float; None for anything else, and for one that is too large, as whole numbers of Python can be."""
    try:
        return float(value) if isinstance(value, numbers.Real) else None
    except OverflowError:
        return None


def number(reward):
    """Converts a reward to a float. Arrays with one element are accepted, since Gymnasium's own wrappers return
    them; text and None are not."""
    if isinstance(reward, float):
        return float(reward)
    try:
        array = np.asarray(reward)
        if array.size != 1 and array.dtype.kind in NUMBERS:
            raise ValueError(f"expected the reward to be a single number, got an array of shape {array.shape}")
        one = as_float(array.item()) if array.size == 1 else None
        if one is not None:
            return one
    except ValueError as error:
        if "shape (" in str(error):
            raise
    raise TypeError(f"expected the reward to be a number, got {received(reward)}")


def truth(name, value):
    """Whether the episode has ended. Arrays with one element are accepted; the text "False" would count as true."""
    if value is True or value is False:
        return value
    if isinstance(value, (np.bool_, np.ndarray, numbers.Real)) and np.size(value) == 1:
        one = np.asarray(value).item()
        if one in (0, 1):
            return bool(one)
    raise TypeError(f"step: expected {name} to be True or False, got {received(value)}")


def received(value):
    """A value in a message: as Python writes it, if that is short."""
    kind = type(value).__name__
    if isinstance(value, numbers.Real) and as_float(value) is None:
        return f"a value of type {kind} that is too large for a float"
    try:
        text = repr(value)
    except Exception:  # a list with a number of too many digits, or the task's own class
        return f"a value of type {kind}"
    return text if len(text) <= 60 and "\n" not in text else f"{text.split(chr(10))[0][:57]}... ({kind})"


class Records:
    """The transitions of one request: of T steps T + 1 observations, the actions and the rewards."""

    def __init__(self):
        self.observations, self.actions, self.rewards = [], [], []

    def first(self, observation):
        self.observations.append(observation.astype("<f4"))

    def add(self, action, reward, observation):
        self.actions.append(action.copy())
        self.rewards.append(reward)
        self.observations.append(observation.astype("<f4"))

    def pack(self):
        rows = self.observations + self.actions
        return b"".join([struct.pack(f"<{len(self.rewards)}d", *self.rewards), *(row.tobytes() for row in rows)])
