# libcolorize
#
#   make                   builds the library and the command
#   make run               installs what is missing, builds, and colours a photograph into out/
#   make check             installs what is missing and runs every test
#   make check-reference   compares with PyTorch, Pillow and scikit-image in full, in an environment of its own
#   make mutants           shows that the tests bite
#   make fuzz              looks for model files that do harm, [SECONDS=600] for each container
#   make bench             compares speed and memory with other runtimes' (docs/benchmarks.md), [BENCH="OPTION ..."]
#   make bench-quick       only the networks, only with ONNX Runtime; writes nothing
#   make install           installs what `make` has built; it builds nothing, so that root need not
#   make uninstall         takes that back
#   make gimp              builds the filter for GIMP (examples/gimp) with an installed library
#   make install-gimp      puts it into the user's GIMP, or GIMP_PLUGINS=/usr/lib/gimp/2.0/plug-ins; uninstall-gimp
#   make check-gimp        tests it in GIMP, with no display (scripts/install-dependencies --with gimp)
#   make wheel             makes a Python wheel with the library inside, in dist/
#   make deb               makes Debian packages, in dist/; check-deb tries them in a bare Debian 12, as root
#   make format, lint      puts the sources into the formatters' shape, or says where they are not
#   make clean

PREFIX = /usr/local
LIBDIR = $(PREFIX)/lib
DESTDIR =

PHOTOGRAPH = examples/photos/camera.png
PYTHON = python3
# SwiftPM's folder. Without the option, SwiftPM would let the library look for others beside itself.
BUILD = .build
SWIFT_BUILD = swift build --scratch-path $(BUILD) -c release --disable-local-rpath
# Without the last option, tests would be built with other flags, and so would all else, twice.
SWIFT_TEST = swift test --scratch-path $(BUILD) -c release --disable-local-rpath --disable-testable-imports

LIBRARY = $(BUILD)/release/libcolorize.so
COMMAND = $(BUILD)/release/libcolorize
LINK_SCRIPT = Sources/ColorizeLinkage/libcolorize.map

# The header says which version this is. The major number is in the soname.
VERSION := $(shell sed -n 's/^\#define COLORIZE_VERSION_[A-Z]* //p' include/colorize.h | paste -sd .)
SONAME := libcolorize.so.$(firstword $(subst ., ,$(VERSION)))

# What is installed, and where; the same list serves to take it back.
INSTALLED_LIBRARY = $(LIBDIR)/libcolorize.so.$(VERSION)
INSTALLED_LINKS = $(LIBDIR)/$(SONAME) $(LIBDIR)/libcolorize.so
INSTALLED_PC = $(LIBDIR)/pkgconfig/libcolorize.pc
INSTALLED_HEADER = $(PREFIX)/include/colorize.h
INSTALLED_COMMAND = $(PREFIX)/bin/libcolorize
INSTALLED_MANUAL = $(PREFIX)/share/man/man1/libcolorize.1
INSTALLED_DOC = $(PREFIX)/share/doc/libcolorize
INSTALLED = $(INSTALLED_LIBRARY) $(INSTALLED_LINKS) $(INSTALLED_PC) $(INSTALLED_HEADER) \
  $(INSTALLED_COMMAND) $(INSTALLED_MANUAL) $(INSTALLED_DOC)/LICENSE $(INSTALLED_DOC)/MODEL_CARD.md

# A file inside says that an environment is complete: the folder is there as soon as it is begun.
VENV = .venv/complete
REFERENCE = .reference/complete
BENCHMARKS = .benchmarks/complete

# What the tests run against: a copy, installed here.
STAGE = $(CURDIR)/build/stage
ON_STAGE = LIBCOLORIZE_LIBRARY=$(STAGE)/lib/$(SONAME) LIBCOLORIZE_COMMAND=$(STAGE)/bin/libcolorize \
  LIBCOLORIZE_TRAINING_PROBE=$(abspath $(BUILD))/release/training-probe \
  PYTHONPATH=$(CURDIR)/bindings/python/src

.NOTPARALLEL:
.PHONY: all build run check check-swift check-kernels check-installation check-abi check-python \
  check-command check-examples check-wheel check-reference check-gimp mutants fuzz bench bench-quick stage \
  install uninstall gimp install-gimp uninstall-gimp wheel deb check-deb format lint clean need-check

