# What a developer does, one word each. The work itself is in CMakeLists.txt, CMakePresets.json and tools/.
# Times are those of two cores that others use too.
.DEFAULT_GOAL := help
.PHONY: help setup packages python build demo test fuzz pytorch-matrix bench bench-agreement bench-faults bench-faults-table bench-faults-build docs format fixup lint goldens small-goldens verified bench-inference bench-litert litert-table litert-traced-table serving-tfjs operations sweep clean

sources = $(shell git ls-files 'apps/*.cc' 'apps/*.h' 'bench/*.cc' 'bench/*.h' 'examples/*.cc' 'include/*.h' 'src/*.cc' 'src/*.h' 'tests/*.cc' 'tests/*.h')
python = .venv/bin/python
demo_output = demo/all-MiniLM-L6-v2-tf
# What is built: release, debug, asan or tsan.
PRESET ?= release
build_folder = $(if $(filter release,$(PRESET)),build,build-$(PRESET))

# ccache's entries hold in every checkout; it keeps what is compiled with a precompiled header, too.
export CCACHE_BASEDIR = $(CURDIR)
export CCACHE_NOHASHDIR = 1
export CCACHE_SLOPPINESS = pch_defines,time_macros

help:
	@echo 'make setup    installs Debian packages (as root), and PyTorch and TensorFlow into .venv'
	@echo 'make build    makes build/crossload'
	@echo 'make demo     converts a real BERT, all-MiniLM-L6-v2, compares every module with PyTorch, and two sentences'
	@echo 'make test     builds and runs all tests; PRESET=asan (or debug, tsan) runs them in that build'
	@echo 'make fuzz     runs every fuzz target for FUZZ_SECONDS (3600), with clang'
	@echo 'make bench    measures conversions of 0.1, 1 and 8 GB against cp and Transformers 4.57'
	@echo 'make bench-agreement  measures false alarms and found faults of the rule of agreement and its neighbours'
	@echo 'make bench-faults puts faults into models on purpose, and says which are found and where'
	@echo 'make bench-faults-table  writes what that gives to docs/faults.md'
	@echo 'make operations proves every operation of traced programs by samples of PyTorch, and writes docs/operations.md'
	@echo 'make pytorch-matrix  reads 600 files of PyTorch, every combination of types, strides and containers'
	@echo 'make docs     brings the tables of models in README.md and docs/models.md up to date'
	@echo 'make format   lets clang-format lay out the sources'
	@echo 'make fixup    lays out the sources that changed, and runs crossload check --fix'
	@echo 'make lint     checks the layout, and the sources with clang-tidy'
	@echo 'make goldens  makes those traces in build/goldens/ (and -transformers5/) whose recipes changed, by PyTorch'
	@echo 'make small-goldens makes the small ones in tests/goldens/ again where they changed'
	@echo 'make verified runs the goldens and writes down what they gave, for crossload list and docs/models.md'
	@echo 'make bench-inference  times SavedModels beside those of Transformers 4 and PyTorch'
	@echo 'make bench-litert  compares model.tflite with those of litert-torch and onnx2tf in size, error and time'
	@echo 'make litert-table  converts a golden of every class to LiteRT, and writes what came of it to docs/litert.md'
	@echo 'make litert-traced-table  does the same with traced models of eight architectures'
	@echo 'make serving-tfjs  makes the environment of TF.js, and runs docs/serving.md with it'
	@echo 'make sweep    converts a tiny model of every model type of Transformers 5 and 4, for docs/coverage*.md'
	@echo 'make clean    removes builds and the demo; .venv stays'

setup: packages python

packages python:
	@tools/setup.sh $@

build: packages
	@echo 'Building $(build_folder)/crossload: about 3 minutes when nothing is built yet.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target crossload_command
	@echo '$(build_folder)/crossload is there.'

