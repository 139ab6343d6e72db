# The two commands of the README, and what they are made of. Every recipe is a script of .ci/, the same for CI.

.PHONY: help up test bench check stress test-latest test-cluster test-helm bench-cluster conformance update derive setup setup-dev clean

help:
	@grep -E '^# make ' Makefile | sed 's/^# //'

# make up            the tutorial's manifests on a cluster of this machine
up: setup
	@.ci/path
	@.venv/bin/kubesvc up configs/tutorial

# make test          linter, types, import contracts and all tests
test: setup-dev
	@.ci/test

# make bench         measurements beside other proxies and name servers
bench: setup
	@.ci/bench

# make check         linter, types and import contracts alone
check: setup-dev
	@.ci/check

# make stress        all tests beside two busy loops per core
stress: setup-dev
	@.ci/stress

# make test-latest   all tests with the newest releases; LOWEST=1: with the oldest that are allowed (Python 3.11)
test-latest: setup-dev
	@.ci/test-latest $(if $(LOWEST),--lowest)

# make test-cluster  proxy and name server beside kube-proxy and CoreDNS on a real API server; root, .ci/build-cluster
test-cluster: setup-dev
	@.ci/test-cluster

# make test-helm     Helm 3 and 4 with charts of all shapes; .ci/build-cluster FOLDER helm3 helm4
test-helm: setup-dev
	@.ci/test-helm

# make bench-cluster measurements there
bench-cluster: setup
	@.ci/bench-cluster

# make conformance   Kubernetes' own end-to-end suite on a cluster, with a report; root, .ci/build-cluster
conformance: setup
	@.ci/conformance

# make update        renews the lock of requirements/
update: setup-dev
	@.ci/update

setup:
	@.ci/setup

setup-dev:
	@.ci/setup dev

# make derive        writes again what is derived from Kubernetes' own sources, for the kinds that there are; needs Go
derive: setup
	@.ci/derive

# make clean         removes what the others have made here
clean:
	rm -rf .venv .venvs .mypy_cache .ruff_cache .hypothesis .import_linter_cache
