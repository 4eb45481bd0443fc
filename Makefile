# The recipes that people and CI run. `make` alone lists them.

CARGO ?= cargo
LOCKED := --locked

.PHONY: help check fmt clippy doc test faults demo bench deny golden

help:
	@echo "make check   formatting, lints and documentation, warnings denied"
	@echo "make test    all tests"
	@echo "make faults  kills and failing disks at every call that changes a file (needs strace; some minutes)"
	@echo "make demo    the whole job on an invented vault and leak, under target/demo"
	@echo "make bench   benchmarks"
	@echo "make deny    licences, bans and sources of dependencies (needs cargo-deny)"
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

faults:
	SALTPRINT_FAULTS=all $(CARGO) test $(LOCKED) --workspace --test it -- faults

demo:
	$(CARGO) run $(LOCKED) --release -- demo --dir target/demo

bench:
	$(CARGO) bench $(LOCKED) --workspace

deny:
	$(CARGO) deny --locked check licenses bans sources

golden:
	SALTPRINT_GOLDEN=write $(CARGO) test $(LOCKED) --test it golden
