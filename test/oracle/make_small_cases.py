"""Writes the committed cases: make_cases.py with networks so small that a case takes only a few kilobytes.

    python make_small_cases.py cases
"""
import functools
import sys

import gogepo_oracle as oracle
import make_cases

CASES = {
    "one-hidden-layer": ("--observations 2 --actions 1 --hidden 16 --slice-size 4 --batch 6", (8, 8), (16, 12)),
    "three-hidden-layers": ("--observations 4 --actions 2 --hidden 8 16 12 --slice-size 4 --batch 4 --duplicates",
                            (8, 8), (16, 16)),
    "one-action-one-policy": ("--observations 4 --actions 1 --action-high 3 --hidden 16 16 --slice-size 8 --batch 1 "
                              "--return-min 0 --return-max 1000", (8, 8), (16, 16)),
    "many-actions": ("--observations 6 --actions 17 --action-high 0.4 --hidden 8 8 --slice-size 4 --batch 3 "
                     "--probing-states 6", (8, 6), (12, 8)),
    "duplicates": ("--observations 3 --actions 2 --hidden 16 8 --slice-size 8 --batch 7 --duplicates",
                   (8, 6), (16, 16)),
    "large-steps": ("--observations 3 --actions 3 --hidden 8 8 --slice-size 4 --batch 5 --generator-learning-rate 1e-3",
                    (12, 8), (12, 16)),
    "odd-sizes": ("--observations 5 --actions 3 --hidden 3 9 6 3 --slice-size 3 --batch 3", (10,), (9, 7, 5)),
}

if __name__ == "__main__":
    folder, settings = sys.argv[1], oracle.Settings
    for seed, (name, (arguments, generator_hidden, critic_hidden)) in enumerate(CASES.items(), 1):
        oracle.Settings = functools.partial(settings, generator_hidden=generator_hidden, critic_hidden=critic_hidden)
        sys.argv = ["make_cases.py", "--probing-states", "10", *arguments.split(), "--seed", str(100 * seed), "--out",
                    f"{folder}/{name}.safetensors"]
        make_cases.main()
