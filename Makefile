# `make demo` and `make test` are all a new checkout needs: they install what is missing or say what to type.

.PHONY: help demo test build samples bench pictures spark-test spark-bench

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Build, then inspect a bundled capture in which a call reaches a denied country
	@ci/demo

test: ## Everything a change has to pass: format, lints, documentation, tests
	@ci/check

build: ## Build target/release/landfall
	@ci/setup build
	cargo build --release --locked

samples: ## Make sample-captures/ again
	@ci/setup build
	cargo run --locked --example make-samples -- sample-captures

bench: ## Measure speed and memory against cat and tcpdump, on a capture of 1 GB, and look-ups against libmaxminddb
	@ci/setup bench
	cargo build --release --locked
	@benches/run
	@benches/lookup

pictures: ## Make the pictures of the README again
	@tools/pictures/make

spark-test: ## Test scale/spark/: a corpus on Spark executors, and from a stand-in for S3 (sets up Spark and Java: 700 MB)
	@ci/setup spark
	@scale/spark/check

spark-bench: ## Measure scale/spark/ on one executor and on two
	@ci/setup spark
	@scale/spark/check build
	@target/spark-venv/bin/python scale/spark/measure