demo: setup build
	@echo 'Converting all-MiniLM-L6-v2, with PyTorch beside: about 25 seconds.'
	@$(build_folder)/crossload pt-to-tf --model-name "$$(tools/demo_model.sh)" --output $(demo_output) --new-weights
	@echo
	@echo 'Two sentences, by the signature sentence_embedding and by sentence-transformers:'
	@$(python) -W ignore tools/demo_sentences.py "$$(tools/demo_model.sh)" $(demo_output) 2>/dev/null
	@echo
	@echo 'The artifacts are in $(CURDIR)/$(demo_output). Load one in TensorFlow with:'
	@echo '  $(python) -c "import tensorflow as tf; print(tf.saved_model.load(\"$(demo_output)/saved_model\").signatures)"'

test: setup
	@echo 'Building with all tests: about 10 minutes when nothing is built yet. Running them: about 9 minutes.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET)
	ctest --preset $(PRESET)

clangxx = $(shell command -v clang++ || ls /usr/bin/clang++-* 2>/dev/null | sort -V | tail -n 1)
fuzz: packages
	@[ -n '$(clangxx)' ] || { echo 'make: clang++ is missing; install it with: apt-get install clang' >&2; exit 1; }
	@echo 'Building the fuzz targets: about 10 minutes when nothing is built yet.'
	@cmake --preset fuzz -DCMAKE_CXX_COMPILER=$(clangxx) >/dev/null
	@cmake --build --preset fuzz
	tests/fuzz/run.sh

# BENCH=--sizes=0.1,1 leaves the largest out.
bench: setup build
	@echo 'Measuring conversions: about 15 minutes, of which Transformers 5; needs 30 GB below build/.'
	@$(python) bench/conversion.py --transformers --folder $(build_folder) --crossload $(build_folder)/crossload $(BENCH)

# FAULTS='causal mask' runs those whose golden and description hold the words.
bench-agreement: setup
	@echo 'Recording and converting 240 models at four scales of weights: about 10 minutes.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target bench_agreement
	@$(python) bench/agreement.py --program $(build_folder)/bench_agreement --folder $(build_folder)/agreement

bench-faults: bench-faults-build
	@$(build_folder)/bench_faults $(if $(FAULTS),'$(FAULTS)')

bench-faults-table: bench-faults-build
	@sed '/^<!-- What follows/q' docs/faults.md >$(build_folder)/faults.md
	@echo >>$(build_folder)/faults.md
	@$(build_folder)/bench_faults >>$(build_folder)/faults.md
	@mv $(build_folder)/faults.md docs/faults.md
	@git status --short docs/faults.md

bench-faults-build: setup
	@echo 'Building the faults: about 4 minutes when nothing is built yet. Running them: half a minute.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target bench_faults

# OPERATIONS='--samples 5' takes fewer samples, --only REGEX those of some operations.
operations: setup
	@echo 'Making samples by PyTorch and running them: about 25 minutes, most of it torch.export; what is there stays.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target run_programs
	@$(python) -W ignore tests/operations/run.py both $(build_folder)/run_programs $(build_folder)/operations \
	  $(if $(OPERATIONS),$(OPERATIONS),--report docs/operations.md)

pytorch-matrix: setup
	@echo 'Making the files by PyTorch and reading them: about 2 minutes.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target pytorch_file_test
	@rm -rf $(build_folder)/pytorch-matrix
	@$(python) -W ignore tests/fixtures/make_pytorch_fixtures.py --all --output $(build_folder)/pytorch-matrix
	CROSSLOAD_PYTORCH_FIXTURES=$(build_folder)/pytorch-matrix $(build_folder)/pytorch_file_test

docs: build
	@echo 'Bringing the tables of models in README.md and docs/models.md up to date: at once.'
	@tools/check_readme.sh --fix $(build_folder)/crossload
	@if [ -x $(python) ]; then $(python) tools/record_v4.py; fi
	@python3 tools/models_table.py --fix

