# The recipes that people and CI run. `make` alone lists them.

CARGO ?= cargo
LOCKED := --locked

# Where cargo puts released programs.
BUILT := $(or $(CARGO_TARGET_DIR),target)/release

# Minutes for each fuzz target, and which of them.
MINUTES ?= 10
TARGETS ?= image archive document erasures segment manifest catalog key profile config audit

.PHONY: help check fmt clippy doc test heif faults demo bench bench-peers bench-scale bench-rebuild deny advisories sbom reproducible fuzz fuzz-smoke golden counts

help:
	@echo "make check   formatting, lints and documentation, warnings denied"
	@echo "make test    all tests"
	@echo "make heif    lints and tests with HEIC and AVIF (needs libheif-dev and libheif-examples)"
	@echo "make faults  kills and failing disks at every call that changes a file (needs strace; some minutes)"
	@echo "make demo    the whole job on an invented vault and leak, under target/demo"
	@echo "make bench   benchmarks"
	@echo "make bench-peers   the same data searched by other libraries, into benches/RESULTS.md (needs Python and its packages); RECORDS=100000"
	@echo "make bench-scale   times and memory of the program as the index grows, into benches/GROWTH.md (needs Python; 3 kB of disk a record, and 0.5 GB); SIZES=\"100000 1000000\""
	@echo "make bench-rebuild   times and memory of rebuilds of vaults of small files, into benches/REBUILD.md (needs Python; 10 kB of disk a record); SIZES=\"10000 100000\""
	@echo "make fuzz    libFuzzer on every parser, MINUTES=10 each (needs cargo-fuzz and a nightly compiler); TARGETS=\"image key\" for some"
	@echo "make fuzz-smoke    seeds, regressions and some thousand mutations on the stable compiler"
	@echo "make deny    licences, bans and sources of dependencies (needs cargo-deny)"
	@echo "make advisories    known vulnerabilities of dependencies (needs cargo-deny and the network)"
	@echo "make sbom    a CycloneDX list of what the program is made of, target/sbom (needs cargo-cyclonedx)"
	@echo "make reproducible  build the released program twice in two places and compare"
	@echo "make counts  count the instructions of the hot paths anew (needs valgrind); review the diff"
	@echo "make golden  write the golden files of the JSON contracts anew; review the diff"

check: fmt clippy doc

fmt:
	$(CARGO) fmt --all --check

clippy:
	$(CARGO) clippy $(LOCKED) --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(LOCKED) --workspace --no-deps

test:
	$(CARGO) test $(LOCKED) --workspace

# One choice of packages for all three commands: another choice may give dependencies other features, and builds all anew.
WITH_HEIF := -p saltprint-intake -p saltprint-worker -p saltprint-programs --features saltprint-programs/heif

# Tests skip what no tool here makes; with these two they skip nothing.
heif:
	@pkg-config --atleast-version=1.14 libheif || { echo "make heif needs libheif 1.14 or newer: apt-get install libheif-dev" >&2; exit 1; }
	@command -v heif-enc >/dev/null || { echo "make heif needs heif-enc: apt-get install libheif-examples" >&2; exit 1; }
	$(CARGO) clippy $(LOCKED) $(WITH_HEIF) --tests -- -D warnings
	$(CARGO) test $(LOCKED) $(WITH_HEIF) --lib --test processes
	$(CARGO) test $(LOCKED) $(WITH_HEIF) --test it -- heif:: unsafe_code:: worker:: bad_input::

faults:
	SALTPRINT_FAULTS=all $(CARGO) test $(LOCKED) --workspace --test it -- faults

demo:
	$(CARGO) run $(LOCKED) --release -- demo --dir target/demo

bench:
	$(CARGO) bench $(LOCKED) --workspace

# Python packages of fixed versions in an environment of their own.
bench-peers:
	test -x target/peers/venv/bin/python || python3 -m venv target/peers/venv
	target/peers/venv/bin/python -m pip install --quiet --requirement benches/peers/requirements.txt
	$(CARGO) run $(LOCKED) --release --example peers -- target/peers/data $(RECORDS)
	target/peers/venv/bin/python benches/peers/peers.py target/peers/data benches/RESULTS.md

bench-scale:
	$(CARGO) build $(LOCKED) --release --bin saltprint --example scale --example enlarge
	python3 benches/scale/growth.py $(BUILT)/saltprint $(BUILT)/examples target/growth benches/GROWTH.md $(SIZES)

bench-rebuild:
	$(CARGO) build $(LOCKED) --release --bin saltprint --example tiny_vault
	python3 benches/rebuild/rebuild.py $(BUILT)/saltprint $(BUILT)/examples/tiny_vault target/rebuild benches/REBUILD.md $(SIZES)

deny:
	$(CARGO) deny --locked check licenses bans sources

# Apart from `deny`, because the database of advisories comes over the network.
advisories:
	$(CARGO) deny --locked check advisories

sbom:
	tools/sbom

reproducible:
	tools/reproducible

# With the lock file of the release, so that what is tested is what is shipped. Each target runs under the address sanitizer,
# which does not look for leaks: pages for keys are never given back, on purpose.
fuzz:
	$(CARGO) run $(LOCKED) --example seeds -p saltprint-hostile -- fuzz
	cp Cargo.lock fuzz/Cargo.lock
	for target in $(TARGETS); do \
		ASAN_OPTIONS=detect_leaks=0 $(CARGO) +nightly fuzz run $$target -- -max_total_time=$$(( 60 * $(MINUTES) )) -timeout=20 -rss_limit_mb=2048 \
			-max_len=65536 -dict=fuzz/dictionaries/$$target -print_final_stats=1 || exit 1; \
	done

# The test is part of `make test`; here it makes more and other mutations.
fuzz-smoke:
	SALTPRINT_EFFORT=4 SALTPRINT_SEED=2 $(CARGO) test $(LOCKED) --workspace --test replay

golden:
	SALTPRINT_GOLDEN=write $(CARGO) test $(LOCKED) --test it golden

counts:
	SALTPRINT_COUNTS=write $(CARGO) test $(LOCKED) --test instructions
