"""How the reports of the benches write numbers, tables and the machine."""

import os
import platform
from pathlib import Path


def show(number, digits=3):
    if number is None or number != number:
        return "-"
    return f"{number:,.0f}" if number >= 100 else f"{number:.{digits}g}"


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", f"|{'|'.join('---' for _ in head)}|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def machine():
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6 * 1.024
    return f"{processor()}, {os.cpu_count()} cores, {memory:.0f} GB of memory"
