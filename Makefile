# Everything runs in .venv, which each target makes ready first; `make help` tells the rest.
PYTHON ?= python3
ARGS ?=

# Beside a system's ROS the messages lie in the colcon workspace.
WORKSPACE = $(if $(ROS_DISTRO),. ros_ws/install/local_setup.sh &&)

.PHONY: help setup demo test clean

help:
	@echo "make demo    drive a simulated robot among people with all nodes, write a report (make demo ARGS='--help')"
	@echo "make test    run all tests (make test ARGS='tests/unit' runs some)"
	@echo "make setup   only make .venv ready; the other targets do it themselves"
	@echo "make clean   remove .venv and everything built"
	@echo ""
	@echo "PYTHON=python3.12           the interpreter to build .venv with, 3.10 to 3.13"
	@echo "TORCH_INDEX_URL=https://download.pytorch.org/whl/cpu   take torch without CUDA"

setup:
	@$(PYTHON) ros_ws/setup/install.py

demo: setup
	@$(WORKSPACE) .venv/bin/equi demo $(ARGS)

test: setup
	@$(WORKSPACE) .venv/bin/python tests/run.py $(ARGS)

clean:
	rm -rf .venv build ros_ws/build ros_ws/install ros_ws/log equi_nodes.egg-info
