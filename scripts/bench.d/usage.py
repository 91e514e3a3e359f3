"""What processes have used of the machine, from /proc."""
import os
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """(parent, own CPU seconds, those of its children that ended), None for one that is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    user, system, gone_user, gone_system = (int(field) / TICK for field in fields[11:15])
    return int(fields[1]), user + system, gone_user + gone_system


def cpu_of_process(pid):
    """Seconds, of all its threads."""
    return _stat(pid)[1]


def cpu_of_server(pid):
    """Seconds, of a PostgreSQL server: its first process, its children, and those that ended."""
    while True:
        children = 0.0
        _, _, ended_before = _stat(pid)
        for name in os.listdir("/proc"):
            if name.isdigit():
                stat = _stat(name)
                if stat and stat[0] == pid:
                    children += stat[1]
        _, own, ended = _stat(pid)
        # A child that ended meanwhile would be counted twice, or not at all.
        if ended == ended_before:
            return own + ended + children


def cpu_of_machine():
    """Seconds that its cores were busy."""
    words = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()
    user, nice, system, _idle, _iowait, irq, softirq = (int(word) for word in words[1:8])
    return (user + nice + system + irq + softirq) / TICK


def peak_memory(pid):
    """Bytes, the most that were resident at once so far; 0 for a process that is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        pass
    return 0


class Meter:
    """CPU seconds of the servers and the machine since it was made."""

    def __init__(self, stack):
        self.stack = stack
        self.began = self._read()

    def _read(self):
        return {"target": cpu_of_server(self.stack.pid("target")),
                "source": cpu_of_server(self.stack.pid("source")),
                "kafka": cpu_of_process(self.stack.pid("kafka")),
                "machine": cpu_of_machine()}

    def read(self):
        now = self._read()
        return {part: now[part] - began for part, began in self.began.items()}
