"""What is exported of each model beside what torch's own counter finds; then a whole export of DeiT-Base, timed.

    python benchmarks/export.py [models | time] [THREADS] [PICTURES]

models: sizes by name, without weights, as rows of Markdown. time: 256 (PICTURES) pictures of noise as JPEG files,
averaged, pruned to 90 %, auto-encoded, and the operands of attention stored, in a fresh process. Needs the extra torch.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MODELS = (
    "deit_tiny_patch16_224", "deit_small_patch16_224", "deit_base_patch16_224", "vit_base_patch16_224", "levit_128",
    "levit_192", "levit_256", "swin_tiny_patch4_window7_224", "beit_base_patch16_224", "vit_small_patch14_dinov2",
    "vit_base_patch16_clip_224", "transformers/vit", "transformers/deit", "transformers/levit", "transformers/swin",
    "transformers/beit", "transformers/dinov2", "transformers/clip", "pvt_v2_b0", "twins_svt_small", "tiny_vit_5m_224",
    "mobilevit_s", "eva02_tiny_patch14_224", "efficientvit_m0", "maxvit_rmlp_pico_rw_256", "xcit_nano_12_p16_224",
    "cait_xxs24_224", "efficientvit_b0", "mvitv2_tiny", "volo_d1_224",
)  # fmt: skip
SIDE, MODEL = 256, "deit_base_patch16_224"
EXPORT = "import sys; from accelsim.cli import main; sys.argv = ['accelsim'] + sys.argv[1:]; main()"


def models() -> None:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from accelsim.codesign.counter import check_macs, count_macs
    from accelsim.codesign.lowering import lower
    from accelsim.codesign.trace import trace
    from accelsim.codesign.zoo import open_model
    from accelsim.core.errors import InputError

    print("| model | attentions: tokens x tokens | windows | heads | MACs exported | torch's counter | of constants |")
    print("|---|---|---|---|---|---|---|")
    for name in MODELS:
        with torch.device("meta"):
            opened = open_model(name)
            image = torch.zeros(1, *opened.size)
        try:
            steps = lower(trace(opened.model, image))
        except InputError as error:
            print(f"| {name} | stops: {str(error).split(' in a workload')[0]} | | | | | |", flush=True)
            continue
        count = count_macs(opened.model, image)
        check_macs(steps, count)
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            opened.model(image)
        seen = [s.layer for s in steps if s.kind == "attention"]
        columns = (
            listed(f"{a.q_tokens} x {a.kv_tokens}" for a in seen),
            listed(a.windows for a in seen),
            listed(a.heads // a.windows for a in seen),
            f"{sum(s.layer.macs for s in steps):,}",
            f"{counter.get_total_flops() // 2:,}",
            f"{count.constant.total():,}",
        )
        print(f"| {name} | {len(seen)}: {' | '.join(columns)} |", flush=True)


def listed(values) -> str:
    return ", ".join(map(str, dict.fromkeys(values)))


def timed(threads: int = 2, count: int = 256) -> None:
    import numpy as np
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        random = np.random.default_rng(0)
        pictures = Path(folder) / "pictures"
        pictures.mkdir()
        for i in range(count):
            noise = random.integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(pictures / f"{i:03}.jpg")
        options = [
            "--images",
            str(pictures),
            "--limit",
            str(count),
            "--sparsity",
            "0.9",
            "--auto-encoder",
            "0.5",
            "-o",
            f"{folder}/made",
        ]
        environment = dict(os.environ) | {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
        began = time.perf_counter()
        command = [sys.executable, "-c", EXPORT, "export", "--model", MODEL, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        wall, used = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        size = sum(file.stat().st_size for file in Path(folder).glob("made*"))
    print(f"{MODEL}, {count} pictures, {threads} threads")
    print(f"wall {wall:.0f} s, CPU {used.ru_utime + used.ru_stime:.0f} s, peak memory {used.ru_maxrss / 2**20:.2f} GiB")
    print(f"files {size / 2**20:.1f} MiB")


if __name__ == "__main__":
    what = sys.argv[1] if len(sys.argv) > 1 else "models"
    if what not in ("models", "time"):
        raise SystemExit(__doc__)
    models() if what == "models" else timed(*map(int, sys.argv[2:]))
