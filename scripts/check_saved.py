"""Classifies the adversarial images of `npm run evaluate -- --save FILE` again.

    python3 scripts/check_saved.py FILE CHECKPOINT.pt

CHECKPOINT is the PyTorch checkpoint of a CIFAR ResNet that was evaluated. The
network is built here in PyTorch, independently of TensorFlow.js, and its result
for every example is compared with the saved one. Needs torch and numpy.

Exit code 0 if all examples agree, 1 if any differs, 2 for bad input.
"""

import hashlib
import json
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

DTYPES = {"F32": np.float32, "I32": np.int32, "U8": np.uint8}

MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STDDEV = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

# Two implementations of the network differ by rounding: a smaller margin says
# nothing about which class wins.
TOLERANCE = 1e-3


def read_safetensors(path):
    """The arrays of the file by name, and its metadata."""
    with open(path, "rb") as file:
        data = file.read()
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    about = header.pop("__metadata__")
    payload = data[8 + length :]
    digest = hashlib.sha256()
    digest.update(
        json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    )
    digest.update(about["json"].encode())
    digest.update(payload)
    if digest.hexdigest() != about["sha256"]:
        raise ValueError(f"{path} is damaged: its checksum is wrong")
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(payload[begin:end], DTYPES[entry["dtype"]])
        arrays[name] = values.reshape(entry["shape"])
    return arrays, json.loads(about["json"])


class Block(nn.Module):
    """A basic block with the shortcut of option A (He et al. 2016, section 4.2)."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.added = outputs - inputs

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.stride == 2:
            half = self.added // 2
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, self.added - half))
        return F.relu(y + x)


class ResNet(nn.Module):
    """The CIFAR ResNet of He et al. 2016, with blocks in each of three stages."""

    def __init__(self, blocks, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for stage, outputs in enumerate([16, 32, 64], start=1):
            layers = []
            for i in range(blocks):
                stride = 2 if stage > 1 and i == 0 else 1
                layers.append(Block(inputs, outputs, stride))
                inputs = outputs
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
        self.linear = nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1((x - MEAN) / STDDEV)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def read_network(path):
    weights = torch.load(path, map_location="cpu", weights_only=True)
    for key in ["state_dict", "model_state_dict", "net", "model", "network"]:
        if key in weights and isinstance(weights[key], dict):
            weights = weights[key]
    prefix = "module."
    weights = {
        key[len(prefix) :] if key.startswith(prefix) else key: value
        for key, value in weights.items()
    }
    blocks = 0
    while f"layer1.{blocks}.conv1.weight" in weights:
        blocks += 1
    if blocks == 0:
        raise ValueError(f"{path} is no checkpoint of a CIFAR ResNet")
    network = ResNet(blocks, weights["linear.weight"].shape[0])
    network.load_state_dict(weights)
    return network.eval()


def margins(network, images, labels, batch=100):
    """The logit of each label minus the largest other one."""
    found = []
    for i in range(0, len(images), batch):
        x = torch.from_numpy(np.array(images[i : i + batch]))
        x = x.float() / 255 if x.dtype == torch.uint8 else x
        y = torch.from_numpy(labels[i : i + batch].astype(np.int64))[:, None]
        with torch.no_grad():
            logits = network(x.permute(0, 3, 1, 2))
        own = logits.gather(1, y)
        others = logits.scatter(1, y, -torch.inf)
        found.append((own[:, 0] - others.max(1).values).numpy())
    return np.concatenate(found)


def main(saved, checkpoint):
    arrays, about = read_safetensors(saved)
    with open(checkpoint, "rb") as file:
        sha256 = hashlib.sha256(file.read()).hexdigest()
    if about["sha256"] != sha256:
        raise ValueError(f"{saved} was made with another model than {checkpoint}")
    network = read_network(checkpoint)
    differ = 0
    for attack in about["attacks"]:
        correct = arrays[f"{attack}/correct"].astype(bool)
        theirs = arrays[f"{attack}/margin"]
        ours = margins(network, arrays[f"{attack}/images"], arrays["labels"])
        wrong = np.flatnonzero((ours >= 0) != correct)
        close = [i for i in wrong if abs(ours[i]) < TOLERANCE]
        differ += len(wrong) - len(close)
        print(
            f"{attack}: {100 * np.mean(ours >= 0):.1f} % here, "
            f"{100 * np.mean(correct):.1f} % saved; "
            f"{len(ours) - len(wrong)} of {len(ours)} examples agree, "
            f"{len(close)} are too close to tell; "
            f"margins differ by at most {np.max(np.abs(ours - theirs)):.2g}"
        )
        for i in wrong:
            print(f"  example {i}: margin {ours[i]:.6f} here, {theirs[i]:.6f} saved")
    return 1 if differ else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*sys.argv[1:]))
    except (OSError, ValueError, KeyError) as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
