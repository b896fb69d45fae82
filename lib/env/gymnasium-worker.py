"""Runs episodes of a Gymnasium task for gogepo: python gymnasium-worker.py '{"id": …, "options": …, "policy": …}'.

Talks through file descriptor 3 alone, in messages of a length (4 bytes) and that many bytes, all little-endian. First it says what
the task is, or why there is none; then it answers each request, a policy and a seed, with what an episode of it came to. Standard output
and standard error are the task's own. lib/env/gymnasium-rollout.ts is the other end.
"""
import json
import os
import select
import signal
import struct
import sys
import threading

CHANNEL = 3
NORMALIZING, LEARNING, REMOVE_BONUS = 1, 2, 4  # flags of a request


def guard():
    """Goes on in a child. This process waits until the child has ended or gogepo is gone, however it went; then it ends what is left of
    the child's group, so that neither it nor a process that a task has started outlives gogepo."""
    parent = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.setpgid(0, 0)
        if sys.platform == "linux":
            import ctypes

            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: should the waiting process be killed
            if os.getppid() != parent:
                os._exit(1)
        return
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
    os._exit(os.waitstatus_to_exitcode(status) % 256)  # killed by signal n: 256 − n


class Policy:
    """θ acting on one observation, with the same bits as native/rollout/policy_kernel.cc: each column is its bias, then the products
    added in the order of the inputs. A sum over the rows of a matrix adds them in order; a matrix product does not say its order."""

    def __init__(self, sizes, center, scale, discrete):
        self.layers = [Layer(inputs, outputs) for inputs, outputs in zip(sizes, sizes[1:])]
        self.actions, self.discrete = sizes[-1], discrete
        self.center, self.scale = np.array(center, np.float32), np.array(scale, np.float32)
        self.input = np.empty(sizes[0], np.float32)
        x = self.input
        for layer in self.layers:
            layer.input = x[:, None]
            x = layer.sums[: layer.outputs]
        self.output = x

    def load(self, theta):
        at = 0
        for layer in self.layers:
            size = layer.inputs * layer.outputs
            weights = theta[at : at + size].reshape(layer.outputs, layer.inputs)
            layer.weights[:, : layer.outputs] = weights.T
            layer.terms[0, : layer.outputs] = theta[at + size : at + size + layer.outputs]
            at += size + layer.outputs

    def act(self):
        """The action for what is in self.input."""
        for layer in self.layers:
            np.multiply(layer.weights, layer.input, layer.products)
            np.add.reduce(layer.terms, 0, None, layer.sums)
            layer.tanh()
        if self.discrete:
            return int(self.output.argmax())
        return self.center + self.scale * self.output