verified: setup build
	@echo 'Running the goldens and writing down what they gave: about 2 minutes.'
	@cmake --build --preset $(PRESET) --target models_test
	@CROSSLOAD_RECORD=1 $(build_folder)/models_test --gtest_brief=1
	@git status --short tests/goldens/verified

# Every model type of the installed Transformers; resumes where it stopped. SWEEP='--only llama,swin' for some, SWEEP=--new
# for those that have no row in the table yet.
sweep: setup build
	@echo 'Tracing and converting a tiny model of every model type: hours.'
	@.venv5/bin/python tools/sweep.py --folder $(build_folder)/sweep --program $(build_folder)/crossload --report docs/coverage.md $(SWEEP)
	@$(python) tools/sweep.py --folder $(build_folder)/sweep4 --program $(build_folder)/crossload --report docs/coverage_transformers4.md $(SWEEP)

bench-inference: setup build
	@echo 'Timing SavedModels beside those of Transformers 4 and PyTorch, with 1 thread and with 2: about 15 minutes.'
	@$(python) bench/inference.py --docs

# OUTPUT=--docs\ docs/litert.md puts the table into the document.
bench-litert: setup build
	@echo 'Converting all-MiniLM-L6-v2 and BERT-base in six ways, and timing them: about 10 minutes.'
	@$(python) bench/litert.py $(OUTPUT)

litert-table: setup build goldens
	@echo 'Converting a golden of every class to LiteRT: about 3 minutes.'
	@$(python) -W ignore bench/litert_table.py --docs docs/litert.md
	@git status --short docs/litert.md

litert-traced-table: setup build
	@echo 'Tracing and converting eight tiny models to LiteRT: about 4 minutes.'
	@$(python) -W ignore bench/litert_traced.py --docs docs/litert.md
	@git status --short docs/litert.md

serving-tfjs: setup build
	@echo 'Running docs/serving.md with TF.js: about 3 minutes; the first time its environment is made, 10 minutes and 3 GB.'
	@tools/tfjs.sh
	@$(python) -W ignore tests/acceptance/serving.py --crossload $(build_folder)/crossload --tfjs .venv-tfjs

format: needs-clang-format
	@echo 'Laying out all sources with clang-format: a few seconds.'
	@clang-format -i $(sources)

fixup: build needs-clang-format
	@echo 'Laying out what changed, and checking the architectures: a few seconds.'
	@status=0; $(build_folder)/crossload check --fix || status=$$?; \
	  changed="$$(git diff --name-only --diff-filter=d HEAD -- '*.cc' '*.h'; git ls-files --others --exclude-standard '*.cc' '*.h')"; \
	  if [ -n "$$changed" ]; then clang-format -i $$changed; fi; exit $$status

lint: packages needs-clang-format needs-clang-tidy
	@echo 'Checking the layout, then clang-tidy: about 8 minutes.'
	@clang-format --dry-run --Werror $(sources)
	@cmake --preset lint >/dev/null
	@printf '%s\n' $(filter-out tests/%,$(filter %.cc,$(sources))) | xargs -P "$$(nproc)" -n 1 \
	  clang-tidy -p build-lint --quiet --extra-arg=-Wno-unknown-warning-option --extra-arg=-isystem$(CURDIR)/tools/clang14

needs-%:
	@command -v $* >/dev/null || { echo 'make: $* is missing; install it with: apt-get install $*' >&2; exit 1; }

goldens: setup
	@echo 'Making the traces of the recipes that changed: about 1 minute for all of them, when all is built.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target goldens --target goldens_transformers5

small-goldens: goldens
	@$(python) tools/record_reference.py --recipes tests/goldens/*.json --signatures $(build_folder)/goldens/signatures.json \
	  --only '*_small' --output-dir tests/goldens
	@git status --short tests/goldens

clean:
	@echo 'Removing builds and the demo; .venv stays.'
	@rm -rf build build-* demo
