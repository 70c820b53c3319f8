"""What of Sanger's units follows from buffers and options, and which sizes contradict each other."""

from accelsim.config.arch import Arch


def port_bytes(arch: Arch, part: str) -> int:
    """Bytes a cycle that all banks of a memory deliver."""
    return arch.parts[part]["banks"] * arch.parts[part]["port_bytes"]


def made_of(arch: Arch, part: str) -> dict[str, int | str]:
    """What of a part follows from other parts and from options."""
    operand = int(arch.options["operand_bits"]) // 8
    kv, q = port_bytes(arch, "kv_buffer"), port_bytes(arch, "q_buffer")
    return {
        "array": {"kv_port_bytes": kv, "q_port_bytes": q, "operand_bytes": operand},
        "merge": {"operand_bytes": operand},
        # weights lie as they enter; features of a token are turned
        "dense": {"left_bytes": q, "top_bytes": kv, "left_word": arch.parts["q_buffer"]["port_bytes"]},
        "predictor": {"port_bytes": port_bytes(arch, "predict_buffer")},
    }.get(part, {})


def weight_rule(arch: Arch) -> str | None:
    """In dense layers a feature's weight enters every cycle, and beside it what belongs to a tile's features."""
    found, rows = port_bytes(arch, "kv_buffer"), arch.parts["array"]["rows"]
    if found >= 2 * rows:
        return None
    return (
        f"kv_buffer.banks x kv_buffer.port_bytes is {found}, but {rows} weights a cycle and the constants of as many "
        f"features need {2 * rows}; make them larger, or array.rows smaller"
    )


def choice_rule(arch: Arch) -> str | None:
    """Every PE of a row takes another port."""
    pes, ports = arch.parts["array"]["pes"], arch.parts["array"]["ports"]
    if pes <= ports:
        return None
    return f"array.pes is {pes}, but a row has only {ports} ports to choose from; make array.ports at least {pes}"