class Layer:
    # The coefficients of native/rollout/tanh.h, those of the numerator above those of the denominator, highest power first.
    COEFFICIENTS = [
        (5.497652637131978e-06, 64, 0.00017509193276055157, 32),
        (0.002557789208367467, 16, 0.02232394926249981, 8),
        (0.12596404552459717, 4, 0.4592971205711365, 2),
        (1, 1, 2, 1),
    ]

    def __init__(self, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs
        columns = (outputs + 15) // 16 * 16  # a lone column would be added up in another order
        self.weights = np.zeros((inputs, columns), np.float32)
        self.terms = np.zeros((inputs + 1, columns), np.float32)  # the bias, then the products
        self.products = self.terms[1:]
        self.sums = np.empty(columns, np.float32)
        # Constants as whole arrays, and u twice: NumPy is quickest where nothing needs stretching.
        f = np.float32
        self.p3, self.p2, self.p1, self.p0 = [np.repeat([[f(p) / f(d)], [f(q) / f(e)]], columns, 1) for p, d, q, e in self.COEFFICIENTS]
        self.nine, self.minus_nine, self.one, self.minus_one = [np.full(columns, limit, f) for limit in (9, -9, 1, -1)]
        self.square, self.pair = np.empty((2, columns), f), np.empty((2, columns), f)
        self.a, self.q = self.pair

    def tanh(self):
        """In place, operation by operation as native/rollout/tanh.h."""
        x, u, pair, a, q = self.sums, self.square, self.pair, self.a, self.q
        np.minimum(x, self.nine, out=x)
        np.maximum(x, self.minus_nine, out=x)
        np.multiply(x, x, u)
        np.multiply(u, self.p3, pair)
        np.add(pair, self.p2, pair)
        np.multiply(pair, u, pair)
        np.add(pair, self.p1, pair)
        np.multiply(pair, u, pair)
        np.add(pair, self.p0, pair)
        np.multiply(x, a, a)
        np.multiply(a, q, x)
        np.add(x, x, x)
        np.multiply(pair, pair, pair)
        np.add(a, q, a)
        np.divide(x, a, x)
        np.minimum(x, self.one, out=x)
        np.maximum(x, self.minus_one, out=x)


class Normalizer:
    """As native/rollout/observation_normalizer.cc: while learning, an observation is first added to the statistics and then normalized by
    them; the episode's own additions are kept apart."""

    def __init__(self, size):
        self.observation = np.empty(size)
        # Row 0: the statistics; row 1: the additions.
        self.count, self.mean, self.m2 = np.empty((2, 1)), np.empty((2, size)), np.empty((2, size))
        self.deviation, self.product = np.empty((2, size)), np.empty((2, size))
        self.divisor = np.empty(size)

    def start(self, statistics, learning):
        self.normalizing, self.learning = statistics is not None, learning
        self.mean[:], self.m2[:], self.count[:] = 0, 0, 0
        if self.normalizing:
            self.count[0], self.mean[0], self.m2[0] = statistics
            self.fit_divisor()

    def fit_divisor(self):
        divisor = self.divisor
        np.divide(self.m2[0], max(self.count[0, 0] - 1, 1), divisor)
        np.sqrt(divisor, divisor)
        still = divisor < 1e-7
        np.add(divisor, 1e-8, divisor)
        if still.any():
            divisor[still] = np.inf

    def normalize(self, normalized):
        observation, mean, m2, deviation, product = self.observation, self.mean, self.m2, self.deviation, self.product
        if self.learning:
            self.count += 1
            np.subtract(observation, mean, deviation)
            np.divide(deviation, self.count, product)
            np.add(mean, product, mean)
            np.subtract(observation, mean, product)
            np.multiply(deviation, product, product)
            np.add(m2, product, m2)
        if not self.normalizing:
            np.copyto(normalized, observation)
            return
        if self.learning:
            self.fit_divisor()
        np.subtract(observation, mean[0], product[0])
        np.divide(product[0], self.divisor, normalized)


class Episodes:
    def __init__(self, env, policy, pays_survival):
        space = env.action_space
        self.env, self.pays_survival = env, pays_survival
        self.policy = Policy(policy["sizes"], policy["center"], policy["scale"], policy["discrete"])
        self.normalizer = Normalizer(policy["sizes"][0])
        self.first_choice = int(space.start) if policy["discrete"] else None
        self.action_type, self.action_shape = space.dtype, space.shape

    def run(self, request):
        """An episode, as a request asks for it and as the answer says it."""
        seed, flags, count = struct.unpack_from("<IId", request)
        normalizer, policy = self.normalizer, self.policy
        size, at, statistics = len(normalizer.observation), 16, None
        if flags & NORMALIZING:
            statistics = count, np.frombuffer(request, "<f8", size, at), np.frombuffer(request, "<f8", size, at + 8 * size)
            at += 16 * size
        policy.load(np.frombuffer(request, "<f4", -1, at))
        normalizer.start(statistics, bool(flags & LEARNING))
        full, stored, length, terminated, diverged = self.play(seed, bool(flags & REMOVE_BONUS) and self.pays_survival)
        answer = struct.pack("<dddIBBxx", stored, full, normalizer.count[1, 0], length, terminated, diverged)
        return answer + normalizer.mean[1].tobytes() + normalizer.m2[1].tobytes() if flags & LEARNING else answer

    def play(self, seed, remove_bonus):
        env, policy, normalizer = self.env, self.policy, self.normalizer
        random.seed(seed)  # for tasks that draw from what all share
        np.random.seed(seed)
        observation, _ = env.reset(seed=seed)
        self.observe(observation)
        if not np.isfinite(normalizer.observation).all():
            raise ValueError(f"the first observation is not finite: {observation}")
        full = stored = 0.0
        length, terminated, truncated = 0, False, False
        while not (terminated or truncated):
            normalizer.normalize(policy.input)
            action = policy.act()
            action = action + self.first_choice if policy.discrete else action.astype(self.action_type).reshape(self.action_shape)
            observation, reward, terminated, truncated, info = env.step(action)
            reward = float(reward)
            self.observe(observation)
            length += 1
            if not (np.isfinite(normalizer.observation).all() and np.isfinite(reward)):
                return full, stored, length, False, True
            full += reward
            stored += reward - self.survival(info) if remove_bonus else reward
        return full, stored, length, bool(terminated), False

    def observe(self, observation):
        observation = np.asarray(observation).reshape(-1)
        if observation.shape != self.normalizer.observation.shape:
            raise ValueError(f"expected an observation of {len(self.normalizer.observation)} numbers, as the observation space says, got {observation.size}")
        np.copyto(self.normalizer.observation, observation)

    def survival(self, info):
        """What this step paid for being alive."""
        return float(info["reward_survive"] if "reward_survive" in info else self.env.unwrapped.healthy_reward)


class Refused(Exception):
    """Why there is no such task, and of what kind the reason is."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def make(name, options):
    """The task as Gymnasium makes it. name: [module:]id"""
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
            raise Refused("module", f"there is no module {missing} in {os.getcwd()} or on Python's path (PYTHONPATH).") from None
        raise Refused("dependency", f"no module {missing}.") from None
    except ImportError as error:
        raise Refused("dependency", str(error)) from None
    except TypeError as error:
        if "argument" in str(error):
            raise Refused("option", str(error)) from None
        raise


def described(env):
    """What gogepo must know of the task, or what it cannot run."""
    Box, Discrete = gymnasium.spaces.Box, gymnasium.spaces.Discrete
    seen, action, limit = env.observation_space, env.action_space, env.spec.max_episode_steps
    if not isinstance(seen, Box):
        raise Refused("space", f"its observations are {seen}; gogepo takes a Box. Wrap it where it is registered: gymnasium.wrappers.FlattenObservation makes one of Discrete, Dict and Tuple.")
    discrete = isinstance(action, Discrete)
    if not discrete and not (isinstance(action, Box) and action.dtype.kind == "f" and np.isfinite(action.low).all() and np.isfinite(action.high).all()):
        raise Refused("space", f"its actions are {action}; gogepo takes Discrete, or a Box of floats with finite bounds. gymnasium.wrappers.RescaleAction and the like make one.")
    if limit is None:
        raise Refused("option", "it has no time limit. Give it one: --env max_episode_steps=<steps>")
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
    """Of what decides the numbers; of MuJoCo where the task has loaded it."""
    mujoco = sys.modules.get("mujoco")
    loaded = {"mujoco": mujoco.__version__} if mujoco else {}
    return {"python": sys.version.split()[0], "gymnasium": gymnasium.__version__, "numpy": np.__version__, **loaded}


def value(option):
    """An option as JSON holds it: a number that is not finite is a text, a range a list."""
    return tuple(value(end) for end in option) if isinstance(option, list) else float(option) if isinstance(option, str) else option


def read(size):
    data = requests.read(size)
    if len(data) < size:
        os._exit(0)  # gogepo needs this worker no longer
    return data


def send(message):
    answers.write(struct.pack("<I", len(message)) + message)
    answers.flush()


def main(task):
    try:
        env = make(task["id"], {name: value(option) for name, option in task["options"].items()})
        description = described(env)
    except Refused as refused:
        return send(json.dumps({"refused": refused.kind, "message": " ".join(str(refused).split())}).encode())
    send(json.dumps(description).encode())
    if task["policy"] is None:
        return env.close()
    episodes = Episodes(env, task["policy"], task["paysSurvival"])
    while True:
        send(episodes.run(read(struct.unpack("<I", read(4))[0])))


if __name__ == "__main__":
    guard()
    os.set_inheritable(CHANNEL, False)
    requests, answers = os.fdopen(CHANNEL, "rb"), os.fdopen(os.dup(CHANNEL), "wb")
    sys.path[: sys.path[0] == os.path.dirname(__file__)] = [os.getcwd()]  # a task's module is found where gogepo was started
    try:
        import random

        import gymnasium
        import numpy as np
    except ImportError as error:
        send(json.dumps({"refused": "install", "message": f"has no module {error.name}", "version": sys.version.split()[0]}).encode())
    else:
        main(json.loads(sys.argv[1]))
