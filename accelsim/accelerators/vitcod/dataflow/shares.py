"""What is shared out: columns to the encoder's outputs, MAC lines to the engines."""

CHUNK_TOKENS = 32  # tokens of Q and K that are loaded, and handed to the decoder, at a time [ours]


def encoded_columns(first: int, columns: int, heads: int, encoded: int) -> int:
    """Values a token that leave the encoder while columns first to first + columns - 1 of its projection go in; all of
    them where it mixes no heads."""
    return ((first + columns) // heads - first // heads) * encoded if heads else columns


def share_lines(lines: int, denser_work: int, sparser_work: int) -> tuple[int, int]:
    """MAC lines for the two engines, in proportion to their work [paper]; at least one for an engine that has any.

    With a single line both engines take turns on it.
    """
    if not denser_work or not sparser_work:
        return (lines if denser_work else 0), (lines if sparser_work else 0)
    if lines == 1:
        return 1, 1
    denser = round(lines * denser_work / (denser_work + sparser_work))
    denser = min(max(denser, 1), lines - 1)
    return denser, lines - denser
