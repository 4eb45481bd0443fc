"""What the shipped program costs as the index grows: opens and asks indexes that `scale` made large, as whole processes.

Usage: growth.py PROGRAM EXAMPLES FOLDER RESULTS [--keep RECORDS] [RECORDS...]

PROGRAM is `saltprint`, EXAMPLES where the examples `scale` and `enlarge` are, FOLDER takes the indexes (one at a time, 3 kB a record;
one is kept with `--keep`) and a leak of photos (0.5 GB), RESULTS is the report in Markdown; its picture goes beside this file. Numbers of
earlier sizes in FOLDER stay in the report, so that a size can be added or measured again. Python's standard library is enough.
"""

import json
import math
import os
import shutil
import statistics
import subprocess
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import processes
from markdown import machine, show, table

DOCUMENTS, ITEMS, RUNS = 600, 200, 5
# A leak of enlarged images, as many as the demo has different ones: it takes records in turn, and a copy of the same bytes is not
# looked up again.
PHOTOS, PIXELS = DOCUMENTS, 2_000_000
# Milliseconds: where an image of the other leak takes longer, the photos would take many minutes.
LONG_IMAGE = 200
# Seconds: runs that take longer are repeated less, and where one lookup takes longer there is no triage.
LONG = 5.0
SIZES = [10_000, 100_000, 1_000_000]
# Seconds between looks at the anonymous memory of a process.
SAMPLE = 0.005


class Run(processes.Run):
    # Done, done with rejects, no match.
    ANSWERS = {0, 3, 10}


def measure(command, runs=RUNS):
    """The first run warms the caches and is watched, which costs it time; the others are timed."""
    first = Run(command, sample=SAMPLE)
    timed = [Run(command) for _ in range(1 if first.seconds > LONG else runs)]
    return {
        "seconds": statistics.median(run.seconds for run in timed),
        "cpu": statistics.median(run.cpu for run in timed),
        "resident": first.resident,
        "anonymous": first.anonymous,
        "output": first.output.decode(),
    }


def state():
    """Day and commit of what is measured."""
    told = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent)
    return f"{date.today()} {told.stdout.strip()}".strip()


def drop_caches():
    os.sync()
    try:
        Path("/proc/sys/vm/drop_caches").write_text("3")
        return True
    except OSError:
        return False


def answer(output):
    report = json.loads(output.splitlines()[0])
    return report["outcome"], next((found["tier"] for found in report["matches"]), None)


class Bench:
    def __init__(self, program, examples, folder):
        self.program, self.scale, self.folder = program, examples / "scale", folder
        self.base = folder / "base"
        if not (self.base / "case" / "manifest.json").exists():
            say(f"a vault of {DOCUMENTS} documents")
            Run([program, "demo", "--dir", self.base, "--records", DOCUMENTS, "--items", ITEMS])
        self.photos = folder / f"photos-{PHOTOS}-{PIXELS}"
        if not self.photos.exists():
            say(f"{PHOTOS} photos of {PIXELS:,} pixels")
            drawn, unfinished = folder / "drawn", self.photos.with_suffix(".part")
            for part in [drawn, unfinished]:
                shutil.rmtree(part, ignore_errors=True)
            # The same seed invents the same vault, so these are copies of its documents as well.
            Run([program, "demo", "--dir", drawn, "--records", DOCUMENTS, "--items", PHOTOS])
            Run([examples / "enlarge", drawn / "leak", unfinished, PIXELS])
            shutil.rmtree(drawn)
            unfinished.rename(self.photos)
        # An edited copy that whole-image codes alone do not tell.
        config = self.base / "saltprint.toml"
        leak = sorted((self.base / "leak").iterdir())
        lines = Run([program, "lookup", "--json", "--config", config, *leak]).output.decode().splitlines()
        told = {Path(report["input"]).name: report for report in map(json.loads, lines)}
        edited = next(path for path in leak if told[path.name]["outcome"] == "match"
                      and told[path.name]["matches"][0]["tier"] == "local")
        stranger = next(path for path in leak if told[path.name]["outcome"] == "no_match")
        copy = next((self.base / "vault").rglob("*.jpg"))
        self.images = {"copy": copy, "edited": edited, "stranger": stranger}

    def index(self, records):
        """The folder of an index of so many records, and the seconds that it took to make."""
        if records == DOCUMENTS:
            return self.base, None
        home = self.folder / name(records)
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        for part in ["saltprint.toml", "profile.salt", "index.pin"]:
            shutil.copy2(self.base / part, home)
        for part in ["keys", "index"]:
            shutil.copytree(self.base / part, home / part)
        made = Run([self.scale, home / "saltprint.toml", records])
        say(made.output.decode().strip())
        return home, made.seconds

    def measure(self, records):
        home, made = self.index(records)
        config = ["--config", home / "saltprint.toml"]
        status = [self.program, "status", "--json", *config]
        lookups = {what: [self.program, "lookup", "--json", *config, image] for what, image in self.images.items()}
        summary = self.folder / "summary.json"
        triage = [self.program, "triage", "--summary", summary, *config]

        result = {"records": records, "measured": state(), "build": made, "status": measure(status)}
        said = json.loads(result["status"].pop("output"))
        result |= {"segments": said["segments"], "bytes": said["bytes"]}
        for what, command in lookups.items():
            result[what] = measure(command)
            result[what]["answer"] = answer(result[what].pop("output"))
            say(f"{records:,} {what}: {result[what]}")
        if drop_caches():
            for what, command in ({"status": status} | lookups).items():
                drop_caches()
                # What is cold is the index; program, profile and image are not.
                Run([self.program, "lookup", "--json", "--config", self.base / "saltprint.toml", self.images.get(what, self.images["copy"])])
                result[what]["cold"] = Run(command).seconds
        if result["stranger"]["seconds"] <= LONG:
            small, photos = self.base / "leak", self.photos
            leaks = {"triage": [small], "quick": [small, "--quick"], "photos": [photos], "quick photos": [photos, "--quick"]}
            for what, leak in leaks.items():
                if photos in leak and 1e3 * result["triage"]["seconds"] / ITEMS > LONG_IMAGE:
                    continue
                run = Run([*triage, *leak], sample=SAMPLE)
                stages = json.loads(summary.read_text())["stages"]
                result[what] = {"seconds": run.seconds, "cpu": run.cpu, "resident": run.resident, "anonymous": run.anonymous,
                                "stages": stages}
                say(f"{records:,} {what}: {run.seconds:.1f} s")
        result["verify"] = {"seconds": Run([self.program, "verify", *config]).seconds}
        say(f"{records:,} verify: {result['verify']['seconds']:.1f} s")
        return result


