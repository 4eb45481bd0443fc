"""Other libraries on the data that `main.rs` wrote, and RESULTS.md with both. One thread, medians, same machine, same run."""

import json
import os
import statistics
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import cv2
import faiss
import hnswlib
import imagehash
import matplotlib
import numpy as np
import pdqhash
from PIL import Image
from usearch.index import Index, search as usearch_search

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from markdown import processor, show, table

matplotlib.use("svg")
import matplotlib.pyplot as plt

folder, results = Path(sys.argv[1]), Path(sys.argv[2])
ours = json.loads((folder / "ours.json").read_text())
K = ours["neighbours"]
records = np.fromfile(folder / "records.bin", dtype=np.uint8).reshape(-1, 32)
queries = np.fromfile(folder / "queries.bin", dtype=np.uint8).reshape(-1, 32)
faiss.omp_set_num_threads(1)
cv2.setNumThreads(1)
entries = list(ours["codes"])
pictures = list(ours["pictures"])
EFS = [16, 64, 256, 1024]


def median(runs, run):
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def add(name, what, seconds, count, recall, bytes_per_record, **more):
    entries.append({"name": name, "what": what, "us_per_query": seconds * 1e6 / count, "recall": recall,
                    "bytes_per_record": bytes_per_record, **more})


flat = faiss.IndexBinaryFlat(256)
flat.add(records)
truth, _ = flat.search(queries, K)


def recall(distances):
    """Share of the true neighbours that were found, as distances: ties count as found."""
    found = np.asarray(distances)
    return float(((found >= 0) & (found <= truth[:, -1:])).sum(axis=1).clip(max=K).mean() / K)


add("faiss IndexBinaryFlat", "exact, batch", median(5, lambda: flat.search(queries, K)), len(queries), 1.0, 32)
add("faiss IndexBinaryFlat", "exact within 45 bits, batch", median(5, lambda: flat.range_search(queries, 46)),
    len(queries), 1.0, 32)
few = queries[:32]
add("faiss IndexBinaryFlat", "exact, one", median(5, lambda: [flat.search(one[None], K) for one in few]), len(few), 1.0, 32)
seconds = median(3, lambda: usearch_search(records, queries, K, "hamming", exact=True, threads=1))
add("usearch b1", "exact, batch", seconds, len(queries), 1.0, 32)

graph = faiss.IndexBinaryHNSW(256, 16)
graph.hnsw.efConstruction = 200
build = median(1, lambda: graph.add(records)) * 1e6 / len(records)
size = len(faiss.serialize_index_binary(graph)) / len(records)
for ef in EFS:
    graph.hnsw.efSearch = ef
    found, _ = graph.search(queries, K)
    add("faiss IndexBinaryHNSW", "graph", median(3, lambda: graph.search(queries, K)), len(queries), recall(found), size,
        ef=ef, build_us_per_record=build)

graph = Index(ndim=256, metric="hamming", dtype="b1", connectivity=16, expansion_add=200)
build = median(1, lambda: graph.add(np.arange(len(records)), records, threads=1)) * 1e6 / len(records)
for ef in EFS:
    graph.expansion_search = ef
    run = lambda: graph.search(queries, K, threads=1)
    add("usearch b1", "graph", median(3, run), len(queries), recall(run().distances), graph.memory_usage / len(records),
        ef=ef, build_us_per_record=build)

# hnswlib has no Hamming distance: squared distance of vectors of signs is four times it.
signs = lambda codes: np.unpackbits(codes, axis=1).astype(np.float32) * 2 - 1
graph = hnswlib.Index(space="l2", dim=256)
graph.init_index(max_elements=len(records), ef_construction=200, M=16, random_seed=1)
graph.set_num_threads(1)
build = median(1, lambda: graph.add_items(signs(records), num_threads=1)) * 1e6 / len(records)
asked = signs(queries)
for ef in EFS:
    graph.set_ef(ef)
    _, found = graph.knn_query(asked, k=K, num_threads=1)
    add("hnswlib (floats)", "graph", median(3, lambda: graph.knn_query(asked, k=K, num_threads=1)), len(queries),
        recall(found / 4), graph.index_file_size() / len(records), ef=ef, build_us_per_record=build)

