"""Hardware twins of the systolic array's components (see docs/rtl.md)."""