all: build

# SwiftPM does not link again when only the version script has changed.
build:
	@if [ $(LINK_SCRIPT) -nt $(LIBRARY) ]; then rm -f $(LIBRARY); fi
	$(SWIFT_BUILD)

run:
	scripts/install-dependencies
	$(MAKE) --no-print-directory build
	mkdir -p out
	$(COMMAND) -o out/$(notdir $(PHOTOGRAPH)) $(PHOTOGRAPH)
	@echo "$(PHOTOGRAPH) in colour: $(CURDIR)/out/$(notdir $(PHOTOGRAPH))"

# ---- Tests -----------------------------------------------------------------------------------------------------------

# What is missing for them is installed first; without root this says what to install, and stops.
check: need-check lint build check-kernels check-swift check-installation check-abi check-python check-command check-examples \
  check-wheel
	@echo "every test has passed"

need-check:
	@scripts/install-dependencies --with check

check-swift:
	$(SWIFT_TEST)

check-kernels: build
	scripts/check-kernels $(BUILD)/release

check-installation: build
	scripts/check-installation

check-abi: stage
	Tests/ABI/run $(STAGE)

check-python: stage $(VENV)
	$(ON_STAGE) .venv/bin/python -m pytest -q bindings/python

check-command: stage $(VENV)
	$(ON_STAGE) .venv/bin/python -m pytest -q Tests/CommandLine

check-examples: stage $(VENV)
	PREFIX=$(STAGE) $(ON_STAGE) .venv/bin/python -m pytest -q Tests/Examples
	.venv/bin/python scripts/check-readme $(STAGE)

check-wheel: wheel
	scripts/check-wheel dist/libcolorize-$(VERSION)-*.whl

stage: build
	rm -rf $(STAGE)
	@$(MAKE) --no-print-directory install PREFIX=$(STAGE) LIBDIR=$(STAGE)/lib DESTDIR=

PYTHON_PACKAGES = Tests/requirements.txt Tests/CommandLine/requirements.txt Tests/GIMP/requirements.txt

$(VENV): $(PYTHON_PACKAGES)
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install -q $(addprefix -r ,$(PYTHON_PACKAGES))
	touch $@

# Where pip does not know PyTorch's builds for CPUs, PIP_EXTRA_INDEX_URL names their index.
$(REFERENCE): Tests/Reference/requirements.txt
	$(PYTHON) -m venv --clear .reference
	.reference/bin/pip install -q -r $<
	touch $@

check-reference: stage $(REFERENCE)
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_reference.py
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_colorizers.py
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_published.py
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_ddcolor.py
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_evaluation.py
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_training.py
	.reference/bin/python Tests/Reference/check_fixtures.py
	rm -rf build/fixtures
	.reference/bin/python Tests/Reference/make_fixtures.py --full build/fixtures
	LIBCOLORIZE_FIXTURES=$(CURDIR)/build/fixtures $(SWIFT_TEST)

$(BENCHMARKS): benchmarks/requirements.txt Tests/Reference/requirements.txt
	$(PYTHON) -m venv --clear .benchmarks
	.benchmarks/bin/pip install -q -r $<
	touch $@

ON_BENCH = $(ON_STAGE):$(CURDIR)/Tests/Reference

bench: stage $(BENCHMARKS)
	$(ON_BENCH) .benchmarks/bin/python benchmarks/run.py $(BENCH)

# Needs nothing that the reference scripts do not need as well.
bench-quick: stage $(REFERENCE)
	$(ON_BENCH) .reference/bin/python benchmarks/run.py --only networks --peers onnxruntime --rounds 3 $(BENCH)

# The filter as a user builds it, with the installed copy; -O1 keeps its functions in valgrind's reports.
check-gimp: stage $(VENV)
	scripts/install-dependencies --with gimp
	PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig $(MAKE) -C examples/gimp BUILD=$(CURDIR)/build/check-gimp CFLAGS="-O1 -g"
	$(ON_STAGE) LIBCOLORIZE_PLUG_IN=$(CURDIR)/build/check-gimp/libcolorize-photo .venv/bin/python -m pytest -q Tests/GIMP

