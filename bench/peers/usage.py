"""Commands that feed each other, measured together."""

import os
import subprocess
import time

# How often memory is looked at, and the end of a command noticed.
LOOK_EVERY_SECONDS = 0.01


class Failed(Exception):
    """A command that did not end well; the text is the end of what it said."""


def measure(commands, folder, environment=None):
    """Runs `commands` as a pipe. The last one's output is kept in `folder/output`.

    Gives wall seconds, processor seconds of all with what they started, and the sum of their peaks in MiB.
    """
    begun = time.monotonic()
    children, source = [], subprocess.DEVNULL
    log = open(folder / "log", "w+", encoding="utf-8", errors="replace")
    for place, command in enumerate(commands):
        is_last = place == len(commands) - 1
        output = open(folder / "output", "wb") if is_last else subprocess.PIPE
        child = subprocess.Popen(
            command,
            stdin=source,
            stdout=output,
            stderr=log,
            cwd=folder,
            env={**os.environ, **(environment or {})},
        )
        # Only the child may hold the reading end, or the writer never learns that the reader is gone.
        if source is not subprocess.DEVNULL:
            source.close()
        source = child.stdout
        children.append(child)
    processor_seconds, peaks, failures = 0.0, {}, []
    running = list(children)
    while running:
        for child in list(running):
            peaks[child.pid] = max(peaks.get(child.pid, 0.0), _peak_mib(child.pid))
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid == 0:
                continue
            running.remove(child)
            child.returncode = os.waitstatus_to_exitcode(status)
            processor_seconds += usage.ru_utime + usage.ru_stime
            if child.returncode != 0:
                failures.append(f"{child.args[0]} ended with {child.returncode}")
        time.sleep(LOOK_EVERY_SECONDS)
    seconds = time.monotonic() - begun
    log.seek(0)
    if failures:
        said = log.read() + (folder / "output").read_text(encoding="utf-8", errors="replace")
        raise Failed(f"{', '.join(failures)}: {said[-600:]}")
    return {"seconds": seconds, "cpu_seconds": processor_seconds, "peak_mib": sum(peaks.values())}


def _peak_mib(pid):
    """The most memory resident at once so far. `ru_maxrss` would count this program's own, which the child was before
    it became another."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as lines:
            peak = next((line for line in lines if line.startswith("VmHWM:")), None)
    except FileNotFoundError:
        peak = None
    return int(peak.split()[1]) / 1024 if peak else 0.0
