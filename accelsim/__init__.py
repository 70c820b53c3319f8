"""accelsim: a cycle-accurate simulator of sparse vision-transformer accelerators."""

__version__ = "0.1.0"


def __getattr__(name: str):
    """`accelsim.load_results`, found only when it is asked for: `accelsim --help` imports nothing that is slow."""
    if name == "load_results":
        return __import__("accelsim.sweep.table", fromlist=[name]).load_results
    raise AttributeError(f"module 'accelsim' has no attribute {name!r}")
