"""What `validate` asks of ViTCoD beyond what it asks of any machine."""

from accelsim.accelerators.vitcod.checks.judge import ViTCoDJudge

__all__ = ["ViTCoDJudge"]
