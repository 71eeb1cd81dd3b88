# Two commands for a fresh machine with Python 3.11 or newer, a C compiler and make: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := pyproject.toml setup.py $(shell find src -name '*.py' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi')

.PHONY: demo population test test-debug test-oldest bits lint types docs pictures bench bench-tiny bench-peers \
  wheel wheel-check wheel-proof wheel-test wheel-test-oldest lint-workflows bench-compare bench-keep proof sanitize \
  fuzz coverage memory clean

demo: $(VENV)/installed
	$(BIN)/sp2lnob demo --out results/demo

# The doctests of the installed package, and the tests: what users get, not what lies in the source folder.
test: $(VENV)/installed $(VENV)/test-tools $(VENV)/population-data
	$(BIN)/python -m pytest -n auto --dist loadfile --pyargs sp2lnob tests

# The same on kernels that check every index: slow, and any error in them fails the test. Pages, pictures, the command
# line, files, what is published, workers, many samples and many surveys run no kernel otherwise than the rest does; nor do
# questionnaires, expressions, the reading of surveys, what is withheld, what is kept in memory, years to come, SPOT's
# figures, comparisons and the source itself.
EDGES := r report report_browser accessibility plots docs readme cli init study formats io published coverage parallel \
  shards resume bits many indicators expressions survey household_types disclosure memory projection spot comparison \
  architecture
test-debug: $(VENV)/installed $(VENV)/test-tools $(VENV)/population-data build/debug-site/made
	SP2LNOB_DEBUG=1 PYTHONPATH=build/debug-site $(BIN)/python -m pytest -n auto --dist loadfile --pyargs sp2lnob tests \
	  $(EDGES:%=--ignore=tests/test_%.py)

# The same bits from the kernels for AVX2, the portable ones, those that check bounds and those without the limited API.
bits: $(VENV)/installed build/debug-site/made build/native-site/made
	mkdir -p build/bits
	$(BIN)/python benchmarks/bits.py > build/bits/release
	SP2LNOB_PORTABLE=1 $(BIN)/python benchmarks/bits.py > build/bits/portable
	PYTHONPATH=build/debug-site $(BIN)/python benchmarks/bits.py > build/bits/debug
	PYTHONPATH=build/native-site $(BIN)/python benchmarks/bits.py > build/bits/native
	for other in portable debug native; do diff build/bits/release build/bits/$$other || exit 1; done
	cat build/bits/release

# The oldest libraries that pyproject.toml promises, pandas 2 among them; TESTS= names some of the tests.
TESTS := tests
test-oldest: constraints-oldest.txt
	$(PYTHON) -m venv --clear build/oldest
	build/oldest/bin/python -m pip install -q --upgrade "pip>=25.1"
	build/oldest/bin/python -m pip install -q -c constraints-oldest.txt ".[all]" --group test
	build/oldest/bin/python -m pytest -n auto --dist loadfile --pyargs $(TESTS)

# The table of people by age and sex that the package ships, from PyPI's starsim-data; then commit it.
population: $(VENV)/installed $(VENV)/population-data
	PYTHONPATH=$(CURDIR)/src $(BIN)/python tools/wpp2024.py

