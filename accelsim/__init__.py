"""accelsim: a cycle-accurate simulator of vision-transformer accelerators.

    import accelsim as acs

    r = acs.run("vitcod", "deit_tiny_s90", {"engine.lines": 32})
    r.summary, r.layers, r.plot.timeline()

What is here is imported only when it is asked for (docs/api.md); the rooms below are for those who extend it.
"""

__version__ = "0.1.0"

PUBLIC = {
    "Estimate": "accelsim.api.estimates",
    "Picture": "accelsim.api.pictures",
    "Run": "accelsim.api.runs",
    "Table": "accelsim.api.tables",
    "Workload": "accelsim.api.loading",
    "compare": "accelsim.api.sweeps",
    "estimate": "accelsim.api.estimates",
    "load_machine": "accelsim.api.loading",
    "load_results": "accelsim.api.sweeps",
    "load_run": "accelsim.api.runs",
    "load_workload": "accelsim.api.loading",
    "machines": "accelsim.api.loading",
    "run": "accelsim.api.runs",
    "run_sweep": "accelsim.api.sweeps",
    "validate": "accelsim.api.runs",
    "workloads": "accelsim.api.loading",
}
__all__ = ["__version__", *PUBLIC]


def __getattr__(name: str):
    """A name of PUBLIC, imported now: `import accelsim` and `accelsim --help` import nothing that is slow."""
    if name in PUBLIC:
        found = getattr(__import__(PUBLIC[name], fromlist=[name]), name)
        globals()[name] = found
        return found
    raise AttributeError(f"module 'accelsim' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *PUBLIC})
