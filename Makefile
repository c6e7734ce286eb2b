# Thin: each target sets up what it needs and calls a real tool. `make demo` and `make test` are the two commands.

PYTHON ?= python3
BIN := .venv/bin
RUST := $(shell find rust -name '*.rs' -not -path '*/target/*' -o -name 'Cargo.*' -not -path '*/target/*')
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export OMP_NUM_THREADS ?= 1
# What make builds is for this processor, as Mojo's and Julia's code is; a wheel (maturin build) runs on any x86-64.
export RUSTFLAGS ?= -Ctarget-cpu=native
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test test-portable toolchains peers browser conformance mutations random fuzz crash bench bench-peers packages docs pages lint format clean

## demo: train a network on handwritten digits, make it spike, say what that did to the answer
demo: .venv/demo
	$(BIN)/spikeport demo

## test: everything, its set-up included
test: toolchains peers browser lint docs build/atheris/atheris
	cargo test --quiet --release --manifest-path rust/Cargo.toml --workspace
	build/julia/julia --startup-file=no --project=julia/SpikePort julia/SpikePort/test/runtests.jl
	printf '%s\n' mojo/tests/test_*.mojo | xargs -P 2 -I {} $(BIN)/mojo run --fp-mode contract=off -I mojo {}
	$(BIN)/python -m conformance --report conformance/report
	$(BIN)/python -m conformance --mutate
	$(BIN)/python -m conformance --random 1000 --seed 12 --built
	PYTHONPATH=build/atheris $(BIN)/python -m conformance.fuzz --seconds 3
	$(BIN)/spikeport demo
	$(BIN)/python -m conformance.digits
	$(BIN)/python -m pytest -n 2 --dist loadfile

## test-portable: the Python suite as on other processors, and Rust for any x86-64
test-portable: toolchains peers browser
	RUSTFLAGS=-Ctarget-cpu=x86-64 cargo test --quiet --release --manifest-path rust/Cargo.toml --workspace --target-dir rust/target/x86-64
	set -e; for switch in ATEN_CPU_CAPABILITY=default ATEN_CPU_CAPABILITY=avx2 DNNL_MAX_CPU_ISA=SSE41 \
	  OPENBLAS_CORETYPE=Haswell OPENBLAS_CORETYPE=Nehalem MKL_CBWR=COMPATIBLE NPY_DISABLE_CPU_FEATURES=X86_V3 \
	  OMP_NUM_THREADS=2; do echo "as with $$switch"; env $$switch $(BIN)/python -m pytest -n 2 --dist loadfile; done

## conformance: every kernel in every language, to the bit
conformance: toolchains
	$(BIN)/python -m conformance --report conformance/report

## mutations: planted bugs, each of which must turn a vector red
mutations: .venv/demo
	$(BIN)/python -m conformance --mutate

## random: calls drawn at random, every language; COUNT and SEED say which
random: toolchains
	$(BIN)/python -m conformance --random $(or $(COUNT),20000) --seed $(or $(SEED),1) --block 20000

## fuzz: checkpoint files that nobody made, SECONDS for each target, COUNT of executions at most; counts are printed
fuzz: .venv/demo build/atheris/atheris
	PYTHONPATH=build/atheris $(BIN)/python -m conformance.fuzz --seconds $(or $(SECONDS),60) \
	  --count $(or $(COUNT),1000000000) --seed $(or $(SEED),1)

## crash: COUNT saves that are stopped at a call drawn by SEED, and nothing may be lost
crash: .venv/demo
	$(BIN)/python -m conformance.crash --count $(or $(COUNT),10000) --seed $(or $(SEED),1)

## bench: measure, and write benchmarks/results
bench: toolchains peers build/nir/nirtorch build/spyx/spyx
	$(BIN)/python -m benchmarks

## bench-peers: one thread each: kernels and networks beside peers, the trained network and C
bench-peers: toolchains peers
	$(BIN)/python -m benchmarks.bench_speed

## packages: wheel, sdist, crate, Julia and Mojo package, each built and tried where nothing else is
packages: toolchains
	.ci/packages

## docs: the site, strictly, into build/site
docs: .venv/demo
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

## pages: the pages of docs/reference, from results, matrix and source
pages: conformance
	$(BIN)/python -m benchmarks.page
	$(BIN)/python python/tests/test_api_page.py

## lint: format, lint and types in every language
lint: toolchains
	cargo fmt --manifest-path rust/Cargo.toml --all --check
	cargo fmt --manifest-path rust/fuzz/Cargo.toml --check
	cargo clippy --quiet --release --manifest-path rust/Cargo.toml --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --quiet --manifest-path rust/Cargo.toml --workspace --no-deps
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy

## format: put every file into its language's form
format: toolchains
	cargo fmt --manifest-path rust/Cargo.toml --all
	cargo fmt --manifest-path rust/fuzz/Cargo.toml
	$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .
	$(BIN)/mojo format --quiet mojo

## toolchains: Python with all extras, Mojo, Julia
toolchains: .venv/all
	julia/setup.sh

## peers: other people's libraries, in an environment of their own that borrows torch from ours
peers: .venv-peers/ready

## browser: headless Chromium, for the tests that look at pages
browser:
	python/tests/setup_browser.sh

.venv/bin/maturin: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet maturin
	touch $@

.venv/demo: .venv/bin/maturin constraints.txt $(RUST)
	$(BIN)/pip install --quiet --no-build-isolation --editable '.[dev]'
	touch $@

.venv/all: .venv/demo
	$(BIN)/pip install --quiet --no-build-isolation --editable '.[dev,all]'
	touch $@

.venv-peers/ready: benchmarks/peers.txt .venv/demo
	$(PYTHON) -m venv .venv-peers
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_path('purelib'))" \
	  > $$(.venv-peers/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))")/borrowed.pth
	PIP_CONSTRAINT= .venv-peers/bin/pip install --quiet -r benchmarks/peers.txt
	PIP_CONSTRAINT= .venv-peers/bin/pip install --quiet --no-deps neurobench==2.3.0
	touch $@

# The tools that read NIR hold their environment at one that reads no v_reset: benchmarks/bench_nir takes this one.
build/nir/nirtorch: .venv/demo
	PIP_CONSTRAINT= $(BIN)/pip install --quiet --no-deps --upgrade --target build/nir nir==1.0.7 nirtorch==2.6
	touch $@

# On JAX, in a folder of its own, so that no other tool finds JAX there.
build/spyx/spyx: .venv/demo
	PIP_CONSTRAINT= $(BIN)/pip install --quiet --upgrade --target build/spyx spyx==1.0.0
	touch $@

# Fuzzing of Python guided by coverage, in a folder of its own: it has wheels for some versions of Python only.
build/atheris/atheris: .venv/demo
	-PIP_CONSTRAINT= $(BIN)/pip install --quiet --no-deps --upgrade --target build/atheris atheris==3.0.0

clean:
	rm -rf build demo .venv .venv-peers rust/target conformance/report
