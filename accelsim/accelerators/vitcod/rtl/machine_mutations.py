"""Bugs to seed in what stands around the engines and the array, each of which the co-simulation must catch."""

from accelsim.rtl.mutations import Mutation

MACHINE_MUTATIONS = tuple(
    Mutation(module, module, *row)
    for module, *row in (
        ("sequencer", "the second counter is not waited for", "todo.count2, valid[CA'(todo.wait2)]",
         "'0, valid[CA'(todo.wait2)]"),
        ("sequencer", "notices count a cycle late", "todo.count, valid[CA'(todo.wait_)]",
         "todo.count, 8'd0"),
        ("sequencer", "of notices that wait one is counted", "(notice_valid[n] > 8'(i) ?",
         "(i == 0 && notice_valid[n] > 8'(i) ?"),
        ("sequencer", "of notices that wait one is waited for", "more = waiting > 8'(i) ?",
         "more = i == 0 && waiting > 8'(i) ?"),
        ("sequencer", "a full command channel is not waited for", "if (command_room[UA'(todo.unit)] == 0)",
         "if (1'b0)"),
        ("vector_unit", "a command is a cycle too long", "LB'(command_data.cycles) - LB'(2)",
         "LB'(command_data.cycles) - LB'(1)"),
        ("vector_unit", "a command is counted in lanes", "a_cycle = commanded ? LB'(1) :", "a_cycle = 1'b0 ? LB'(1) :"),
        ("vector_unit", "a cycle more is taken where the lanes are filled", "(outputs_data.elements) - LB'(LANES + 1)",
         "(outputs_data.elements) - LB'(LANES)"),
        ("vector_unit", "commands go first", "tiled = outputs_valid == 0 && command_valid != 0;",
         "tiled = command_valid != 0;"),
        ("vector_unit", "that it reads no more is not told", "next_rate != rate && READING",
         "next_rate != rate && next_rate != 0 && READING"),
        ("vector_unit", "a command ends without room for its notice", " || (commanded && done_room == 0)", ""),
        ("query_fetcher", "a vector on its way is fetched again", "if ((PA + 1)'(n) < next_held && asks[last]",
         "if (1'b0 && asks[last]"),
        ("query_fetcher", "the register file has no end", "<= CAPACITY_BYTES;", "<= 2 * CAPACITY_BYTES;"),
        ("query_fetcher", "a vector is handed on before it is written",
         "one.nth + 1 == next_arrived && now + 1 < next_written_at", "1'b0"),
        ("query_fetcher", "the decoder has read what it has just been told of", "READ = 2;", "READ = 1;"),
        ("query_fetcher", "heads of a token are fetched one by one", "shared = place.head_pitch == 0;",
         "shared = 1'b0;"),
        ("query_fetcher", "a vector that another waits for is freed", "if (owned) asks[owner].bytes <= '0;", ""),
    )
)  # fmt: skip
