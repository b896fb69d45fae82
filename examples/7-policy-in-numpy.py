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

for line in sys.stdin:
    x = ((np.array(line.split(), float) - p["observation.mean"]) / p["observation.std"]).astype("f4")
    for i in range(sum(name.endswith("weight") for name in p)):
        x = np.tanh(p[f"layers.{i}.weight"] @ x + p[f"layers.{i}.bias"])
    print(*([np.argmax(x)] if metadata["discrete"] else p["action.center"] + p["action.scale"] * x))
