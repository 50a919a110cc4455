"""Expands texts as Python does on Windows: reads one JSON object, writes one list.

In: {"environment": {NAME: VALUE}, "texts": [TEXT]}. Out: for each text the results of expandvars and of expanduser.
"""

import json
import ntpath
import os
import sys

question = json.load(sys.stdin)
os.environ.clear()
os.environ.update(question["environment"])
replies = [(ntpath.expandvars(text), ntpath.expanduser(text)) for text in question["texts"]]
json.dump(replies, sys.stdout)
