"""What rebuilds cost beside decoding: the shipped program on vaults of small files.

Usage: rebuild.py PROGRAM TINY_VAULT FOLDER RESULTS [RECORDS...]

PROGRAM is `saltprint`, TINY_VAULT the example `tiny_vault`, FOLDER takes the vaults and indexes (10 kB a record; vaults stay there for
the next run), RESULTS is the report in Markdown. Numbers of other sizes in FOLDER stay in the report. Python's standard library is enough.
"""

import json
import shutil
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import processes
from markdown import machine, show, table

SIZES = [10_000, 100_000]
RUNS = 5
# Rebuilds of a hundredth more, one after the other: enough for the smallest segments to be merged.
ROUNDS = 10
# Seconds: a first build that takes longer is not killed and repeated, one run tells what an unchanged vault takes, and two rounds what more does.
LONG = 900


class Run(processes.Run):
    """And what it printed as JSON."""

    def __init__(self, command, kill_after=None):
        super().__init__(command, sample=0.02, kill_after=kill_after)
        self.said = json.loads(self.output) if self.output.strip().startswith(b"{") else None

    def numbers(self):
        said = self.said or {}
        return {
            "seconds": self.seconds, "cpu": self.cpu, "resident": self.resident, "anonymous": self.anonymous,
            "segments": len(said.get("segments", [])), "read": said.get("added", 0), "resumed": said.get("resumed", 0),
        }


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(program, tiny, folder, records):
    home = folder / str(records)
    vault = home / "vault"
    step = records // 100
    # More files than wanted are of an earlier run.
    for part in sorted(vault.glob("*/*.jpg")) if vault.exists() else []:
        if int(part.stem) >= records:
            part.unlink()
    for part in ["keys", "index", "saltprint.toml", "profile.salt", "index.pin"]:
        path = home / part
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    home.mkdir(parents=True, exist_ok=True)
    Run([tiny, vault, records])
    (home / "saltprint.toml").write_text('[vault]\nroot = "vault"\n')
    config = ["--config", home / "saltprint.toml"]
    Run([program, "keygen", home / "keys"])
    Run([program, "calibrate", *config])
    rebuild = [program, "rebuild", "--json", *config]

    first = Run(rebuild)
    say(f"{records:,} first: {first.numbers()}")
    result = {"records": records, "step": step, "first": first.numbers()}
    long = first.seconds > LONG
    unchanged = [Run(rebuild) for _ in range(1 if long else RUNS)]
    assert all(run.said["unchanged"] == records and not run.said["published"] for run in unchanged), "a rebuild of the same vault changed it"
    result["unchanged"] = min(unchanged, key=lambda run: abs(run.seconds - statistics.median(r.seconds for r in unchanged))).numbers()
    say(f"{records:,} unchanged: {result['unchanged']}")
    result["more"] = []
    for part in range(1, (2 if long else ROUNDS) + 1):
        Run([tiny, vault, records + part * step])
        run = Run(rebuild)
        assert run.said["added"] == step, "not the new files were added"
        result["more"].append(run.numbers())
        say(f"{records:,} and {part} %: {run.numbers()}")
    gone = vault / "0000" / "0000000.jpg"
    gone.unlink()
    run = Run(rebuild)
    assert run.said["removed"] == 1, "not one record was removed"
    result["removed"] = run.numbers()
    say(f"{records:,} and one gone: {run.numbers()}")
    Run([tiny, vault, records])

    # A first build that is killed on its way, and the one that takes up its work.
    shutil.rmtree(home / "index")
    (home / "index.pin").unlink(missing_ok=True)
    if long:
        return result
    killed = Run(rebuild, kill_after=first.seconds / 2)
    if killed.killed:
        after = Run(rebuild)
        result["killed"] = killed.numbers()
        result["after"] = after.numbers()
        say(f"{records:,} killed and taken up: {killed.seconds:.1f} + {after.seconds:.1f} s, {after.said['resumed']} resumed")
    shutil.rmtree(home / "index")
    return result


def write(results, path, version):
    head = lambda result: f"{result['records']:,}"
    memory = lambda run: f"{show(run['resident'])} / {show(run['anonymous'])}"
    more = lambda result, which: statistics.median(run[which] for run in result["more"])
    share = lambda result: more(result, "seconds") - result["step"] * result["first"]["seconds"] / result["records"]
    text = f"""# What a rebuild costs

Written by `make bench-rebuild` on {date.today()}: {version}, {machine()}.
Vaults of small JPEGs (192 x 128 pixels, `benches/rebuild`), local files, page cache warm. Decoding such a file is next to nothing, so
what the rest costs shows: listing the vault, fingerprinting, the work file, choosing among details by how rare they are, measuring how near
strangers come, writing segments. Whole processes of the shipped program. `make bench` and [RESULTS.md](RESULTS.md) have the costs of
real sizes.

## Seconds

{table(["records", "first build", "a record, ms", "nothing changed", "1 % more", "beyond 1 % of the first", "slowest 1 %", "one record gone"],
       [[head(r), show(r["first"]["seconds"]), show(1e3 * r["first"]["seconds"] / r["records"]), show(r["unchanged"]["seconds"]),
         show(more(r, "seconds")), show(share(r)), show(max(run["seconds"] for run in r["more"])), show(r["removed"]["seconds"])]
        for r in results])}

`nothing changed` is a median of {RUNS}. `1 % more` is a median of {ROUNDS} rebuilds, each after a hundredth of the records was added; the
next column is what it takes beyond its part of the first build, and then the slowest of them: how near strangers come is measured at the
first build and where the vault has changed by a twentieth since, so in one of the {ROUNDS}. With one record gone its segment is written
anew without it. Where a first build takes more than {LONG} s, nothing changes once, more is added twice (which does not come to a twentieth), and no build is killed.

## Segments

After the first build and after each of those with more: the smallest are merged where there would be more than eight.

{table(["records", "segments"], [[head(r), ", ".join(str(run["segments"]) for run in [r["first"], *r["more"]])] for r in results])}

## A first build killed half way

{table(["records", "killed after, s", "next build, s", "together, of one build", "records taken up"],
       [[head(r), show(r["killed"]["seconds"]), show(r["after"]["seconds"]),
         show((r["killed"]["seconds"] + r["after"]["seconds"]) / r["first"]["seconds"]), f"{r['after']['resumed']:,}"]
        for r in results if "killed" in r])}

## Memory, MB

{table(["records", "first build", "nothing changed", "1 % more", "one record gone"],
       [[head(r), memory(r["first"]), memory(r["unchanged"]), memory(max(r["more"], key=lambda run: run["anonymous"])), memory(r["removed"])]
        for r in results])}

At most, resident / anonymous. Resident counts pages of mapped files, which the system may take back at any time; anonymous, sampled
every 20 ms, is what the process holds for itself. Workers, which decode, come on top.
"""
    path.write_text(text)


def main():
    program, tiny, folder, results = (Path(part).absolute() for part in sys.argv[1:5])
    sizes = [int(size) for size in sys.argv[5:]] or SIZES
    folder.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    store = folder / "rebuild.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    for records in sizes:
        known[str(records)] = measure(program, tiny, folder, records)
        store.write_text(json.dumps(known, indent=1))
        write(sorted(known.values(), key=lambda result: result["records"]), results, version)


if __name__ == "__main__":
    main()
