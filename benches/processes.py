"""A process that a bench runs and measures."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


class Run:
    """One process to its end: its seconds on the clock and of all processors, and its memory in MB.

    With `sample`, anonymous memory is looked at every so many seconds, which costs it time. With `kill_after` it is killed after so
    many seconds, unless it has ended.
    """

    # Exit codes that are no failures.
    ANSWERS = {0}

    def __init__(self, command, sample=None, kill_after=None):
        started = time.perf_counter()
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.anonymous = 0.0
        done = threading.Event()
        if sample:
            watch = threading.Thread(target=self.watch, args=(process.pid, done, sample))
            watch.start()
        # Workers are processes of their own and end with the program.
        timer = threading.Timer(kill_after, os.kill, [process.pid, signal.SIGKILL]) if kill_after else None
        if timer:
            timer.start()
        self.output, errors = process.stdout.read(), process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        self.seconds = time.perf_counter() - started
        if timer:
            timer.cancel()
        done.set()
        if sample:
            watch.join()
        process.returncode = os.waitstatus_to_exitcode(status)
        self.killed = kill_after is not None and process.returncode == -signal.SIGKILL
        if process.returncode not in self.ANSWERS and not self.killed:
            sys.exit(f"{' '.join(map(str, command))}: exit code {process.returncode}\n{errors.decode()}")
        self.cpu = usage.ru_utime + usage.ru_stime
        self.resident = usage.ru_maxrss / 1e3 * 1.024

    def watch(self, pid, done, every):
        while not done.wait(every):
            try:
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("RssAnon"):
                        self.anonymous = max(self.anonymous, int(line.split()[1]) / 1e3 * 1.024)
            except OSError:
                return
