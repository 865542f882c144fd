.PHONY: help run build test pictures chaos lint bench lighthouse
.DEFAULT_GOAL := help

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## run the shop with its built-in defaults, on http://localhost:8080
	go run .

build: ## build the static binary, ./saoma
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o saoma .

test: ## run every test: SQLite, MariaDB, Chromium, race detector; installs what it needs on Debian as root
	scripts/test.sh

pictures: ## take all pages as they look now for right; look at what changed in testdata/pages before you commit it
	scripts/test.sh . -run '^TestPages$$' -update

chaos: ## kill, freeze, starve and rush the shop and its databases for a quarter of an hour; SEED=n has a run again
	scripts/chaos.sh $(if $(SEED),-seed $(SEED))

lint: ## check formatting, modules, vet, staticcheck; and vulnerabilities if SAOMA_VULNDB is set
	scripts/lint.sh

bench: ## measure the shop against bare Fiber and the bare database
	go test -run '^$$' -bench . -benchtime 2s . ./handlers/pay

lighthouse: ## have Lighthouse mark the pages that a buyer sees, on a simulated phone; needs Node, and npm's registry once
	scripts/lighthouse.sh
