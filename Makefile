# What can be done here, one line each: make help. Needs Go, git and make; the rest is fetched by go or apt-get when it is missing.
SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VERSION     ?= $(shell packaging/version)
STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
PURE        = ./storage ./agent/event ./agent/desk ./agent/indicator
HOST        = $(shell go env GOHOSTARCH)
BINARIES    = dist/deskbell-linux-armv6 dist/deskbell-linux-arm64 dist/deskbell-linux-amd64
DURATION    = 10m
SEED        = 0
CUTS        = 50
OLDER       = 0.0.1
DEBS        = armhf:armv6 arm64:arm64 amd64:amd64

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: ## show the whole thing: demo, with nothing installed
	go run ./cmd/deskbell demo

test: ## every test, with the race detector
	@packaging/need gcc=gcc,libc6-dev mosquitto strace chromium=chromium,fonts-dejavu-core
	go test -race -timeout 15m ./...
	go test -C packaging/bench -race -timeout 5m ./...
	go test -C packaging -timeout 5m ./...

check: ## format, vet, staticcheck, the rooms' imports, 32 bit, other systems
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "gofmt would change these files" >&2; exit 1; }
	go vet ./...
	go vet -C packaging/bench ./...
	go vet -C packaging ./...
	GOOS=windows go vet ./...
	GOOS=darwin go vet ./...
	GOOS=linux GOARCH=arm GOARM=6 CGO_ENABLED=0 go vet ./...
	go run $(STATICCHECK) ./...
	cd packaging/bench && go run $(STATICCHECK) ./...
	go test -run TestHouse -count 1 ./agent
	GOARCH=386 CGO_ENABLED=0 go test -timeout 15m $(PURE)

cross: $(BINARIES) ## the binaries for linux arm (ARMv6), arm64 and amd64, in dist/

dist/deskbell-linux-%: FORCE
	GOFLAGS= CGO_ENABLED=0 GOOS=linux GOARCH=$(subst armv6,arm,$*) GOARM=6 GOARM64=v8.0 GOAMD64=v1 \
		go build -trimpath -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/deskbell

deb: cross ## the Debian packages for armhf, arm64 and amd64, in dist/
	for d in $(DEBS); do packaging/build '$(VERSION)' $${d%:*} dist/deskbell-linux-$${d#*:}; done

packages: cross ## all packages: .deb for the three, .rpm and .apk for arm64 and amd64; SHA256SUMS, SBOM; in dist/
	packaging/all '$(VERSION)'

lint-packages: packages ## lintian, and what the scripts do: installed, upgraded, removed in a tree (root)
	packaging/lint '$(VERSION)'

reproducible: ## all packages from two clones, in different places and settings: the same bytes
	packaging/reproducible

reproducible-short: ## the same for two of them
	packaging/reproducible --short

lab-pi: dist/deskbell-linux-arm64 ## an emulated Raspberry Pi: events drive real pins, rhythms within 20 %, off after a crash
	packaging/lab/pi/run $<

lab-button: dist/deskbell-linux-arm64 ## an emulated board: a button on a real gpiochip, pressed from outside
	packaging/lab/button/run $<

lab-power: dist/deskbell-linux-arm64 ## the plug of an emulated Pi pulled at 50 random moments: nothing acknowledged is lost (CUTS=5 SEED=7 BREAK=sync)
	packaging/lab/power/run $< -cuts $(CUTS) -seed $(SEED) -break '$(BREAK)'

lab-power-short: ## the same with 5 cuts, one in each phase
	@$(MAKE) --no-print-directory lab-power CUTS=5

lab-acme: ## certificates by ACME, from pebble, the test server of Let's Encrypt
	go vet -C packaging/acme ./...
	go test -C packaging/acme -count 1 -timeout 5m .

lab-tunnel: ## the example of a tunnel: real sshd, and nginx before it (root)
	@packaging/need sshd=openssh-server nginx=nginx-light
	go test -C packaging/acme -count 1 -timeout 5m ./tunnel

lab-arm64: dist/deskbell-linux-arm64 ## for a release: the package in an emulated arm64 Debian, a lamp on its real gpiochip (root, 15 minutes)
	packaging/build '$(VERSION)' arm64 $<
	packaging/lab/arm64/run 'dist/deskbell_$(VERSION)_arm64.deb'

lab-systemd: dist/deskbell-linux-$(HOST) ## the package in a real Debian 12 systemd (root)
	packaging/build '$(VERSION)' $(HOST) $<
	packaging/build '$(OLDER)' $(HOST) $<
	packaging/lab/systemd/run 'dist/deskbell_$(VERSION)_$(HOST).deb' 'dist/deskbell_$(OLDER)_$(HOST).deb' $(SCRIPTS)

lab-openrc: dist/deskbell-linux-$(HOST) ## the binary as a service of a real OpenRC (root)
	packaging/lab/openrc/run $<

bench: ## what deskbell must reach beside the least program that keeps its promise, 10 minutes (root: all rows)
	@packaging/need mosquitto strace
	go build -C packaging/bench -o ../../dist/bench .
	dist/bench $(BENCH)

bench-short: ## the same within 90 seconds: that it can be measured, not how it is
	@$(MAKE) --no-print-directory bench BENCH=--short

soak: ## load and faults mixed by a seed; nothing may be lost: make soak DURATION=30m SEED=7 (root: full disks too)
	@packaging/need mosquitto strace
	go build -C packaging/bench -o ../../dist/soak ./soak
	dist/soak --root . --duration $(DURATION) --seed $(SEED) $(SOAK)

soak-short: ## the same for a minute
	@$(MAKE) --no-print-directory soak DURATION=1m

clean: ## remove dist/
	rm -rf dist

.PHONY: help run test check cross deb packages lint-packages reproducible reproducible-short \
	lab-pi lab-button lab-power lab-power-short lab-arm64 lab-acme lab-tunnel lab-systemd lab-openrc bench bench-short soak soak-short clean FORCE
