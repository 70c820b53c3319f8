"""Bugs to seed on the way of values through DRAM and buffers, each of which what DRAM holds in the end must show."""

from accelsim.rtl.mutations import Mutation

VALUES_MUTATIONS = tuple(
    Mutation(module, module, *row)
    for module, *row in (
        ("values_dram", "what is written lies a byte too far", "(later[DELAY-1].address + n)] <= stored",
         "(later[DELAY-1].address + n + 1)] <= stored"),
        ("values_dram", "some writes are lost", "found.write && answers && !rst}",
         "found.write && answers && !found.address[7] && !rst}"),
        ("values_dram", "a reply is of the youngest burst", "found = under_way[{from, oldest[from]}];",
         "found = under_way[{from, newest[from] - 1'b1}];"),
        ("values_load_buffer", "a load's last byte stays what it was", "n < int'(place.bytes);",
         "n < int'(place.bytes) - 1;"),
        ("values_load_buffer", "rows follow each other without room between", "n / place.row * place.pitch",
         "n / place.row * place.row"),
        ("values_load_buffer", "a load goes where the one before lies", "assign place = places[number];",
         "assign place = places[number == 0 ? number : number - 1'b1];"),
        ("values_store_buffer", "a command's results go where the next one's do", "32'hffffffff, commands[command]}",
         "32'hffffffff, commands[command+1'b1]}"),
        ("values_store_buffer", "rows of a step lie side by side", "n / place.columns * place.pitch",
         "n / place.columns * place.columns"),
        ("values_store_buffer", "DMA reads a byte too far", "ring[around(sent+n)]", "ring[around(sent+n+1)]"),
        ("values_store_buffer", "results are those of the next window", "WA'(32'(oldest) + n / LANES)",
         "WA'(32'(oldest) + n / LANES + 1)"),
        ("values_steps", "scales are those of the next feature", "scaled[at][DA'(column)]",
         "scaled[at][DA'(column+1)]"),
        ("values_steps", "the vector unit has the outputs of the step before", "work_at <= working[BEHIND-1].at;",
         "work_at <= working[BEHIND-1].at - 2'd1;"),
        ("values_steps", "K is compressed with the weights of Q", "(sets[nth])", "(sets[0])"),
        ("values_steps", "the next codes begin a value too soon", "CA'(working[BEHIND-1].elements);",
         "CA'(working[BEHIND-1].elements) - 1'b1;"),
        ("values_steps", "data are three cycles behind the control", "BEHIND = 4;", "BEHIND = 3;"),
        ("values_vector", "the residual operand's rows lie side by side", "element / residual.columns * residual.pitch",
         "element / residual.columns * residual.columns"),
        ("values_vector", "a norm's offsets are not shifted", "block_value[OFFSET+n])) << shift",
         "block_value[OFFSET+n])) << 6'd0"),
        ("values_vector", "gains are those of the next feature", "gain_norm.first + 2 * feature;",
         "gain_norm.first + 2 * feature + 2;"),
        ("values_array", "weights begin a byte too far", "weight_at[n] * WORD;", "weight_at[n] * WORD + 1;"),
        ("values_array", "banks of the activation buffer are swapped", "act_at[n] * ACT_PORT_BYTES;",
         "act_at[ACT_BANKS-1-n] * ACT_PORT_BYTES;"),
        ("values_array", "scales alone are taken for biases", "alone <= constant_at[0][31];", "alone <= 1'b0;"),
        ("values_array", "sums that are put away are lost", "if (sum_write) kept", "if (sum_write && rst) kept"),
    )
)  # fmt: skip
