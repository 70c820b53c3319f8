"""How large the machines may be that are compared with another on equal area.

    python -m benchmarks.equal_area

Prints for every machine on equal area, and for those over which networks grow (`crossover`), the area that it has, the
area that it may have, and the sizes with which it does: to be set in the machine's paper.yaml, and for what is a
configuration there (`systolic_area`) in arch_configs, in its variant `_flat`, too. To be run whenever areas change.
"""

import argparse

from accelsim.reproduce.equal_area import LEAST, area, largest, subjects
from accelsim.reproduce.paper import load, with_studies


def main() -> None:
    """Print."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for study in (load(name).study for name in with_studies()):
        if found := subjects(study):
            most = area(study.machine)
            print(f"{study.machine}: {most:.3f} mm2; equal is {LEAST:g} to 1 of it")
        for name, machine, grows in found:
            settings, size = largest(machine, grows, most)
            now, named = area(machine), " ".join(settings)
            print(f"  {name}: is {now:.3f} ({now / most:.3f}), may be {size:.3f} ({size / most:.3f}) with {named}")


if __name__ == "__main__":
    main()
