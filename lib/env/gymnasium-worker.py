"""Plays episodes of a Gymnasium task for gogepo: python gymnasium-worker.py '{"id": ..., "options": ...}'.

The worker communicates through one file descriptor. A message consists of 4 magic bytes, its length (4 bytes) and its
content, all little-endian. The first message is empty and shows that the script is running. The second one describes
the task, or says why it cannot be run. gogepo then sends the shape of the policies and the path of the library in which
they act; the worker confirms with an empty message. After that, it answers one request at a time. Standard output and
standard error belong to the task. lib/env/python-worker.ts is the other end.
"""
import json
import os
import select
import signal
import struct
import sys
import threading

CHANNEL = 3  # the inherited descriptor; it is moved out of the way of tasks that open and close descriptors
PRIVATE = 200  # the lowest descriptor that it is moved to
MAGIC = b"gppo"


def guard():
    """Forks: the worker continues in the child process. The parent waits until the child ends or gogepo closes the
    channel, then kills the child's process group, so that neither the child nor any process that the task has started
    outlives gogepo."""
    # The child returns.
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.setpgid(0, 0)
        if sys.platform == "linux":
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, in case the waiting process is killed
            if os.getppid() != parent:
                os._exit(1)
        return

    # The parent keeps nothing open but the channel.
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)

    def end_worker():
        try:
            os.killpg(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait_for_hangup():
        hangup = select.poll()
        hangup.register(CHANNEL, 0)
        hangup.poll()
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass

    threading.Thread(target=wait_for_hangup, daemon=True).start()
    status = os.waitpid(worker, 0)[1]
    end_worker()
    os._exit(os.waitstatus_to_exitcode(status) % 256)  # killed by signal n: 256 - n


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
                [ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_double, ctypes.c_int, ctypes.c_int]
                + [ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p],
            ),
            ("act", None, None),
            ("finite", ctypes.c_int, None),
            ("moments", None, None),
            ("error", ctypes.c_char_p, None),
        ):
            function = getattr(self.library, "gogepo_actor_" + name)
            function.restype, function.argtypes = result, arguments
        size, discrete, hidden = policy["observationSize"], policy["discrete"], policy["hidden"]
        low, high = [(ctypes.c_double * len(bound))(*bound) for bound in (policy["actionLow"], policy["actionHigh"])]
        handle = self.library.gogepo_actor_create(
            *(size, policy["actionSize"], discrete, low, high, (ctypes.c_int * len(hidden))(*hidden), len(hidden)),
            *(policy["bias"], ["tanh", "relu"].index(policy["activation"]), ["tanh", "clip"].index(policy["output"])),
        )
        self.check(handle)
        self.handle = ctypes.c_void_p(handle)
        # Arrays that live as long as this object, and functions that are bound to them.
        self.observation = np.zeros(size)
        self.action = np.zeros(1 if discrete else policy["actionSize"], np.float32)
        self.count, self.mean, self.m2 = np.zeros(1), np.zeros(size), np.zeros(size)
        observation, action = pointer(self.observation), pointer(self.action)
        self.act = functools.partial(self.library.gogepo_actor_act, self.handle, observation, action)
        self.sees_finite = functools.partial(self.library.gogepo_actor_finite, self.handle, observation)

    def check(self, done):
        if not done:
            raise RuntimeError(f"gogepo's actor: {self.library.gogepo_actor_error().decode()}")

    def load(self, theta):
        self.check(self.library.gogepo_actor_load(self.handle, pointer(theta), theta.size))

    def begin(self, seed, index, noise, observe, statistics):
        """An episode begins. statistics: count, mean and m2, or None."""
        count, mean, m2 = statistics or (0, self.mean, self.m2)
        given = statistics is not None
        self.check(
            self.library.gogepo_actor_begin(
                self.handle, seed, index, noise, observe, given, count, pointer(mean), pointer(m2)
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

    REQUEST, ANSWER = struct.Struct("<IIIIdQQdd"), struct.Struct("<ddIIII")
    BEGIN, NORMALIZE, RECORD, REMOVE_BONUS = 1, 2, 4, 8  # flags of a request
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
        flags, observe, seed, _, noise, noise_seed, index, steps, count = self.REQUEST.unpack_from(request)
        size, at, statistics = self.actor.observation.size, self.REQUEST.size, None
        if flags & self.NORMALIZE:
            mean, m2 = [np.frombuffer(request, "<f8", size, at + 8 * size * i) for i in range(2)]
            statistics, at = (count, mean, m2), at + 16 * size
        self.actor.load(np.frombuffer(request, "<f4", -1, at))
        # Play.
        if flags & self.BEGIN:
            self.actor.begin(noise_seed, index, noise, observe, statistics)
            self.begin(seed)
        records = Records() if flags & self.RECORD else None
        self.play(steps, self.pays_survival and bool(flags & self.REMOVE_BONUS), records)
        # Report.
        ends = self.DONE * self.done | self.TERMINATED * self.terminated | self.DIVERGED * self.diverged
        recorded = len(records.rewards) if records else 0
        totals = self.ANSWER.pack(self.stored, self.full, self.length, ends, recorded, 0)
        return totals + (self.actor.moments() if observe else b"") + (records.pack() if recorded else b"")

    def begin(self, seed):
        random.seed(seed)  # for tasks that use the global generators
        np.random.seed(seed)
        self.stored = self.full = 0.0
        self.length, self.done, self.terminated, self.diverged = 0, False, False, False
        reset = self.env.reset(seed=seed)
        # Older tasks return the observation alone.
        self.observe(reset[0] if isinstance(reset, tuple) else reset, "reset")
        if not self.actor.sees_finite():
            raise ValueError(f"reset: the first observation is not finite: {self.actor.observation}")

    def play(self, steps, removes_bonus, records):
        """Plays until the episode has ended or has made that many more steps."""
        act, step, finite = self.actor.act, self.env.step, self.actor.sees_finite
        if records:
            records.first(self.actor.observation)
        while not self.done and steps > 0:
            # Step the task.
            act()
            observation, reward, terminated, truncated, info = step(self.chosen())
            steps -= 1
            self.length += 1
            self.observe(observation, "step")
            reward = self.number(reward)
            if not (finite() and math.isfinite(reward)):
                self.diverged = self.done = True
                return
            # Count.
            self.full += reward
            self.stored += reward - self.survival(info) if removes_bonus else reward
            self.terminated = bool(terminated)
            self.done = self.terminated or bool(truncated) or self.length >= self.limit
            if records:
                records.add(self.actor.action, reward, self.actor.observation)

    def chosen(self):
        """The action as the task expects it. It may keep the array."""
        if self.first_choice is not None:
            return int(self.written) + self.first_choice
        return self.written.astype(self.action_type)

    def observe(self, observation, method):
        array = np.asarray(observation)
        if array.shape != self.seen.shape:
            if array.size != self.seen.size:
                raise ValueError(
                    f"{method}: expected an observation with {self.seen.size} elements, as in the observation space, "
                    f"got {array.size}"
                )
            array = array.reshape(self.seen.shape)
        self.seen[...] = array

    def number(self, reward):
        """Converts a reward to a float. Arrays with one element are accepted, since Gymnasium's own wrappers return
        them; text and None are not."""
        if isinstance(reward, float):
            return float(reward)
        if isinstance(reward, (str, bytes)) or reward is None:
            raise TypeError(f"expected the reward to be a number, got {reward!r}")
        array = np.asarray(reward, dtype=np.float64)
        if array.size != 1:
            raise ValueError(f"expected the reward to be a single number, got an array of shape {array.shape}")
        return float(array.reshape(()))

    def survival(self, info):
        """The part of this step's reward that was paid for being alive."""
        return float(info["reward_survive"] if "reward_survive" in info else self.unwrapped.healthy_reward)


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


class Refused(Exception):
    """The reason why the task cannot be run, and the kind of the reason."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def make(name, options):
    """Makes the task with Gymnasium. The name is [module:]id."""
    try:
        return gymnasium.make(name, **options)
    except gymnasium.error.DependencyNotInstalled as error:
        raise Refused("dependency", str(error)) from None
    except gymnasium.error.Error as error:
        raise Refused("unknown", str(error)) from None
    except ModuleNotFoundError as error:
        missing = error.name or getattr(error.__cause__, "name", None) or str(error)
        module = name.split(":")[0] if ":" in name else ""
        if module == missing or module.startswith(missing + "."):
            raise Refused(
                "module",
                f"there is no module {missing} in {os.getcwd()} or on Python's path. "
                "Add its folder to PYTHONPATH, or correct the name.",
            ) from None
        raise Refused("dependency", f"there is no module {missing}.") from None
    except ImportError as error:
        raise Refused("dependency", str(error)) from None
    except TypeError as error:
        if "argument" in str(error):
            raise Refused("option", str(error)) from None
        raise


def described(env):
    """What gogepo needs to know about the task. Raises Refused if gogepo cannot run it."""
    Box, Discrete = gymnasium.spaces.Box, gymnasium.spaces.Discrete

    # Spaces and a time limit that gogepo supports.
    seen, action, limit = env.observation_space, env.action_space, env.spec.max_episode_steps
    if not isinstance(seen, Box):
        raise Refused(
            "space",
            f"its observations are {seen}, but gogepo supports only Box. Register it with a wrapper: "
            "gymnasium.wrappers.FlattenObservation converts Discrete, Dict and Tuple to a Box.",
        )
    discrete = isinstance(action, Discrete)
    bounded = isinstance(action, Box) and np.isfinite(action.low).all() and np.isfinite(action.high).all()
    if not discrete and not (bounded and action.dtype.kind == "f"):
        raise Refused(
            "space",
            f"its actions are {action}, but gogepo supports only Discrete, or a Box of floats with finite bounds. "
            "Register it with a wrapper that converts them, such as gymnasium.wrappers.TransformAction.",
        )
    if limit is None:
        raise Refused("option", "it has no time limit. Set one with: --env max_episode_steps=<steps>")

    entry = env.spec.entry_point
    return {
        "id": env.spec.id,
        "own": isinstance(entry, str) and entry.startswith("gymnasium.envs."),
        "observationSize": int(np.prod(seen.shape)),
        "discrete": discrete,
        "actionSize": int(action.n) if discrete else int(np.prod(action.shape)),
        "actionLow": [] if discrete else action.low.reshape(-1).tolist(),
        "actionHigh": [] if discrete else action.high.reshape(-1).tolist(),
        "maxEpisodeSteps": limit,
        "versions": versions(),
    }


def versions():
    """The versions of everything that affects results, including MuJoCo if the task has loaded it."""
    mujoco = sys.modules.get("mujoco")
    loaded = {"mujoco": mujoco.__version__} if mujoco else {}
    return {"python": sys.version.split()[0], "gymnasium": gymnasium.__version__, "numpy": np.__version__, **loaded}


def value(option):
    """Decodes an option from JSON: a range is a list, and {"number": "inf"} is an infinite number, which JSON lacks."""
    if isinstance(option, list):
        return tuple(float(end) for end in option)
    return float(option["number"]) if isinstance(option, dict) else option


def read(size):
    data = requests.read(size)
    if len(data) < size:
        os._exit(0)  # gogepo no longer needs this worker
    return data


def receive():
    magic, size = struct.unpack("<4sI", read(8))
    return read(size)


def send(message):
    answers.write(MAGIC + struct.pack("<I", len(message)) + message)
    answers.flush()


def main(task):
    try:
        env = make(task["id"], {name: value(option) for name, option in task["options"].items()})
        description = described(env)
    except Refused as refused:
        return send(json.dumps({"refused": refused.kind, "message": " ".join(str(refused).split())}).encode())
    send(json.dumps(description).encode())
    player = Player(env, json.loads(receive()))
    send(b"")
    while True:
        send(player.answer(receive()))


def take_channel():
    """Moves the channel to descriptors that no task is likely to touch; the inherited one then refers to /dev/null."""
    import fcntl

    private = fcntl.fcntl(CHANNEL, fcntl.F_DUPFD_CLOEXEC, PRIVATE)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, CHANNEL, inheritable=False)
    os.close(nothing)
    return os.fdopen(private, "rb"), os.fdopen(fcntl.fcntl(private, fcntl.F_DUPFD_CLOEXEC, PRIVATE), "wb")


if __name__ == "__main__":
    guard()
    requests, answers = take_channel()
    send(b"")
    # Import before the task's folder is on the path, and without the folder of this script: a random.py or copy.py
    # there must not replace Python's own modules.
    sys.path[: sys.path[0] == os.path.dirname(__file__)] = []
    try:
        import ctypes
        import functools
        import math
        import random

        import gymnasium
        import numpy as np
    except ImportError as error:
        refusal = {"refused": "install", "message": f"has no module {error.name}", "version": sys.version.split()[0]}
        send(json.dumps(refusal).encode())
    else:
        task = json.loads(sys.argv[1])
        if ":" in task["id"]:
            sys.path.insert(0, os.getcwd())  # modules are found in the folder where gogepo was started
        main(task)