hashes = faiss.IndexBinaryMultiHash(256, 16, 16)
build = median(1, lambda: hashes.add(records)) * 1e6 / len(records)
for flips in [0, 1, 2]:
    hashes.nflip = flips
    found, _ = hashes.search(queries, K)
    found = np.where(found > 256, -1, found)
    add("faiss IndexBinaryMultiHash", "multi-index hashing", median(3, lambda: hashes.search(queries, K)), len(queries),
        recall(found), hashes.hashtable_size() * 8 / len(records) + 32, ef=flips, build_us_per_record=build)

sift = cv2.SIFT_create()


def local_features(path):
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    scale = 640 / max(image.shape)
    sift.detectAndCompute(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), None)


for name in dict.fromkeys(entry["picture"] for entry in ours["pictures"]):
    path = folder / f"{name}.jpg"
    for peer, run in [
        ("pdqhash", lambda: pdqhash.compute(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB))),
        ("imagehash.phash", lambda: imagehash.phash(Image.open(path))),
        ("OpenCV SIFT at 640 px", lambda: local_features(path)),
    ]:
        pictures.append({"picture": name, "name": peer, "ms": median(9, run) * 1e3})


versions = ", ".join(f"{name} {version(name)}" for name in
                     ["faiss-cpu", "usearch", "hnswlib", "pdqhash", "ImageHash", "opencv-python-headless"])
rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split("(")[0].strip()
lock = Path("Cargo.lock").read_text()
hnsw_rs = lock.split('name = "hnsw_rs"\nversion = "')[1].split('"')[0]
exact = sorted((e for e in entries if e["what"].startswith("exact")), key=lambda e: (e["what"], e["us_per_query"]))
graphs = [e for e in entries if not e["what"].startswith("exact")]
count = ours["records"]
text = f"""# Saltprint beside its peers

Written by `make bench-peers` on {date.today()}: {processor()}, one thread for everything, scan kernel {ours["kernel"]}; {rustc}, hnsw_rs {hnsw_rs},
{versions}. Medians of several runs in one go on one machine; other machines give other numbers, ratios less so.

{count:,} codes of 256 bits, signs of 256 projections of points in 64 dimensions; {ours["queries"]:,} queries, half of them records with one bit in
ten changed, half nobody's; the {K} nearest are asked for. Ours are searched in sealed pages, which are decrypted for each batch; those of
others lie open in memory. Recall counts ties as found.

## Exact search

{table(["", "", "us a query", "G comparisons/s", "bytes a record"],
       [[e["name"], e["what"], show(e["us_per_query"]), show(count / e["us_per_query"] / 1e3), show(e["bytes_per_record"])] for e in exact])}

## Approximate search

`ef` is the number of candidates that a graph search keeps; of multi-index hashing, bits that are flipped. All queries are asked in one call,
but of hnsw_rs, the search of which takes one, and where it says one by one.

{table(["", "ef", "recall", "us a query", "build, us a record", "bytes a record"],
       [[e["name"], str(e["ef"]), f'{e["recall"]:.3f}', show(e["us_per_query"]), show(e["build_us_per_record"]), show(e["bytes_per_record"])]
        for e in graphs])}

![Recall against time](peers/recall.svg)

## From the bytes of a JPEG to its fingerprint

{table(["", "picture", "ms"], [[p["name"], p["picture"], show(p["ms"])] for p in pictures])}

Ours is all that a record gets: one whole-image code and the pool of local ones. `pdqhash` and `imagehash` give one hash of the whole image;
SIFT gives local features without codes.
"""
results.write_text(text)

plt.figure(figsize=(7, 4.5))
for name in dict.fromkeys(e["name"] for e in graphs):
    points = sorted((e["recall"], e["us_per_query"]) for e in graphs if e["name"] == name)
    plt.plot(*zip(*points), marker="o", label=name)
for e in exact:
    if e["what"] == "exact, batch":
        plt.plot([1.0], [e["us_per_query"]], marker="s", linestyle="", label=f'{e["name"]}, exact in batches')
plt.yscale("log")
plt.xlabel(f"recall of the {K} nearest")
plt.ylabel("microseconds a query, one thread")
plt.title(f"{count:,} codes of 256 bits")
plt.grid(True, which="both", alpha=0.3)
plt.legend(fontsize=7)
plt.savefig(results.parent / "peers" / "recall.svg", bbox_inches="tight", metadata={"Date": None})
