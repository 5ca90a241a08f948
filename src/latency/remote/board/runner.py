# Runs on the board: `python3 runner.py job.json`. Times networks in turns with Python's onnxruntime and writes what it
# timed to standard output as one JSON document. Needs numpy and onnxruntime there; works from Python 3.6 on (JetPack 4).
import json
import math
import os
import sys
import time

import numpy
import onnxruntime

with open(sys.argv[1], encoding="utf-8") as file:
    JOB = json.load(file)

LEVELS = {
    "disabled": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}


def open_session(path, profile):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = JOB["threads"]
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = LEVELS[JOB["optimisation"]]
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    if profile:
        options.enable_profiling = True
        options.profile_file_prefix = JOB["profile"]
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def feeds():
    random = numpy.random.RandomState(12345)
    made = {}
    for value in JOB["inputs"]:
        shape = value["shape"]
        if value["type"] in ("float32", "float64"):
            made[value["name"]] = random.standard_normal(shape).astype(value["type"])
        else:
            made[value["name"]] = random.randint(0, 2, shape).astype(value["type"])
    return made


def timed(session, fed):
    """With one thread, a run that other work interrupted counts as the processor time it had."""
    cpu = time.process_time()
    start = time.perf_counter()
    session.run(None, fed)
    wall = time.perf_counter() - start
    if JOB["threads"] > 1:
        return wall * 1000
    return min(wall, time.process_time() - cpu) * 1000


def runs_of(milliseconds, ms, least, most):
    """As many runs as take so long, within bounds."""
    return min(most, max(least, math.ceil(milliseconds / ms)))


def main():
    fed = feeds()
    turns = JOB["turns"]
    paths = [JOB["reference"], JOB["network"]]
    sessions = [open_session(path, False) for path in paths if path is not None]
    if JOB["profile"] is not None:
        sessions.append(open_session(JOB["network"], True))
    usual = [min(timed(session, fed) for _ in range(turns["warmup"])) for session in sessions]
    counted = runs_of(turns["turnMs"], usual[0], turns["fewestCounted"], turns["mostCounted"])
    results = [
        {"uncounted": runs_of(turns["warmMs"], ms, 1, turns["mostUncounted"]), "turns": []}
        for ms in usual
    ]
    for _ in range(math.ceil(JOB["repeats"] / counted)):
        for session, result in zip(sessions, results):
            for _ in range(result["uncounted"]):
                session.run(None, fed)
            result["turns"].append([timed(session, fed) for _ in range(counted)])
    if JOB["profile"] is not None:
        os.replace(sessions[-1].end_profiling(), JOB["profile"])
    version = onnxruntime.__version__
    json.dump({"schema": "mdp-board-result/2", "version": version, "sessions": results}, sys.stdout)


main()
