# Runs a policy file with NumPy alone. Reads observations from standard input and prints actions, one per line.
#   echo "-0.5 0" | python3 examples/7-policy-in-numpy.py policy.safetensors
import json, struct, sys
import numpy as np

content = open(sys.argv[1], "rb").read()
start = 8 + struct.unpack("<Q", content[:8])[0]
header = json.loads(content[8:start])
metadata = {name: json.loads(text) for name, text in header.pop("__metadata__").items()}
read = lambda e: np.frombuffer(content[start:][slice(*e["data_offsets"])], {"F32": "<f4", "F64": "<f8"}[e["dtype"]]).reshape(e["shape"])
p = {name: read(entry) for name, entry in header.items()}

relu = lambda x: np.maximum(x, 0)
activation = {"tanh": np.tanh, "relu": relu}[metadata["activation"]]
layers = sum(name.endswith("weight") for name in p)

for line in sys.stdin:
    x = ((np.array(line.split(), float) - p["observation.mean"]) / p["observation.std"]).astype("f4")
    for i in range(layers):
        x = p[f"layers.{i}.weight"] @ x + p.get(f"layers.{i}.bias", 0)
        if i < layers - 1:
            x = activation(x)
    if metadata["output"] == "gaussian":
        x = x[: len(x) // 2]  # the means, without the logarithms of the standard deviations
    if metadata["output"] != "clip":
        x = np.tanh(x)
    if metadata["discrete"]:
        print(np.argmax(x))
    else:
        low, high = p["action.low"], p["action.high"]
        if metadata["output"] != "clip":
            x = (low + high) / 2 + (high - low) / 2 * x
        print(*np.clip(x, low, high))
