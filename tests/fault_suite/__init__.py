"""The fault suite: a studio of three projects with a real core each, and families of attacks on its launches.

| module | in it |
|---|---|
| `command.py` | the command line, the table, the exit code |
| `studio.py` | the projects on disk, launches, workers, and the search for remains |
| `job.py` | the program of every attempt; it runs in the projects' Python |
| `attempt.py` | one launch, its ledger, its outcome |
| `tally.py` | a family's counts, and the rules by which an outcome is wrong |
| `assignment.py` | a family's share of time, chance and studio |
| `processes.py` | `/proc` |
| `message.py`, `system_calls.py`, `planted_scene.py` | the parts of `messages.py`, `injection.py`, `planted.py` |
| the others | a family each |
"""
