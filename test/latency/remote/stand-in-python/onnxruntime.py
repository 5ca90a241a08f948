# A stand-in for Python's onnxruntime: no network is run. It has the calls that our script makes, with the names of the real
# module, and writes a recording in the format of the real one (Chrome trace events).
import json
import os

__version__ = "1.11.0-stand-in"


class GraphOptimizationLevel:
    ORT_DISABLE_ALL = 0
    ORT_ENABLE_BASIC = 1
    ORT_ENABLE_EXTENDED = 2
    ORT_ENABLE_ALL = 99


class ExecutionMode:
    ORT_SEQUENTIAL = 0


class SessionOptions:
    enable_profiling = False
    profile_file_prefix = "onnxruntime_profile_"

    def add_session_config_entry(self, name, value):
        assert name.startswith("session.") and value == "0"


def get_available_providers():
    return ["CPUExecutionProvider"]


class InferenceSession:
    def __init__(self, path, sess_options, providers):
        assert os.path.exists(path) and providers == ["CPUExecutionProvider"]
        self.options = sess_options
        self.events = []

    def run(self, names, feeds):
        assert names is None and all(value.size > 0 for value in feeds.values())
        sum(range(20000))
        self.events.append(event("Node", "conv_kernel_time", 1000, {"op_name": "Conv"}))
        self.events.append(event("Session", "model_run", 1100, {}))

    def end_profiling(self):
        path = self.options.profile_file_prefix + "_2026-01-01_00-00-00.json"
        with open(path, "w") as file:
            json.dump(self.events, file)
        return path


def event(category, name, duration, args):
    return {"cat": category, "name": name, "dur": duration, "ts": 0, "ph": "X", "args": args}
