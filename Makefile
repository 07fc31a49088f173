# What a developer does, one word each. The work itself is in CMakeLists.txt, CMakePresets.json and tools/.
# Times: on two cores of 2.6 GHz with a fast network, everything made anew; a repeat costs seconds.
.DEFAULT_GOAL := help
.PHONY: help setup packages python build demo test docs format lint goldens clean

sources = $(shell git ls-files 'apps/*.cc' 'apps/*.h' 'examples/*.cc' 'include/*.h' 'src/*.cc' 'src/*.h' 'tests/*.cc' 'tests/*.h')
python = .venv/bin/python
demo_output = demo/all-MiniLM-L6-v2-tf
# The preset of `make test`: release, debug, asan or tsan.
PRESET ?= release
build_folder = $(if $(filter release,$(PRESET)),build,build-$(PRESET))

help:
	@echo 'make setup    installs Debian packages (as root) and makes .venv, where PyTorch and TensorFlow are'
	@echo 'make build    makes build/crossload'
	@echo 'make demo     converts a real BERT, all-MiniLM-L6-v2, and compares every module with PyTorch'
	@echo 'make test     builds and runs all tests; PRESET=asan (or debug, tsan) runs them in that build'
	@echo 'make docs     rewrites the parts of the documents that commands print'
	@echo 'make format   lets clang-format lay out the sources'
	@echo 'make lint     checks layout, clang-tidy and the shell scripts'
	@echo 'make goldens  makes the traces in tests/goldens/ again from their recipes, by PyTorch'
	@echo 'make clean    removes builds and the demo; .venv stays'

setup: packages python

packages:
	@tools/setup.sh packages

python:
	@tools/setup.sh python

build: packages
	@echo 'Building build/crossload: a minute or two.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET) --target crossload_program
	@echo '$(build_folder)/crossload is there.'

demo: setup build
	@echo 'Converting all-MiniLM-L6-v2, with PyTorch beside: half a minute.'
	build/crossload pt-to-tf --model-name "$$(tools/demo_model.sh)" --output $(demo_output) --new-weights
	@echo
	@echo 'The artifacts are in $(CURDIR)/$(demo_output). Load one with:'
	@echo '  .venv/bin/python -c "import tensorflow as tf; print(tf.saved_model.load(\"$(demo_output)/saved_model\").signatures)"'

test: setup
	@echo 'Building with tests: a few minutes. Running them: a few minutes.'
	@cmake --preset $(PRESET) >/dev/null
	@cmake --build --preset $(PRESET)
	ctest --preset $(PRESET)

docs: build
	@echo 'Rewriting the table of models in README.md.'
	@tools/check_readme.sh --fix build/crossload

format:
	@echo 'Laying out all sources with clang-format.'
	@clang-format -i $(sources)

lint: packages
	@echo 'Checking the layout, then clang-tidy: about ten minutes.'
	@clang-format --dry-run --Werror $(sources)
	@cmake --preset release >/dev/null
	@tools/lint.sh build

goldens: python
	@echo 'Making all traces of tests/goldens/ again: about a minute.'
	@for recipes in tests/goldens/*.json; do $(python) tools/record_reference.py --recipes "$$recipes" --output-dir tests/goldens || exit; done
	@git status --short tests/goldens

clean:
	@echo 'Removing builds and the demo; .venv stays.'
	@rm -rf build build-* demo
