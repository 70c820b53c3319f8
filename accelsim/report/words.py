"""Names of actions as people say them; a machine's own, which a configuration uses, stay as they are."""

SAID = {
    "clock_tree": "clock tree", "wire_bit": "wires", "file_bit": "register files", "line_control": "control of lines",
    "module_um2": "control", "channel_bit": "channels",
    "mac_dot": "MAC in a dot product", "mac": "MAC", "requant": "requantisation", "register_bit": "registers",
    "mux_bit": "multiplexers", "dram_read_bit": "DRAM reads", "dram_write_bit": "DRAM writes",
    "dram_io_read_bit": "DRAM interface, reads", "dram_io_write_bit": "DRAM interface, writes",
    "dram_activate": "DRAM row activations", "dram_refresh": "DRAM refresh", "dram_refresh_power": "DRAM refresh",
    "dram_standby": "DRAM standby", "dram_precharged_standby": "DRAM standby", "exp": "exponential",
    "dram_open_clock": "DRAM standby, rows open",
}  # fmt: skip
CAPITALS = {"dram": "DRAM", "sram": "SRAM", "mac": "MAC", "dma": "DMA", "lut": "LUT", "int8": "int8"}


def spoken(action: str) -> str:
    """`dram_precharged_standby` is "DRAM standby"; `PART.MEMORY.read` is "reads of PART.MEMORY"."""
    if action in SAID:
        return SAID[action]
    memory, _, way = action.rpartition(".")
    if memory and way in ("read", "write"):
        return f"{way}s of {memory}"
    return " ".join(CAPITALS.get(word, word) for word in action.replace(".", " ").split("_"))
