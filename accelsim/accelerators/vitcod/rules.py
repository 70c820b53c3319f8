"""What sizes of ViTCoD's parts owe each other."""

from accelsim.config import Arch

READERS = (  # port -> the buffer that is read through it
    ("decoder.port_bytes", "act_gb0", "banks", "act_gb0", "port_bytes"),
    ("denser.q_port_bytes", "sparser", "banks", "sparser", "bank_bytes"),
    ("walker.word_bytes", "index_buffer", "banks", "index_buffer", "port_bytes"),
)


def port_rule(arch: Arch) -> str | None:
    """No reader takes more than its buffer's banks give."""
    for name, one, banks, other, width in READERS:
        part, port = name.split(".")
        found, most = arch.parts[part][port], arch.parts[one][banks] * arch.parts[other][width]
        if found > most:
            return (
                f"{name} is {found} bytes a cycle, but {one}.{banks} x {other}.{width} gives {most}; set it to {most} "
                "or less, or the banks wider"
            )
    return None


def mask_rule(arch: Arch) -> str | None:
    """The bits of scores of dense columns come as the scores do, through half of a bank's port."""
    found, index = arch.parts["softmax"]["lanes"], arch.parts["index_buffer"]
    most = 4 * index["port_bytes"] if index["banks"] > 1 else index["port_bytes"]
    if found <= most:
        return None
    return (
        f"softmax.lanes is {found}, but a port of the index buffer brings the mask of {most} scores a cycle; make "
        "index_buffer.port_bytes larger"
    )


def sums_rule(arch: Arch) -> str | None:
    """In dense layers every multiplier has a sum that grows and one that leaves."""
    found, least = arch.parts["engine"]["row_values"], 2 * arch.parts["engine"]["macs"]
    if found >= least:
        return None
    return f"engine.row_values is {found}, but {least} are needed, two for each of engine.macs; make it larger"
