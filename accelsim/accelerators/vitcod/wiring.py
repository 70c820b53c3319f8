"""ViTCoD's channels, beside the sequencer's and the DMA engine's, as data."""

from accelsim.accelerators.netlist import Link, Wiring

WIRING = Wiring(
    (
        Link("dma.request", "dram.request", 8),
        Link("dram.reply", "dma.reply", 8),
        Link("engine.out", "encoder.outputs", 1),
        Link("encoder.out", "vector.outputs", 1),
        Link("vector.tile", "act_gb1.results.vector", 1),
        Link("engine.release_weight", "weight_gb.release", 4),
        Link("engine.release_act", "act_gb0.release", 4),
        Link("engine.read_weight", "weight_gb.reading.engine"),
        Link("engine.read_act", "act_gb0.reading.engine"),
        Link("vector.reading.act", "act_gb0.reading.vector"),
        Link("decoder.reading", "act_gb0.reading.decoder"),
        Link("walker.reading", "index_buffer.reading.walker"),
        Link("merge.reading", "index_buffer.reading.merge"),
        Link("sparser.reading", "weight_gb.reading.sparser"),
        Link("weight_gb.filling.sparser", "sparser.filling"),
        Link("decoder.denser", "denser.operands"),
        Link("decoder.sparser", "sparser.operands"),
        Link("sparser.miss", "decoder.miss", 8),
        Link("decoder.vector", "sparser.vector"),
        Link("walker.column", "sparser.column", 4),
        Link("denser.scores", "softmax.scores"),
        Link("sparser.score", "softmax.score", 16),
        Link("softmax.denser", "denser.softmaxed", 4),
        Link("softmax.sparser", "sparser.softmaxed", 4),
        Link("denser.partial", "merge.dense", 1),
        Link("sparser.partial", "merge.sparse", 1),
        Link("denser.reads", "merge.denser_reads"),
        Link("sparser.reads", "merge.sparser_reads"),
        Link("merge.accesses", "softmax.accesses"),
        Link("merge.denser_window", "denser.window"),
        Link("merge.sparser_window", "sparser.window"),
        Link("merge.row", "act_gb1.results.merge", 4),
    ),
    streams=("program_gb", "act_gb1", "index_buffer", "act_gb0", "weight_gb"),
)

# With residency=keep or fused results go on to the activation buffer as well as to DRAM.
KEEPING = (
    Link("act_gb1.keep.act_gb0", "hand_over.keep"),
    Link("hand_over.out", "act_gb0.keep.act_gb1"),
    Link("act_gb0.kept.act_gb1", "act_gb1.kept.act_gb0"),
)

# With miss=dram missed queries go to DRAM and on to the decoder, between index and activations: the engine stands still
# for a query.
FETCHING = Wiring(
    (
        *(link for link in WIRING.links if link.out != "sparser.miss"),
        Link("sparser.miss", "queries.ask", 8),
        Link("queries.found", "decoder.miss", 1),
    ),
    ("program_gb", "act_gb1", "index_buffer", "queries", "act_gb0", "weight_gb"),
)
