"""Runs a Gymnasium task step by step, for gogepo check: lib/env/gymnasium-steps.ts is the other end."""
import json
import math
import random

import numpy as np

import gogepo_player


class Stepper:
    """Answers {"reset": seed} and {"step": action} in JSON. An error of the task is an answer as well."""

    def __init__(self, env):
        space = env.observation_space
        self.env, self.space, self.shape = env, env.action_space, space.shape
        self.discrete = not hasattr(self.space, "low")
        bounds = {name: numbers(getattr(space, name)) for name in ("low", "high")}
        self.greeting = json.dumps({**bounds, "shape": [int(n) for n in space.shape]}).encode()

    def answer(self, request):
        request = json.loads(request)
        try:
            answer = self.reset(request["reset"]) if "reset" in request else self.step(request["step"])
        except Exception as error:
            answer = {"threw": f"{type(error).__name__}: {error}"}
        return json.dumps(answer).encode()

    def reset(self, seed):
        random.seed(seed)  # for tasks that use the global generators, as in training
        np.random.seed(seed)
        reset = self.env.reset(seed=seed)
        return observed(gogepo_player.elements(gogepo_player.first_observation(reset), "reset"))

    def step(self, action):
        try:
            step = self.env.step(self.chosen(action))
        except (TypeError, ValueError) as error:
            raise gogepo_player.explained(error)
        observation, reward, terminated, truncated, _info = gogepo_player.five(step)
        reward = number(gogepo_player.number(reward))
        ends = {name: gogepo_player.truth(name, end) for name, end in (("terminated", terminated), ("truncated", truncated))}
        return {**observed(gogepo_player.elements(observation, "step")), "reward": reward, **ends}

    def chosen(self, action):
        if self.discrete:
            return int(action) + int(self.space.start)
        return np.array(action).astype(self.space.dtype).reshape(self.space.shape)


def observed(array):
    """An observation, and whether its numbers had to fit into single precision."""
    return {"observation": numbers(array), "single": array.dtype in (np.float16, np.float32)}


def numbers(values):
    return [number(x) for x in np.asarray(values, np.float64).reshape(-1).tolist()]


def number(x):
    """JSON has no NaN and no infinity: they are sent as text."""
    return x if math.isfinite(x) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(x, "NaN")
