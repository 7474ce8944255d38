# libcolorize
#
# Every target installs the Debian packages that it needs and that are missing (as root; else it says what to install,
# and stops). NEED=: leaves that to you.
#
#   make                   builds the library and the command
#   make run               builds, and colors a photograph into out/
#   make check             every test but those that take long; says at its end how long each part took
#   make check-quick       the inner loop: builds, lint, and the tests that are quick; no network
#   make check-long        every test there is: check, the following ones, mutants, check-dist and check-bare
#   make check-reference   compares with PyTorch, Pillow and scikit-image, in an environment of its own
#   make check-fixtures    looks what the fixtures notice, and runs the Swift tests with fixtures of full size
#   make check-convert     reads and writes Keras' and ONNX's files with them, and Caffe's with OpenCV, in an
#                          environment of its own; runs the notebook
#   make check-ray         colors on a local Ray cluster, one of whose workers is killed
#   make check-pythons     installs the wheel for every Python from 3.9 on that pyenv has, and uses it there
#   make docs              makes the site of the documentation in build/site, and checks its links
#   make check-large       the same of the largest networks, at the sizes that they are used at
#   make check-suites      colors the test pictures of other projects, and compares what was read with Pillow
#   make check-faults      lets every call of the C library that the command makes fail once; an hour
#   make check-archive     colors an archive of 2000 pictures, killed ten times
#   make check-sanitizers  runs sessions, films, cancelling and threads in ThreadSanitizer and AddressSanitizer
#   make check-gimp        tests the filter in GIMP, with no display
#   make check-video       colors films with the command, which needs ffmpeg, and with the filter for frei0r
#   make check-bare        `make check` and `make run`, each in a Debian 12 where nothing is installed, as root,
#                          [BARE="PATH ..."] for what git, pip and apt are set up with
#   make mutants           shows that the tests bite
#   make fuzz              looks for files and calls that do harm, [SECONDS=600] for each fuzzer (docs/fuzzing.md)
#   make bench             compares speed and memory with other runtimes' (docs/benchmarks.md), [BENCH="OPTION ..."]
#   make bench-quick       only the networks, only with ONNX Runtime; writes nothing
#   make install           installs what `make` has built; it builds nothing, so that root need not
#   make uninstall         takes that back
#   make gimp              builds the filter for GIMP (examples/gimp) with an installed library
#   make install-gimp      puts it into the user's GIMP, or GIMP_PLUGINS=/usr/lib/gimp/2.0/plug-ins; uninstall-gimp
#   make install-frei0r    builds the filter for frei0r's hosts (examples/frei0r) and puts it into the user's
#   make dist              makes all that is handed out, in dist/: wheel, deb, tarball; with SHA-256 sums and a
#                          CycloneDX list of what is inside. check-dist tries each in a bare Debian 12, as root
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
CMAKE_FILES = $(LIBDIR)/cmake/libcolorize
INSTALLED_CMAKE = $(CMAKE_FILES)/libcolorize-config.cmake $(CMAKE_FILES)/libcolorize-config-version.cmake
INSTALLED_HEADER = $(PREFIX)/include/colorize.h
INSTALLED_COMMAND = $(PREFIX)/bin/libcolorize
INSTALLED_MANUAL = $(patsubst docs/%,$(PREFIX)/share/man/man1/%,$(wildcard docs/*.1))
# Debian has zsh look elsewhere.
ZSH_COMPLETIONS = $(PREFIX)/share/zsh/site-functions
BASH_COMPLETION = $(PREFIX)/share/bash-completion/completions/libcolorize
ZSH_COMPLETION = $(ZSH_COMPLETIONS)/_libcolorize
FISH_COMPLETION = $(PREFIX)/share/fish/vendor_completions.d/libcolorize.fish
INSTALLED_DOC = $(PREFIX)/share/doc/libcolorize
INSTALLED = $(INSTALLED_LIBRARY) $(INSTALLED_LINKS) $(INSTALLED_PC) $(INSTALLED_CMAKE) $(INSTALLED_HEADER) \
  $(INSTALLED_COMMAND) $(INSTALLED_MANUAL) $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION) \
  $(INSTALLED_DOC)/LICENSE $(INSTALLED_DOC)/MODEL_CARD.md

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
# What is named by a plain word is never a file.
.PHONY: $(shell sed -nE 's/^([a-z][a-z -]*):.*/\1/p' Makefile)

all: build

# ---- Set-up ----------------------------------------------------------------------------------------------------------

# What a target needs of Debian is a prerequisite: need-build, need-python, need-check, ... (scripts/install-dependencies).
NEED = scripts/install-dependencies
need-%:
	@$(NEED) $*

# SwiftPM does not link again when only the version script has changed.
build: need-build
	@if [ $(LINK_SCRIPT) -nt $(LIBRARY) ]; then rm -f $(LIBRARY); fi
	$(SWIFT_BUILD)

run: build
	mkdir -p out
	$(COMMAND) -o out/$(notdir $(PHOTOGRAPH)) $(PHOTOGRAPH)
	@echo "$(PHOTOGRAPH) in color: $(CURDIR)/out/$(notdir $(PHOTOGRAPH))"

# ---- Tests -----------------------------------------------------------------------------------------------------------

# Runs other targets one after the other, and says how long each took; ends with the first that fails.
define in_turn
	@begin=$$(date +%s); times=; \
	for part in $(1); do \
	  start=$$(date +%s); \
	  $(MAKE) --no-print-directory $$part || exit; \
	  times="$$times$$(printf '%6d s  %s' $$(($$(date +%s) - start)) $$part)\n"; \
	done; \
	printf "\n$$times%6d s  $@: every test has passed\n" $$(($$(date +%s) - begin))
endef

check: need-check
	$(call in_turn,lint build check-fuzzers check-kernels check-swift check-installation check-abi check-python \
	  check-command check-examples docs check-wheel)

check-long:
	$(call in_turn,check check-reference check-fixtures check-convert check-ray check-pythons check-large check-gimp \
	  check-suites check-video check-faults check-archive check-sanitizers mutants bench-quick check-dist check-bare)

check-quick: need-check
	$(call in_turn,lint build check-kernels quick-swift quick-python quick-command)

# What takes seconds a test is not among them: training, whole published networks, downloads, damaged files.
quick-swift: need-check
	$(SWIFT_TEST) --skip ColorizeTrainingTests --skip PublishedNetworkTests --skip ModelConversionTests

quick-python: need-check stage $(VENV)
	$(ON_STAGE) .venv/bin/python -m pytest -q $(addprefix bindings/python/tests/test_,command.py control.py declarations.py \
	  library.py model.py one_call.py pixels.py session.py signals.py)

quick-command: need-check stage $(VENV)
	$(ON_STAGE) .venv/bin/python -m pytest -q $(addprefix Tests/CommandLine/test_,control.py evaluate.py gamut.py \
	  manual.py outputs.py png.py)

# Those of the files that git, pip and apt are usually set up with that there are.
BARE = $(wildcard /etc/gitconfig $(HOME)/.gitconfig /etc/pip.conf /etc/ssl/certs /etc/apt/apt.conf.d/99*)
check-bare: need-bare
	scripts/check-bare-debian "make check" $(BARE)
	scripts/check-bare-debian "make run" $(BARE)

check-swift: need-check
	$(SWIFT_TEST)

check-kernels: need-check build
	scripts/check-kernels $(BUILD)/release

check-installation: need-check build
	scripts/check-installation

check-abi: need-check stage
	Tests/ABI/run $(STAGE)

check-python: need-check stage $(VENV)
	$(ON_STAGE) .venv/bin/python -m pytest -q bindings/python

check-command: need-check stage $(VENV)
	$(ON_STAGE) .venv/bin/python -m pytest -q Tests/CommandLine

check-examples: need-check stage $(VENV)
	PREFIX=$(STAGE) $(ON_STAGE) .venv/bin/python -m pytest -q Tests/Examples
	.venv/bin/python scripts/check-readme $(STAGE)

check-wheel: wheel
	scripts/check-wheel dist/libcolorize-$(VERSION)-*.whl

stage: build
	rm -rf $(STAGE)
	@$(MAKE) --no-print-directory install PREFIX=$(STAGE) LIBDIR=$(STAGE)/lib DESTDIR=

PYTHON_PACKAGES = Tests/requirements.txt Tests/CommandLine/requirements.txt Tests/GIMP/requirements.txt

$(VENV): $(PYTHON_PACKAGES) | need-python
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install -q $(addprefix -r ,$(PYTHON_PACKAGES))
	touch $@

# Where pip does not know PyTorch's builds for CPUs, PIP_EXTRA_INDEX_URL names their index.
# training/requirements.txt has all of Tests/Reference's, and the classifiers.
$(REFERENCE): training/requirements.txt Tests/Reference/requirements.txt | need-python
	$(PYTHON) -m venv --clear .reference
	.reference/bin/pip install -q -r $<
	touch $@

# With each, what it is given here: the largest networks at small sizes (check-large has the others).
COMPARED = reference colorizers published deoldify ddcolor evaluation hints training classifier
compare-deoldify: OPTIONS = --only deoldify-deep --factors 8
compare-ddcolor: OPTIONS = --only tiny --sizes 256x256
compare-classifier: OPTIONS = build/lite1-start.safetensors
compare-classifier: build/lite1-start.safetensors
$(COMPARED:%=compare-%): compare-%: need-check stage $(REFERENCE)
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_$*.py $(OPTIONS)

build/lite1-start.safetensors: training/classifier_start.py $(REFERENCE)
	.reference/bin/python training/classifier_start.py lite1 --out $@

check-reference:
	$(call in_turn,$(addprefix compare-,$(COMPARED)))

# Whether the committed fixtures can tell right from wrong, and the Swift tests with fixtures of full size, which are too
# large to be committed.
check-fixtures: need-check $(REFERENCE)
	.reference/bin/python Tests/Reference/check_fixtures.py
	rm -rf build/fixtures
	.reference/bin/python Tests/Reference/make_fixtures.py --full build/fixtures
	LIBCOLORIZE_FIXTURES=$(CURDIR)/build/fixtures $(SWIFT_TEST)

CONVERT = .convert/complete
$(CONVERT): bindings/python/tests_convert/requirements.txt | need-python
	$(PYTHON) -m venv --clear .convert
	.convert/bin/pip install -q -r $<
	touch $@

# Other people's formats, and the tests of check-python that need PyTorch or joblib.
check-convert: need-check stage $(CONVERT)
	$(ON_STAGE) .convert/bin/python -m pytest -q bindings/python/tests_convert
	$(ON_STAGE) .convert/bin/python -m pytest -q bindings/python/tests/test_one_call.py

RAY = .ray/complete
$(RAY): bindings/python/tests_ray/requirements.txt | need-python
	$(PYTHON) -m venv --clear .ray
	.ray/bin/pip install -q -r $<
	touch $@

check-ray: need-check stage $(RAY)
	$(ON_STAGE) .ray/bin/python -m pytest -q bindings/python/tests_ray

check-pythons: wheel
	scripts/check-pythons dist/libcolorize-$(VERSION)-*.whl

# The largest networks at the sizes that they are used at.
check-large: need-check stage $(REFERENCE)
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_deoldify.py
	$(ON_STAGE) .reference/bin/python Tests/Reference/check_ddcolor.py

DOCS = .docs/complete
$(DOCS): docs/site/requirements.txt | need-python
	$(PYTHON) -m venv --clear .docs
	.docs/bin/pip install -q -r $<
	touch $@

docs: need-check stage $(DOCS)
	$(ON_STAGE) scripts/make-docs

$(BENCHMARKS): benchmarks/requirements.txt Tests/Reference/requirements.txt | need-python
	$(PYTHON) -m venv --clear .benchmarks
	.benchmarks/bin/pip install -q -r $<
	touch $@

ON_BENCH = $(ON_STAGE):$(CURDIR)/Tests/Reference

bench: need-check stage $(BENCHMARKS)
	$(ON_BENCH) .benchmarks/bin/python benchmarks/run.py $(BENCH)

# Needs nothing that the reference scripts do not need as well.
bench-quick: need-check stage $(REFERENCE)
	$(ON_BENCH) .reference/bin/python benchmarks/run.py --only networks --peers onnxruntime --rounds 3 $(BENCH)

# The filter as a user builds it, with the installed copy; -O1 keeps its functions in valgrind's reports.
check-gimp: need-gimp stage $(VENV)
	PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig $(MAKE) -C examples/gimp BUILD=$(CURDIR)/build/check-gimp CFLAGS="-O1 -g"
	$(ON_STAGE) LIBCOLORIZE_PLUG_IN=$(CURDIR)/build/check-gimp/libcolorize-photo .venv/bin/python -m pytest -q Tests/GIMP

check-suites: need-check stage $(VENV)
	$(ON_STAGE) .venv/bin/python Tests/Suites/check_suites.py

# Films, with ffmpeg.
check-video: need-check need-video stage $(VENV)
	PKG_CONFIG_PATH=$(STAGE)/lib/pkgconfig $(MAKE) -C examples/frei0r BUILD=$(CURDIR)/build/check-frei0r
	$(ON_STAGE) LIBCOLORIZE_FREI0R=$(CURDIR)/build/check-frei0r LIBCOLORIZE_FRAMES=20000 \
	  .venv/bin/python -m pytest -q Tests/Video

# The rest of what check-command tries a few of.
check-faults: need-check stage $(VENV)
	LIBCOLORIZE_FAULTS=all $(ON_STAGE) .venv/bin/python -m pytest -q Tests/CommandLine/test_faults.py

# 2000 pictures, killed ten times; check-command does it with 40 and two.
check-archive: need-check stage $(VENV)
	LIBCOLORIZE_ARCHIVE=2000 $(ON_STAGE) .venv/bin/python -m pytest -q Tests/CommandLine/test_archive.py

check-sanitizers: need-check
	Tests/Sanitizers/run thread
	Tests/Sanitizers/run address

mutants: need-check
	scripts/mutants

SECONDS = 600
fuzz: need-check
	Tests/Fuzz/run $(SECONDS)

# That they compile; without sanitizers, which would have all else built again.
check-fuzzers: need-check build
	LIBCOLORIZE_FUZZ=build $(SWIFT_BUILD) --target fuzz

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
	for file in $(INSTALLED_CMAKE); do \
	  sed -e 's|@TO_PREFIX@|$(shell realpath -ms --relative-to=$(CMAKE_FILES) $(PREFIX))|' -e 's|@SONAME@|$(SONAME)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@MAJOR@|$(firstword $(subst ., ,$(VERSION)))|' \
	    cmake/$$(basename $$file).in > $(DESTDIR)$$file || exit; \
	done
	install -m 644 include/colorize.h $(DESTDIR)$(INSTALLED_HEADER)
	install -m 644 docs/*.1 $(DESTDIR)$(PREFIX)/share/man/man1
	$(COMMAND) --generate-completion-script bash | sed '1{/^#!/d}' > $(DESTDIR)$(BASH_COMPLETION)
	$(COMMAND) --generate-completion-script zsh > $(DESTDIR)$(ZSH_COMPLETION)
	$(COMMAND) --generate-completion-script fish > $(DESTDIR)$(FISH_COMPLETION)
	install -m 644 LICENSE Sources/ColorizeDefaultModel/MODEL_CARD.md $(DESTDIR)$(INSTALLED_DOC)
	@case "$(DESTDIR)$(PREFIX)" in /usr|/usr/local) echo "now run \`ldconfig\` as root: programs then find the library" ;; esac

uninstall:
	rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	rm -df $(DESTDIR)$(INSTALLED_DOC)

# With the library that was installed under PREFIX, or that pkg-config finds.
gimp: need-gimp
	PKG_CONFIG_PATH=$(LIBDIR)/pkgconfig:$$PKG_CONFIG_PATH $(MAKE) -C examples/gimp BUILD=$(CURDIR)/build/gimp

install-gimp uninstall-gimp:
	$(MAKE) -C examples/gimp BUILD=$(CURDIR)/build/gimp $(@:-gimp=)

# Likewise for frei0r's hosts: ffmpeg, melt, kdenlive.
frei0r: need-video
	PKG_CONFIG_PATH=$(LIBDIR)/pkgconfig:$$PKG_CONFIG_PATH $(MAKE) -C examples/frei0r BUILD=$(CURDIR)/build/frei0r

install-frei0r: frei0r
	$(MAKE) -C examples/frei0r BUILD=$(CURDIR)/build/frei0r install

uninstall-frei0r:
	$(MAKE) -C examples/frei0r uninstall

wheel: build $(VENV)
	PATH=$(CURDIR)/.venv/bin:$$PATH scripts/make-wheel $(BUILD)/release dist

# debian/rules packs what `make` builds. A warning of lintian's is an error here.
deb: need-deb
	mkdir -p dist
	rm -f dist/*.deb dist/*.changes dist/*.buildinfo
	dpkg-buildpackage -b -us -uc --changes-file=dist/libcolorize_$(VERSION).changes --changes-option=-udist \
	  --buildinfo-file=dist/libcolorize_$(VERSION).buildinfo --buildinfo-option=-udist
	lintian --allow-root --fail-on error,warning dist/libcolorize_$(VERSION).changes

tarball: build $(VENV)
	PATH=$(CURDIR)/.venv/bin:$$PATH scripts/make-tarball dist

# Only what is handed out is in dist/ afterwards.
dist: clean-dist wheel deb tarball
	rm -f dist/*.changes dist/*.buildinfo
	.venv/bin/python scripts/make-sbom dist
	cd dist && sha256sum -- * > ../build/SHA256SUMS && mv ../build/SHA256SUMS .

clean-dist:
	rm -rf dist
	mkdir -p dist build

check-dist: need-bare dist
	cd dist && sha256sum --check --quiet SHA256SUMS
	scripts/check-wheel --bare dist/libcolorize-$(VERSION)-*.whl
	scripts/check-deb dist
	scripts/check-tarball dist/libcolorize-$(VERSION)-*.tar.xz

# ---- Upkeep ----------------------------------------------------------------------------------------------------------

RUFF_CONFIGURATION = --config bindings/python/pyproject.toml
SHELL_SCRIPTS = $(shell grep -lE '^\#!/bin/(ba)?sh' -r .ci scripts Tests)

format: need-build $(VENV)
	swift format --in-place --recursive Package.swift Sources Tests
	.venv/bin/ruff format $(RUFF_CONFIGURATION)
	.venv/bin/ruff check $(RUFF_CONFIGURATION) --fix

lint: need-check $(VENV)
	swift format lint --strict --recursive Package.swift Sources Tests
	.venv/bin/ruff format $(RUFF_CONFIGURATION) --check
	.venv/bin/ruff check $(RUFF_CONFIGURATION)
	shellcheck $(SHELL_SCRIPTS)
	scripts/mutants --look

clean:
	rm -rf $(BUILD) .venv .reference .convert .docs .ray .benchmarks build dist out