lint: $(VENV)/lint-tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/cython-lint --max-line-length 120 src/sp2lnob/_kernels/*.pyx src/sp2lnob/_kernels/*.pxd
	git ls-files | xargs $(BIN)/codespell

# Also what runs at GitHub: schemas, and what an attacker could do with it. Nothing is asked of the network.
lint-workflows: $(VENV)/workflows-tools
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(BIN)/zizmor --offline --quiet .github

# The source by strict mypy; then the installed wheel, whose stubs must say what its kernels are.
types: $(VENV)/installed $(VENV)/lint-tools
	$(BIN)/mypy
	cd $(VENV) && bin/python -m mypy.stubtest sp2lnob --mypy-config-file ../pyproject.toml --allowlist ../stubtest-allowlist.txt

# A warning in them is an error. The pages' code is run by `make test`.
docs: $(VENV)/installed $(VENV)/test-tools $(VENV)/docs-tools
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs
	SP2LNOB_DOCS_BUILT=build/docs $(BIN)/python -m pytest -q tests/test_docs.py -k fetch

# The README's, drawn by the package; they are committed.
pictures: $(VENV)/installed
	$(BIN)/python tools/pictures.py

bench: $(VENV)/installed $(VENV)/test-tools $(VENV)/bench-tools
	mkdir -p results
	$(BIN)/python -m pytest benchmarks --benchmark-json=results/benchmarks.json
	$(BIN)/python benchmarks/ratios.py results/benchmarks.json

# Two files of `make bench` side by side; fails where a ratio lost more than a fifth, or what LOSS= says. Of several new
# ones, B="one.json two.json", the best rounds count. What a release keeps of some is its ratios alone.
LOSS ?= 0.2
bench-compare:
	$(PYTHON) benchmarks/ratios.py --compare --loss $(LOSS) $(A) $(B)

bench-keep:
	$(PYTHON) benchmarks/ratios.py --keep benchmarks/release.json $(or $(A),results/benchmarks.json)

# Every benchmark once, on a small survey, so that none can rot.
bench-tiny: $(VENV)/installed $(VENV)/test-tools $(VENV)/bench-tools
	SP2LNOB_BENCH_HOUSEHOLDS=2000 $(BIN)/python -m pytest benchmarks --benchmark-disable -q
	$(BIN)/python benchmarks/many.py --tiny

# Beside R's survey and Python packages, in an environment of their own: they must not choose the versions of the tests'.
bench-peers: build/peers/made
	mkdir -p results
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 POLARS_MAX_THREADS=1 RAYON_NUM_THREADS=1 \
	  build/peers/bin/python -m pytest benchmarks/peers.py --benchmark-json=results/peers.json
	build/peers/bin/python benchmarks/ratios.py results/peers.json

build/peers/made: $(SOURCES)
	$(PYTHON) -m venv --clear build/peers
	build/peers/bin/python -m pip install -q --upgrade "pip>=25.1"
	build/peers/bin/python -m pip install -q . --group peers
	touch $@

# The wheel is built from the sdist, as users' wheels are.
wheel: $(VENV)/build-tools
	rm -rf dist
	$(BIN)/python -m build

# No source of a kernel, no test and no second megabyte in it.
wheel-check: wheel
	$(BIN)/python -c "import sys, zipfile, pathlib; w, = pathlib.Path('dist').glob('*-cp311-abi3-*.whl'); \
	names = zipfile.ZipFile(w).namelist(); \
	bad = [n for n in names if n.endswith(('.pyx', '.pxd', '.c')) or 'tests/' in n]; \
	print(w.name, w.stat().st_size, 'bytes,', len(names), 'files'); \
	sys.exit(f'not for the wheel: {bad}' if bad or w.stat().st_size > 2**20 else 0)"

# What a release must pass on this system: tags of the wheel, calls that CPython 3.11 lacks, strange files, the README.
# Then every CPython in PYTHONS tests the wheel in an environment of its own, with the newest libraries.
PYTHONS ?= $(PYTHON)
wheel-proof: wheel-check
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/auditwheel repair --wheel-dir dist/repaired dist/*-linux_*.whl
	$(BIN)/auditwheel show dist/repaired/*.whl
	$(BIN)/abi3audit --strict --report dist/repaired/*.whl
	$(BIN)/check-wheel-contents dist/repaired/*.whl
	$(BIN)/twine check --strict dist/*.tar.gz dist/repaired/*.whl

wheel-test: wheel-proof
	for python in $(PYTHONS); do \
	  rm -rf build/empty && $$python -m venv build/empty && build/empty/bin/python -m pip install -q --upgrade "pip>=25.1" && \
	  build/empty/bin/python -m pip install -q dist/repaired/*.whl --group wheel-test && \
	  build/empty/bin/python tools/wheel_test.py || exit 1; \
	done

# The same wheel on the oldest libraries; PYTHON= must be one that has wheels of them, which 3.11 has.
wheel-test-oldest: wheel-proof
	rm -rf build/empty && $(PYTHON) -m venv build/empty && build/empty/bin/python -m pip install -q --upgrade "pip>=25.1"
	build/empty/bin/python -m pip install -q -c constraints-oldest.txt dist/repaired/*.whl --group wheel-test
	build/empty/bin/python tools/wheel_test.py

# All that watches the tests while they run, or the machine: what CI runs on every change, one after the other.
proof: sanitize test-debug bits fuzz coverage memory

# gcc watches memory and undefined behavior in the kernels. CPython and NumPy keep what they allocate until the process
# ends, so leaks are not looked for; Python itself is not watched, and must be told of the library before it starts.
SANITIZED := kernels replicates measures tree logit bayes folds regressions
sanitize: $(VENV)/installed $(VENV)/test-tools build/sanitize-site/made
	ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)" \
	  PYTHONPATH=build/sanitize-site $(BIN)/python -m pytest -p no:cacheprovider $(SANITIZED:%=tests/test_%.py)

# Which branches of Python the tests take, and which lines of the kernels; less than the floors is an error. Each line of
# a kernel that tells of itself takes the lock of the interpreter: of those, some tests are run alone. Both are told by
# sys.settrace: plugins hear of nothing else.
TRACED := $(addprefix tests/test_,kernels.py folds.py regressions.py logit.py estimator.py \
  $(addprefix replicates.py::test_,philox_gives_the_published_vectors replicates_of_an_opportunity_equal_the_oracles) \
  $(addprefix search.py::test_,every_package_is_what_simulate_pays_and_measures_show moves_may_cross_several_cuts \
    the_front_is_what_no_package_beats other_objectives_have_winners_too the_best_ranks_anew_in_its_estimates) \
  $(addprefix effects.py::test_,people_gaining_add_up_to_the_national_change only_what_sees_a_cut_hinges_on_it) \
  shapley.py::test_shares_add_up)
KERNEL_LINES := 99
COVERED := COVERAGE_CORE=ctrace $(BIN)/python -m coverage
coverage: $(VENV)/installed $(VENV)/test-tools $(VENV)/population-data $(VENV)/coverage-tools build/trace-site/made
	rm -rf build/coverage && mkdir -p build/coverage
	COVERAGE_CORE=ctrace $(BIN)/python -m pytest -n auto --dist loadfile --cov sp2lnob --cov-branch --cov-report= --cov-fail-under 0 --pyargs sp2lnob tests
	$(COVERED) report
	PYTHONPATH=build/trace-site COVERAGE_FILE=build/coverage/kernels \
	  $(COVERED) run --include "src/sp2lnob/_kernels/*.pyx" -m pytest -n 0 $(TRACED)
	COVERAGE_FILE=build/coverage/kernels $(COVERED) report --fail-under $(KERNEL_LINES)

# A thousand assessments one after the other must not hold more and more memory; `make test` makes a hundred.
memory: $(VENV)/installed $(VENV)/test-tools
	SP2LNOB_ASSESSMENTS=1000 $(BIN)/python -m pytest -n 0 tests/test_memory.py

# Inputs that no one would think of: so many of each kind, from a fixed seed. BUDGET=100 tries a hundred times as many.
# What is found is kept in build/fuzz/found. atheris has wheels for CPython on Linux alone, and is not built here.
BUDGET ?= 1
FUZZED := expressions:60000 studies:2500 delimited:4000 stata:4000 shards:10000
fuzz: build/fuzz/made
	for target in $(FUZZED); do \
	  PYTHONHASHSEED=0 build/fuzz/env/bin/python fuzz/$${target%:*}.py --runs $$(($${target#*:} * $(BUDGET))) || exit 1; \
	done

build/fuzz/made: $(SOURCES)
	$(PYTHON) -m venv --clear build/fuzz/env
	build/fuzz/env/bin/python -m pip install -q --upgrade "pip>=25.1"
	build/fuzz/env/bin/python -m pip install -q --only-binary atheris --group fuzz || \
	  { echo "atheris has no wheel for $$($(PYTHON) --version) here: name another, as in make fuzz PYTHON=python3.13"; exit 1; }
	build/fuzz/env/bin/python -m pip install -q ".[io]"
	touch $@

clean:
	rm -rf build dist results $(VENV) src/*.egg-info src/sp2lnob/_kernels/*.so \
	  src/sp2lnob/_kernels/_avx2
	find src/sp2lnob/_kernels -name '*.c' ! -name _processor.c -delete

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --upgrade "pip>=25.1"
	touch $@

$(VENV)/installed: $(VENV)/pip $(SOURCES)
	$(BIN)/python -m pip install -q ".[all]"
	touch $@

build/debug-site/made: export SP2LNOB_DEBUG = 1
build/native-site/made: export SP2LNOB_NATIVE = 1
build/sanitize-site/made: export SP2LNOB_SANITIZE = 1
build/trace-site/made: export SP2LNOB_TRACE = 1
build/%-site/made: $(VENV)/pip $(SOURCES)
	rm -rf $(@D)
	$(BIN)/python -m pip install -q --no-deps --target $(@D) .
	touch $@

$(VENV)/population-data: $(VENV)/pip pyproject.toml
	$(BIN)/python -m pip install -q --no-deps --group population --group axe
	touch $@

$(VENV)/%-tools: $(VENV)/pip pyproject.toml
	$(BIN)/python -m pip install -q --group $*
	touch $@