def say(text):
    print(text, file=sys.stderr, flush=True)


def name(records):
    for unit, letter in [(1_000_000, "m"), (1_000, "k")]:
        if records % unit == 0:
            return f"{records // unit}{letter}"
    return str(records)


def picture(path, title, lines):
    """Lines of (records, milliseconds) on two logarithmic axes."""
    width, height, left, top, right, bottom = 720, 420, 70, 40, 170, 50
    xs = [x for points in lines.values() for x, _ in points]
    ys = [y for points in lines.values() for _, y in points]
    x_from, x_to = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
    y_from, y_to = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    x_at = lambda x: left + (math.log10(x) - x_from) / (x_to - x_from) * (width - left - right)
    y_at = lambda y: height - bottom - (math.log10(y) - y_from) / (y_to - y_from) * (height - top - bottom)
    colours = ["#1b6ca8", "#d1495b", "#66a182", "#edae49", "#5d4e6d", "#2e4057"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="{left}" y="22" font-size="14">{title}</text>',
    ]
    for power in range(x_from, x_to + 1):
        x = x_at(10**power)
        parts.append(f'<path d="M{x:.1f} {top}V{height - bottom}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 18}" text-anchor="middle">{10**power:,}</text>')
    for power in range(y_from, y_to + 1):
        y = y_at(10**power)
        parts.append(f'<path d="M{left} {y:.1f}H{width - right}" stroke="#ddd"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    middle = (top + height - bottom) / 2
    parts.append(f'<text x="{(left + width - right) / 2}" y="{height - 12}" text-anchor="middle">records</text>')
    parts.append(f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">milliseconds</text>')
    for number, (label, points) in enumerate(lines.items()):
        colour = colours[number % len(colours)]
        places = [(x_at(x), y_at(y)) for x, y in points]
        parts.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in places)}" fill="none" stroke="{colour}" '
                     'stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        y = top + 12 + 20 * number
        parts.append(f'<path d="M{width - right + 12} {y}h20" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{width - right + 38}" y="{y + 4}">{label}</text>')
    path.write_text("\n".join(parts + ["</svg>"]) + "\n")


