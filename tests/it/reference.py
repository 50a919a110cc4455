"""Answers what the real core makes of a config: reads one JSON object a line, writes one a line.

In: {"config": PATH, "environment": {NAME: VALUE}, "directory": PATH}.
Out: {"core": PATH or null, "interpreter": PATH or null}; null where the core gives up.
"""

import json
import os
import sys

from tank import pipelineconfig_utils


def answer(function, config):
    try:
        return function(config)
    except Exception:
        return None


for line in sys.stdin:
    question = json.loads(line)
    os.environ.clear()
    os.environ.update(question["environment"])
    os.chdir(question["directory"])
    config = question["config"]
    reply = {
        "core": answer(pipelineconfig_utils.get_core_python_path_for_config, config),
        "interpreter": answer(pipelineconfig_utils.get_python_interpreter_for_config, config),
    }
    print(json.dumps(reply), flush=True)