mutants:
	scripts/mutants

SECONDS = 600
fuzz:
	Tests/Fuzz/run $(SECONDS)

# ---- Installing ------------------------------------------------------------------------------------------------------

install:
	@case "$(PREFIX)$(LIBDIR)" in /*) ;; *) echo "PREFIX and LIBDIR must be absolute paths" >&2; exit 1 ;; esac
	@if [ ! -e $(LIBRARY) ] || [ ! -e $(COMMAND) ]; then echo "there is nothing to install yet: run \`make\`" >&2; exit 1; fi
	install -d $(addprefix $(DESTDIR),$(sort $(dir $(INSTALLED))))
	install -m 755 $(LIBRARY) $(DESTDIR)$(INSTALLED_LIBRARY)
	strip --strip-unneeded $(DESTDIR)$(INSTALLED_LIBRARY)
	for link in $(INSTALLED_LINKS); do ln -sfn $(notdir $(INSTALLED_LIBRARY)) $(DESTDIR)$$link; done
	install -m 755 $(COMMAND) $(DESTDIR)$(INSTALLED_COMMAND)
	strip $(DESTDIR)$(INSTALLED_COMMAND)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR))|' \
	  -e 's|@VERSION@|$(VERSION)|' pkgconfig/libcolorize.pc.in > $(DESTDIR)$(INSTALLED_PC)
	install -m 644 include/colorize.h $(DESTDIR)$(INSTALLED_HEADER)
	install -m 644 docs/libcolorize.1 $(DESTDIR)$(INSTALLED_MANUAL)
	install -m 644 LICENSE Sources/ColorizeDefaultModel/MODEL_CARD.md $(DESTDIR)$(INSTALLED_DOC)
	@case "$(DESTDIR)$(PREFIX)" in /usr|/usr/local) echo "now run \`ldconfig\` as root: programs then find the library" ;; esac

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rm -df $(DESTDIR)$(INSTALLED_DOC)

# With the library that was installed under PREFIX, or that pkg-config finds.
gimp:
	PKG_CONFIG_PATH=$(LIBDIR)/pkgconfig:$$PKG_CONFIG_PATH $(MAKE) -C examples/gimp BUILD=$(CURDIR)/build/gimp

install-gimp uninstall-gimp:
	$(MAKE) -C examples/gimp BUILD=$(CURDIR)/build/gimp $(@:-gimp=)

wheel: build $(VENV)
	PATH=$(CURDIR)/.venv/bin:$$PATH scripts/make-wheel $(LIBRARY) dist

# debian/rules packs what `make` builds. A warning of lintian's is an error here.
deb:
	scripts/install-dependencies --with deb
	mkdir -p dist
	rm -f dist/*.deb dist/*.changes dist/*.buildinfo
	dpkg-buildpackage -b -us -uc --changes-file=dist/libcolorize_$(VERSION).changes --changes-option=-udist \
	  --buildinfo-file=dist/libcolorize_$(VERSION).buildinfo --buildinfo-option=-udist
	lintian --allow-root --fail-on error,warning dist/libcolorize_$(VERSION).changes

check-deb: deb
	scripts/install-dependencies --with bare
	scripts/check-deb dist

# ---- Upkeep ----------------------------------------------------------------------------------------------------------

RUFF_CONFIGURATION = --config bindings/python/pyproject.toml
SHELL_SCRIPTS = $(shell grep -lE '^\#!/bin/(ba)?sh' -r .ci scripts Tests)

format: $(VENV)
	swift format --in-place --recursive Package.swift Sources Tests
	.venv/bin/ruff format $(RUFF_CONFIGURATION)
	.venv/bin/ruff check $(RUFF_CONFIGURATION) --fix

lint: $(VENV)
	swift format lint --strict --recursive Package.swift Sources Tests
	.venv/bin/ruff format $(RUFF_CONFIGURATION) --check
	.venv/bin/ruff check $(RUFF_CONFIGURATION)
	shellcheck $(SHELL_SCRIPTS)
	scripts/mutants --look

clean:
	rm -rf $(BUILD) .venv .reference .benchmarks build dist out
