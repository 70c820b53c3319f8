"""Configuration: a machine's YAML file and overrides, strictly checked, become an Arch. Knows no accelerator."""

from accelsim.config.arch import Arch
from accelsim.config.load import load_arch
from accelsim.config.schema import MachineSchema, Part

__all__ = ["Arch", "MachineSchema", "Part", "load_arch"]
