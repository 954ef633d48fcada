# `make demo` and `make test` are all one needs; `make help` lists the rest.
SHELL := /bin/bash
.DEFAULT_GOAL := help
RELEASE := .build-release
MILLRACE := $(RELEASE)/release/millrace
STRICT := --explicit-target-dependency-import-check error

.PHONY: help setup setup-tests build demo test lint test-kill bench up-services down-services clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## install what is missing of the system's packages (says what; asks nothing)
	@Scripts/setup.sh

setup-tests: ## the same, and what the tests have beside
	@Scripts/setup.sh tests

build: setup ## build the release executable
	@Scripts/swift.sh build -c release --static-swift-stdlib --product millrace --scratch-path $(RELEASE)
	@echo "built $(MILLRACE)"

demo: build ## run sample orders on real photographs, and watch
	@$(MILLRACE) demo

test: setup-tests ## format, rings, build with strict imports, all tests
	@Scripts/lint.sh
	@Scripts/swift.sh build --build-tests $(STRICT)
	@PATH="$(CURDIR)/.build-noida/bin:$$PATH" Scripts/test.sh

test-kill: setup-tests ## the kill test with more seeds (SEEDS=1-100)
	@Scripts/swift.sh build --build-tests
	@KILL_SEEDS=$(or $(SEEDS),1-100) Scripts/swift.sh test --skip-build --disable-xctest --filter KillTests

lint: ## format and rings only
	@Scripts/lint.sh

bench: build ## the figures in Documentation/Benchmarks.md
	@Scripts/bench.sh $(MILLRACE)

up-services: ## Apache Kafka and PostgreSQL in containers (compose.yaml), where docker or podman is there
	@if command -v docker >/dev/null; then docker compose up -d --wait; \
	elif command -v podman >/dev/null; then podman compose up -d; \
	else echo "up-services: neither docker nor podman is here: install one, or run Kafka and PostgreSQL by yourself" >&2; exit 1; fi

down-services: ## stops them; what they keep stays
	@if command -v docker >/dev/null; then docker compose down; else podman compose down; fi

clean: ## remove what was built
	rm -rf .build $(RELEASE)