def write(results, path, version):
    asked = ["status", "copy", "edited", "stranger"]
    heads = ["records", *asked]
    ms = lambda result, what, which: show(1e3 * result[what][which] if which in result[what] else None)
    mb = lambda result, what: f'{show(result[what]["resident"])} / {show(result[what]["anonymous"])}' if what in result else "-"
    images = lambda what: PHOTOS if "photos" in what else ITEMS
    per_item = lambda result, what, which: 1e3 * result[what][which] / images(what) if what in result else None
    whole = lambda result, what: 10_000 * result[what]["seconds"] / PHOTOS / 60 if what in result else None
    of_images = ["records", "on the clock", "of the processors", "quick, on the clock", "quick, of the processors"]
    each = lambda result, kinds: [show(per_item(result, what, which)) for what in kinds for which in ["seconds", "cpu"]]
    records = lambda result: f'{result["records"]:,}'
    text = f"""# How cost grows with the index

Written by `make bench-scale` on {date.today()}: {version}, {machine()}.
An index of {DOCUMENTS} invented documents (`saltprint demo`) that `benches/scale` made larger with invented records, without graphs, in
segments of the size that a rebuild makes. Each size is a run of its own, and may be of another day and commit. `saltprint_eval::grow` says what is invented: about as many records come near to a query as
would in a vault of that size, and what was measured of strangers is carried over from the small index. So these are times and sizes;
`saltprint eval --grow-to` measures recognition. Everything is a whole process of the shipped program, from its start to its end: keys, profile, opening the index,
starting a decoder, the answer.

## The index

{table(["records", "segments", "MB", "bytes a record", "made in, s", "verify, s", "measured"],
       [[records(r), str(r["segments"]), show(r["bytes"] / 1e6), show(r["bytes"] / r["records"]), show(r["build"]), show(r["verify"]["seconds"]),
         r["measured"]] for r in results])}

`made in` is the time of the generator, which fingerprints nothing, for all that it writes, syncs, reads back and compares. `verify` is
`saltprint verify`: every page and row.

## One process, one question, milliseconds

{table(heads, [[records(r), *(ms(r, what, "seconds") for what in asked)] for r in results])}

Medians of {RUNS} runs after one that warmed the page cache; of runs that take more than {LONG:g} s there is one. `status` opens the index
and asks nothing. The others are `lookup` of one image: `copy` is the file of a record, which the scan of whole-image codes settles; `edited` is a record edited so that only local codes tell it;
`stranger` is nobody's, which goes through all stages.

![Time against records](scale/growth.svg)

The same runs in milliseconds of the processors, all threads and the decoder added up. What else the machine does shows here less than on the clock:

{table(heads, [[records(r), *(ms(r, what, "cpu") for what in asked)] for r in results])}

The same where no page of the index is in memory, one run each:

{table(heads, [[records(r), *(ms(r, what, "cold") for what in asked)] for r in results])}

## A leak of {ITEMS} images

A sixth are files of the vault, a sixth edited, the rest strangers; half a megapixel each, most of them. `saltprint triage`, one run, milliseconds an image; not where a
stranger's lookup takes more than {LONG:g} s. Quick is `--quick`.

{table(of_images, [[records(r), *each(r, ["triage", "quick"])] for r in results])}

## A leak of {PHOTOS:,} photos of {PIXELS / 1e6:g} megapixels

The same kinds of images, enlarged. The same of an image, and what 10,000 of them take in minutes; not where an image of the leak above takes more than
{LONG_IMAGE} ms.

{table([*of_images, "10,000, minutes", "quick, minutes"],
       [[records(r), *each(r, ["photos", "quick photos"]), show(whole(r, "photos")), show(whole(r, "quick photos"))] for r in results])}

## Memory, MB

{table(["records", *asked, "triage", "triage, photos"], [[records(r), *(mb(r, what) for what in [*asked, "triage", "photos"])] for r in results])}

At most, resident / anonymous. Resident counts the pages of the mapped index that were touched, which the system may take back at any time;
anonymous, sampled every 5 ms, is what the process holds for itself.
"""
    path.write_text(text)
    lines = {"status": [], "lookup, copy": [], "lookup, edited": [], "lookup, stranger": [], "triage, an image": [], "triage --quick": []}
    for result in results:
        for label, what in zip(lines, asked):
            lines[label].append((result["records"], 1e3 * result[what]["seconds"]))
        if "triage" in result:
            lines["triage, an image"].append((result["records"], per_item(result, "triage", "seconds")))
        if "quick" in result:
            lines["triage --quick"].append((result["records"], per_item(result, "quick", "seconds")))
    picture(Path(__file__).parent / "growth.svg", "Time of a process, page cache warm", lines)


def main():
    given = sys.argv[1:]
    keep = None
    if "--keep" in given:
        at = given.index("--keep")
        keep = int(given[at + 1])
        del given[at : at + 2]
    program, examples, folder, results = (Path(part).absolute() for part in given[:4])
    sizes = [int(size) for size in given[4:]] or SIZES
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(program, examples, folder)
    version = Run([program, "--version"]).output.decode().strip()
    store = folder / "growth.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    for records in sorted({DOCUMENTS, *sizes}):
        say(f"{records:,} records")
        known[str(records)] = bench.measure(records)
        store.write_text(json.dumps(known, indent=1))
        write(sorted(known.values(), key=lambda result: result["records"]), results, version)
        if records not in (DOCUMENTS, keep):
            shutil.rmtree(folder / name(records))


if __name__ == "__main__":
    main()
