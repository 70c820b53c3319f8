"""The longest path of a whole design, with no borders between its modules, in gates and FO4 (accelsim/rtl/timing.py).

    accelsim rtl MACHINE -o DIR --top TOP [--set NAME=VALUE]...
    python benchmarks/rtl_path.py DIR TOP

For small designs: yosys maps all instances, not one of each kind. Memories that put out in the next cycle what they are
asked for end and begin paths; arrays of at most 16 words are flip-flops, all others memories.
"""

import sys
import tempfile
from pathlib import Path

from accelsim.rtl.synthesis import FEW, MAP, OPTIMISE, yosys
from accelsim.rtl.timing import genlib, timed
from accelsim.rtl.write import FILE_LIST


def main() -> None:
    folder, top = Path(sys.argv[1]), sys.argv[2]
    files = (folder / FILE_LIST).read_text().split()
    with tempfile.TemporaryDirectory(dir=folder) as name:
        out = Path(name).name
        (folder / out / "gates.genlib").write_text(genlib())
        yosys(
            folder,
            f"read_slang -j 1 --top {top} {' '.join(files)}; hierarchy -top {top}; proc; flatten; opt_expr; opt_clean; "
            f"rename {top} unit; {OPTIMISE}; memory_dff; memory_collect; memory_map t:$mem_v2 r:SIZE<={FEW} %i; "
            f"{OPTIMISE}; design -save words"
            + MAP.replace("gates.genlib", f"{out}/gates.genlib").replace("mapped.json", f"{out}/mapped.json"),
            top,
        )
        found = timed((folder / out / "mapped.json").read_text(), "unit")
    sys.stdout.write(f"{top}: {len(found.path)} gates, {found.fo4:.0f} FO4, without borders between modules\n")


if __name__ == "__main__":
    main()
