# Two commands do all the set-up on a fresh Debian machine with Python >= 3.11:
#   make demo   core dependencies only, no compiler; fits two models and prints their summaries
#   make test   all that the tests need; then format, types, layers, tests and doctests
# And one the manual, in docs/_build/html: make docs

PYTHON ?= python3
DEMO_VENV ?= .venv
TEST_VENV ?= .venv-test
LOWEST_VENV ?= .venv-lowest
DIST_VENV ?= .venv-dist
PYTEST_ARGS ?= -n 2
BIN := $(TEST_VENV)/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check

# Debian packages are installed when they are missing and we may install them; otherwise this says which ones.
define apt_install
{ if [ "$$(id -u)" = 0 ]; then as_root=""; else as_root="sudo"; fi; \
  { command -v apt-get && { [ -z "$$as_root" ] || command -v sudo; }; } >/dev/null \
    && $$as_root apt-get update -qq \
    && $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); } \
|| { echo "Please install these Debian packages (or what your system calls them), then run make again: $(1)" >&2; exit 1; }
endef

.PHONY: demo test test-lowest lint docs dist clean venv-tools test-tools test-browser test-install

demo: venv-tools
	test -x $(DEMO_VENV)/bin/python || $(PYTHON) -m venv $(DEMO_VENV)
	rm -rf build/lib build/bdist.*
	$(DEMO_VENV)/bin/python $(PIP_INSTALL) .
	$(DEMO_VENV)/bin/ranef demo

test: lint
	@if [ -n "$$CI" ]; then timeout 60 $(MAKE) --silent test-browser || echo "There is no browser: its test is skipped."; fi
	$(BIN)/pytest $(PYTEST_ARGS) tests --pyargs ranef

lint: test-install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Without a network; warnings are errors. Not from what an earlier build left: cells may have other results now.
docs: test-install
	$(BIN)/python $(PIP_INSTALL) "ranef[docs]"
	rm -rf docs/_build docs/api/generated
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

# The strict editable mode links single files, so that type checkers and import-linter find them: install it anew every
# time, or new files are missing.
test-install: venv-tools test-tools
	test -x $(BIN)/python || $(PYTHON) -m venv $(TEST_VENV)
	rm -rf build
	$(BIN)/python $(PIP_INSTALL) "setuptools>=77" wheel
	@# scikit-sparse 0.5 does not compile with CHOLMOD before 5 (Debian 12 has CHOLMOD 3); 0.4.16 does
	cholmod=$$(sed -n 's/^#define CHOLMOD_MAIN_VERSION *//p' /usr/include/suitesparse/cholmod.h 2>/dev/null); \
	$(BIN)/python $(PIP_INSTALL) --no-build-isolation --config-settings editable_mode=strict --editable . && \
	if [ "$${cholmod:-0}" -ge 5 ]; then limit=""; else limit="scikit-sparse<0.5"; fi; \
	$(BIN)/python $(PIP_INSTALL) "ranef[test]" $${limit:+"$$limit"}

# The oldest dependencies that pyproject.toml admits, without those that check the code and those that need a compiler.
test-lowest: venv-tools
	test -x $(LOWEST_VENV)/bin/python || $(PYTHON) -m venv $(LOWEST_VENV)
	$(PYTHON) tests/lowest.py > $(LOWEST_VENV)/lowest.txt
	$(LOWEST_VENV)/bin/python $(PIP_INSTALL) "setuptools>=77" wheel -r $(LOWEST_VENV)/lowest.txt
	rm -rf build/lib build/bdist.*
	$(LOWEST_VENV)/bin/python $(PIP_INSTALL) --no-build-isolation --no-deps .
	$(LOWEST_VENV)/bin/pytest $(PYTEST_ARGS) -m "not slow" --ignore tests/sklearn tests
	@# scikit-learn 1.6 checks estimators with array-api-compat, where that is installed, and asks SciPy for it
	SCIPY_ARRAY_API=1 $(LOWEST_VENV)/bin/pytest $(PYTEST_ARGS) -m "not slow" tests/sklearn

# sdist and wheel, whose metadata and README are checked.
dist: venv-tools
	test -x $(DIST_VENV)/bin/python || $(PYTHON) -m venv $(DIST_VENV)
	$(DIST_VENV)/bin/python $(PIP_INSTALL) build twine
	rm -rf dist build/lib build/bdist.*
	$(DIST_VENV)/bin/python -m build
	$(DIST_VENV)/bin/twine check --strict dist/*

# Debian has the venv module without ensurepip until python3-venv is installed.
venv-tools:
	@$(PYTHON) -c "import ensurepip, venv" 2>/dev/null || $(call apt_install,python3 python3-venv)

# Compiler, Python headers and SuiteSparse, to build scikit-sparse.
test-tools:
	@{ command -v gcc >/dev/null \
	  && $(PYTHON) -c "import os, sysconfig; os.stat(os.path.join(sysconfig.get_path('include'), 'Python.h'))" 2>/dev/null \
	  && echo '#include <suitesparse/cholmod.h>' | gcc -E - >/dev/null 2>&1; } \
	|| $(call apt_install,gcc libc6-dev python3-dev libsuitesparse-dev)

# A browser, in which a test opens a report. It is large: in continuous integration it is installed where that works within
# a minute, and nobody else is asked for it.
test-browser:
	@command -v chromium || command -v chromium-browser || command -v google-chrome || $(call apt_install,chromium)

clean:
	rm -rf $(DEMO_VENV) $(TEST_VENV) $(LOWEST_VENV) $(DIST_VENV) build dist docs/_build docs/api/generated .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
