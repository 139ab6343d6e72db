# The two commands of the README, and what they are made of. Every recipe is a script of .ci/, the same for CI.

.PHONY: up test bench check setup setup-dev clean

up: setup
	@.venv/bin/kubesvc up configs/tutorial

test: setup-dev
	@.ci/test

bench: setup
	@.ci/bench

check: setup-dev
	@.ci/check

setup:
	@.ci/setup

setup-dev:
	@.ci/setup dev

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis .import_linter_cache
