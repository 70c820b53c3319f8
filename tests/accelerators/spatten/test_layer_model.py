"""The published performance model, row by row."""

import csv

from accelsim.accelerators.spatten.layer_model import Sizes


def test_every_layer(reference):
    with (reference / "spatten" / "layer_model.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 1000
    known: dict[tuple, int] = {}
    for row in rows:
        number = {n: int(row[n]) for n in row if n not in ("model", "schedule", "keep", "query_rows")}
        sizes = Sizes(number["channels"], number["multipliers"], number["zero_eliminator"])
        heads, tokens, keep = number["heads"], number["tokens"], number["topk_k"]
        fetch = sizes.fetch(heads, tokens, (number["bits_k"], number["bits_v"]))
        fill, drain = sizes.fill(heads, tokens, number["queries"]), sizes.drain(tokens)
        assert (fetch, fill, drain) == (number["dram"], number["fill"], number["drain"]), row
        assert fetch + fill + drain == number["total_without_topk"]
        key = sizes, tokens, keep
        if key not in known:
            known[key] = sizes.top_k(tokens, keep) if keep else 0
        assert known[key] == number["topk_corrected"], row
