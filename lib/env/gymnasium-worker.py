"""Steps a Gymnasium task for gogepo: python gymnasium-worker.py '{"id": ..., "options": ..., "paysSurvival": ...}'.

The worker communicates through one file descriptor. A message consists of 4 magic bytes, its length (4 bytes) and its
content, all little-endian. The first message is empty and shows that the script is running. The second one describes the
task, or says why it cannot be run. After that, the worker answers one request at a time. Standard output and standard
error belong to the task. lib/env/python-worker.ts is the other end.
"""
import json
import os
import select
import signal
import struct
import sys
import threading
import time

CHANNEL = 3  # the inherited descriptor; it is moved out of the way of tasks that open and close descriptors
PRIVATE = 200  # the lowest descriptor that it is moved to
MAGIC = b"gppo"
SPIN_SECONDS = 1e-4


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


class Worker:
    """Resets and steps the environment on request. lib/env/python-environment.ts describes the messages."""

    RESET, STEP = 0, 1

    def __init__(self, env, pays_survival):
        space = env.action_space
        self.env, self.pays_survival = env, pays_survival
        self.size = int(np.prod(env.observation_space.shape))
        self.discrete = isinstance(space, gymnasium.spaces.Discrete)
        self.first_choice = int(space.start) if self.discrete else None
        self.action_type, self.action_shape = space.dtype, space.shape

    def answer(self, request):
        (code,) = struct.unpack_from("<I", request)
        return self.reset(*struct.unpack_from("<I", request, 4)) if code == self.RESET else self.step(request)

    def reset(self, seed):
        random.seed(seed)  # for tasks that use the global generators
        np.random.seed(seed)
        reset = self.env.reset(seed=seed)
        # Older tasks return the observation alone.
        return self.flat(reset[0] if isinstance(reset, tuple) else reset, "reset")

    def step(self, request):
        if self.discrete:
            action = struct.unpack_from("<I", request, 4)[0] + self.first_choice
        else:
            action = np.frombuffer(request, "<f4", -1, 4).astype(self.action_type).reshape(self.action_shape)
        observation, reward, terminated, truncated, info = self.env.step(action)
        reward = self.number(reward)
        survival = self.survival(info) if self.pays_survival else 0.0
        return struct.pack("<ddII", reward, survival, bool(terminated), bool(truncated)) + self.flat(observation, "step")

    def number(self, reward):
        """Converts a reward to a float. Arrays with one element are accepted, since Gymnasium's own wrappers return them;
        text and None are not."""
        if isinstance(reward, (str, bytes)) or reward is None:
            raise TypeError(f"expected the reward to be a number, got {reward!r}")
        array = np.asarray(reward, dtype=np.float64)
        if array.size != 1:
            raise ValueError(f"expected the reward to be a single number, got an array of shape {array.shape}")
        return float(array.reshape(()))

    def flat(self, observation, method):
        observation = np.asarray(observation, dtype="<f8").reshape(-1)
        if observation.size != self.size:
            raise ValueError(
                f"{method}: expected an observation with {self.size} elements, as in the observation space, "
                f"got {observation.size}"
            )
        return observation.tobytes()

    def survival(self, info):
        """The part of this step's reward that was paid for being alive."""
        return float(info["reward_survive"] if "reward_survive" in info else self.env.unwrapped.healthy_reward)


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
    """The next request. The answer to the last one usually brings it within microseconds, and a process that sleeps meanwhile wakes with
    a cold CPU: look for it a while before sleeping, and yield the CPU to other processes."""
    patience = time.perf_counter() + SPIN_SECONDS
    while not incoming.poll(0):
        if time.perf_counter() > patience:
            incoming.poll()
            break
        os.sched_yield()
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
    worker = Worker(env, task["paysSurvival"])
    while True:
        send(worker.answer(receive()))


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
    incoming = select.poll()
    incoming.register(requests, select.POLLIN)
    send(b"")
    # Import before the task's folder is on the path, and without the folder of this script: a random.py or copy.py
    # there must not replace Python's own modules.
    sys.path[: sys.path[0] == os.path.dirname(__file__)] = []
    try:
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
