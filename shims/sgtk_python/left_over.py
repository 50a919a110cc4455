"""What a run has left running."""
from __future__ import annotations

from typing import Optional, Sequence, Tuple


def end_left_over(mark: str, processes: Sequence[Tuple[int, str]] = ()) -> bool:
    """Stands in until its own change."""
    return True


def identity_of(pid: int) -> Optional[str]:
    """Returns what tells a process from another one with its number: the time of its start, and the system's."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            start = file.read().rpartition(b")")[2].split()[19].decode("ascii")
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return "%s %s" % (start, file.read().strip())
    except (OSError, IndexError):
        return None
