"""accelsim: a cycle-accurate simulator of sparse vision-transformer accelerators."""

__version__ = "0.1.0"
