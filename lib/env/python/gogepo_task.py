"""Makes a Gymnasium task and describes it to gogepo, or says why gogepo cannot run it."""
import os
import sys
import traceback

import gymnasium
import numpy as np


class Refused(Exception):
    """The reason why the task cannot be run, and the kind of the reason."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def make(name, options):
    """Makes the task with Gymnasium. The name is [module:]id."""
    try:
        return gymnasium.make(name, **options)
    except Exception as error:
        module = name.split(":")[0] if ":" in name else ""
        hiding = files_that_hide_modules(module)
        kind, message = reason_of(error, module)
        if kind is not None:
            raise Refused(kind, message + hiding) from None
        traceback.print_exc()
        print(hiding, file=sys.stderr)
        sys.exit(1)


def reason_of(error, module):
    """The kind of a refusal and its message; no kind if it is an error of the task's own code."""
    if isinstance(error, gymnasium.error.DependencyNotInstalled):
        return "dependency", str(error)
    if isinstance(error, gymnasium.error.Error):
        return "unknown", str(error)
    if isinstance(error, ModuleNotFoundError):
        missing = error.name or getattr(error.__cause__, "name", None) or str(error)
        if module == missing or module.startswith(missing + "."):
            where = f"there is no module {missing} in {os.getcwd()} or on Python's path"
            return "module", f"{where}. Add its folder to PYTHONPATH, or correct the name."
        return "dependency", f"there is no module {missing}."
    if isinstance(error, ImportError):
        return "dependency", f"{error}."
    if isinstance(error, TypeError) and "argument" in str(error):
        return "option", str(error)
    return None, ""


def files_that_hide_modules(module):
    """A sentence about a module of the task, or files beside it, with the name of one of Python's own modules."""
    folder = os.getcwd()
    if folder not in sys.path:
        return ""
    if module in sys.stdlib_module_names:
        return f" Python has a module {module} of its own, which is found first: rename {module}.py."
    names = {os.path.splitext(entry)[0] for entry in os.listdir(folder) if entry.endswith(".py")}
    hiding = []
    for name in sorted(names & sys.stdlib_module_names):
        loaded = getattr(sys.modules.get(name), "__file__", None) or ""
        if name not in sys.modules or os.path.dirname(loaded) == folder:
            hiding.append(name)
    if not hiding:
        return ""
    files = ", ".join(f"{name}.py" for name in hiding)
    return f" In {folder}, {files} may hide the modules of Python with the same names: rename them."


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
        "python": sys.executable,
    }


def versions():
    """The versions of everything that affects results, including MuJoCo if the task has loaded it."""
    mujoco = sys.modules.get("mujoco")
    loaded = {"mujoco": mujoco.__version__} if mujoco else {}
    return {"python": sys.version.split()[0], "gymnasium": gymnasium.__version__, "numpy": np.__version__, **loaded}


def value(option):
    """Decodes an option from JSON: a list is a range, whose infinite ends are text; {"number": "inf"} is an infinite number,
    which JSON lacks; {"json": ...} is any other list or object."""
    if isinstance(option, list):
        return tuple(float(end) if isinstance(end, str) else end for end in option)
    if not isinstance(option, dict):
        return option
    return option["json"] if "json" in option else float(option["number"])
