# Every verb sets up what it needs first: a machine with python3 and make is enough.
SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
# `sam build` looks for python3.13 and pip on the path.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0
ARGS ?=
ENV ?= dev

.PHONY: help setup demo test pr lint style types imports template deploy bench up down

help: ## say what each verb does
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## make .venv and the embedded AWS (done by every other verb)
	@sh scripts/setup

demo: setup ## a shift through the deployed stack, and what it came to
	@$(BIN)/pitboss demo $(ARGS)

test: setup ## every test (ARGS="-k name" for some)
	@$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder $(ARGS)

lint: style types imports template

style: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy
	@sh scripts/check-page

imports: setup
	$(BIN)/lint-imports

template: setup
	$(BIN)/cfn-lint
	$(BIN)/sam validate --region us-east-1

pr: lint test ## what CI runs: every check, then every test

deploy: setup ## build and deploy to an account (ENV=dev or prod)
	@rm -f .aws-sam/fingerprint # what `pitboss up` built is built over
	@machine=$$($(BIN)/python -m workbench.machine $(ENV)) && \
	MACHINE=$$machine $(BIN)/sam build --config-env $(ENV) && \
	$(BIN)/sam deploy --config-env $(ENV) && \
	$(BIN)/pitboss --env $(ENV) migrate

bench: setup ## print every figure the project promises
	@$(BIN)/python -m benchmarks $(ARGS)

up: setup ## start the embedded stack and deploy to it
	@$(BIN)/pitboss up $(ARGS)

down: setup ## stop it
	@$(BIN)/pitboss down $(ARGS)
