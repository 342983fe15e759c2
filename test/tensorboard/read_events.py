"""Reads a log directory with TensorBoard's own code and prints JSON.

    python read_events.py LOG_DIR

For each run (subdirectory; "." is LOG_DIR itself) and each plugin the tags,
with their number of points, last step and what the last point holds. Any file
or record that TensorBoard cannot take ends in an error.
"""

import io
import json
import os
import sys

from PIL import Image
from tensorboard.backend.event_processing import plugin_event_multiplexer
from tensorboard.plugins.hparams import metadata as hparams_metadata
from tensorboard.util import tensor_util


def scalar(array):
    return {"value": float(array)}


def histogram(array):
    left, right, counts = array.T
    return {
        "buckets": len(array),
        "min": float(left[0]) if len(array) else None,
        "max": float(right[-1]) if len(array) else None,
        "count": float(counts.sum()),
    }


def image(array):
    width, height, *files = array
    sizes = []
    for file in files:
        picture = Image.open(io.BytesIO(file))
        picture.load()
        sizes.append(picture.size)
    if any(size != (int(width), int(height)) for size in sizes):
        raise ValueError(f"{sizes} is not {width} x {height}")
    return {
        "width": int(width),
        "height": int(height),
        "pictures": len(files),
        "mode": picture.mode,
        "corner": picture.convert("RGB").getpixel((0, 0)),
    }


def text(array):
    return {"text": array.item().decode("utf-8")}


READERS = {
    "scalars": scalar,
    "histograms": histogram,
    "images": image,
    "text": text,
}


def hparam_value(value):
    return getattr(value, value.WhichOneof("kind"))


def hparams(tag, content):
    """The hparams plugin keeps its data in the metadata of three tags."""
    if tag == hparams_metadata.EXPERIMENT_TAG:
        data = hparams_metadata.parse_experiment_plugin_data(content)
        return {
            "columns": [info.name for info in data.hparam_infos],
            "metrics": [
                [info.name.group, info.name.tag] for info in data.metric_infos
            ],
        }
    if tag == hparams_metadata.SESSION_START_INFO_TAG:
        data = hparams_metadata.parse_session_start_info_plugin_data(content)
        return {"values": {k: hparam_value(v) for k, v in data.hparams.items()}}
    data = hparams_metadata.parse_session_end_info_plugin_data(content)
    return {"status": data.status}


def read(directory):
    multiplexer = plugin_event_multiplexer.EventMultiplexer(
        # 0: keep every point.
        tensor_size_guidance={name: 0 for name in READERS}
    )
    multiplexer.AddRunsFromDirectory(directory)
    multiplexer.Reload()
    runs = {}
    for run, kinds in sorted(multiplexer.Runs().items()):
        found = runs[run] = {}
        for tag in sorted(kinds["tensors"]):
            plugin = multiplexer.SummaryMetadata(run, tag).plugin_data
            tags = found.setdefault(plugin.plugin_name, {})
            points = multiplexer.Tensors(run, tag)
            if plugin.plugin_name == "hparams":
                tags[tag] = hparams(tag, plugin.content)
                continue
            array = tensor_util.make_ndarray(points[-1].tensor_proto)
            tags[tag] = {
                "points": len(points),
                "step": points[-1].step,
                **READERS[plugin.plugin_name](array),
            }
    return runs


if __name__ == "__main__":
    if len(sys.argv) != 2 or not os.path.isdir(sys.argv[1]):
        sys.exit("usage: read_events.py LOG_DIR (a directory with event files)")
    json.dump(read(sys.argv[1]), sys.stdout, indent=1)
    print()
