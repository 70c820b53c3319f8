"""YAML documents as trees that can be damaged: duplicate keys, aliases, odd numbers, text that is no YAML."""

from collections.abc import Callable
from functools import cache

from hypothesis import strategies as st

from accelsim.core.document import Entry, parse

NUMBERS = (
    "0", "-0", "1", "-1", "2", "3", "7", "64", "255", "1000", "65536", "65537", "1000000", "16777216", "16777217",
    "2147483647", "2147483648", "4294967296", "9007199254740993", "1099511627776", "1099511627777",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "1" + "0" * 30, "1" * 400, "-" + "9" * 400,
    "0.5", "1.0", "1.5", "-0.0", "1e3", "1e-3", "1e99", "1e308", "1e309", "1e400", "5e-324", "1e-400", "1e999999999",
    ".nan", ".inf", "-.inf", ".NaN", "nan", "inf", "-inf", "infinity", "NaN", "0x10", "0o17", "010", "0b11", "1:30",
    "+5",
    "1_000", "1__0", "_1", "\uff11\uff12", "١٢", "²", "½", "1,000", "1 000", "1/3", "1/0", "0/0", "4000/3 MHz", "5 KiB",
    "-5 KiB", "0.5 KiB", "1e3 KiB", "5 QiB", "60 ns", "0 ns", "1 s", "1000000 s", "0.0000001 ns", "76.8 GB/s",
    "500 MHz",
    "0 MHz", "1 Hz", "0.001 Hz", "999 GHz", "1e30 GHz", "1/7 MHz", "1000000007/999999937 MHz", "5 bits",
)  # fmt: skip
WORDS = (
    "''", "' '", '""', "true", "false", "True", "yes", "on", "null", "~", "none", "auto", "exact", "pipe", "fused",
    "all",
    "a", "a b", "'a/b'", "'../../escaped'", "'/tmp/escaped/x'", "'..'", "'.'", "'.hidden'", "'-o'", "'--help'",
    "'x' 'y'", '"\\x1b[31mred\\e]0;t\\a"', '"\\0"', '"\\n\\n"', '"\\u202e\\u2066"', '"\\ud800"', '"\\U0001F600"', "é",
    "e\u0301", "'%s%n{0}'", "'$HOME'", "'`id`'", "'__import__(\"os\")'", "'a.b.c'", "'a' * 9", "lines", "x" * 130,
    "'" + "ab " * 2000 + "'", "[]", "{}", "[[]]", "{a: 1}", "[1, 2]", "[a, a]", "{? [1]: 2}", "{1: 2}", "{true: 1}",
    "{null: 1}", "!!python/object/apply:os.system ['true']", "!!binary aGk=", "!!float 1", "!x y", "&a 1", "*a",
    "&a [*a]",
    "<<", "|", ">-", "---", "...", "%YAML", "@x", "`x", "\t", "- 1", "? a", ": b", "#", "'unclosed", '"unclosed',
    "[unclosed", "{unclosed", "]", "2026-13-45", "2026-01-01T00:00:00Z", "12:30:45",
)  # fmt: skip
KEYS = (
    "x", "name", "lines", "''", "' '", "1", "true", "null", "~", "-1", "1.5", ".nan", "<<", "a.b", "'a/b'", "é",
    "'a\\b'", '"\\x1b[2J"', '"\\0"', "__class__", "pj", "source", "k" * 200, "k" * 1100, "? [1, 2]", "&a b", "*a",
    "!!str k",
)  # fmt: skip


class Mapping(list):
    """[key, node] pairs; keys and words are YAML as it is written."""


class Listing(list):
    """Nodes."""


Node = Mapping | Listing | str


def tree(text: str) -> Node:
    """A document's tree."""

    def of(entry: Entry) -> Node:
        if isinstance(entry.value, dict):
            return Mapping([word(key), of(value)] for key, value in entry.value.items())
        if isinstance(entry.value, list):
            return Listing(of(item) for item in entry.value)
        return quoted(entry.value) if entry.quoted else word(entry.value)

    return of(parse(text, "seed", aliases=True)[0])


@cache
def word(text: str) -> str:
    bare = text and not set(text) & set(",[]{}:#&*!|>'\"%@`\n") and text[0] not in "-? " and text == text.strip()
    return text if bare or text.lstrip("-").replace(".", "").isdigit() else quoted(text)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def emitted(node: Node, level: int = 0) -> str:
    """The text: blocks on top, flow below, so that errors have lines to name."""
    if isinstance(node, str):
        return node
    if level > 1 or not node:
        inner = (
            [f"{k}: {emitted(v, 9)}" for k, v in node] if isinstance(node, Mapping) else [emitted(n, 9) for n in node]
        )
        return "{" + ", ".join(inner) + "}" if isinstance(node, Mapping) else "[" + ", ".join(inner) + "]"
    if isinstance(node, Listing):
        return "".join(f"\n{'  ' * level}- {emitted(n, 9)}" for n in node)
    lines = []
    for key, value in node:
        text = emitted(value, level + 1)
        lines.append(f"{'  ' * level}{key}:{'' if text.startswith(chr(10)) else ' '}{text}")
    return ("\n" if level else "") + "\n".join(lines) + ("" if level else "\n")


def places(node: Node) -> list[tuple[Node, int]]:
    """(what holds it, its number) of every entry below a node."""
    found = []
    if isinstance(node, Mapping | Listing):
        for n, one in enumerate(node):
            found.append((node, n))
            found += places(one[1] if isinstance(node, Mapping) else one)
    return found


def copied(node: Node) -> Node:
    if isinstance(node, Mapping):
        return Mapping([k, copied(v)] for k, v in node)
    return Listing(map(copied, node)) if isinstance(node, Listing) else node


def value(holder: Node, n: int) -> Node:
    return holder[n][1] if isinstance(holder, Mapping) else holder[n]


def put(holder: Node, n: int, node: Node) -> None:
    if isinstance(holder, Mapping):
        holder[n][1] = node
    else:
        holder[n] = node


def nearby(text: str) -> list[str]:
    """Numbers near a number."""
    try:
        number = int(text)
    except ValueError:
        return [f"{text} 1", f"{text}x", text.upper(), text[: len(text) // 2], f"{text},{text}"]
    return [str(n) for n in (number + 1, number - 1, -number, number * 2, number * 1000, number << 20, number // 2)]


def damage(draw: Callable, root: Node, texts: tuple[str, ...] = ()) -> None:
    """Change one entry of a tree; `texts` are values that mean something where the file is read."""
    found = places(root)
    if not found:
        return
    holder, n = found[draw(st.integers(0, len(found) - 1))]
    old = value(holder, n)
    kind = draw(
        st.sampled_from(
            (
                "value",
                "value",
                "number",
                "number",
                *("near",) * 5,
                "key",
                "drop",
                "twice",
                "graft",
                "nest",
                "alias",
                "swap",
            )
        )
    )
    if kind == "value":
        put(holder, n, draw(st.sampled_from((*texts, *WORDS))))
    elif kind == "number":
        put(holder, n, draw(st.sampled_from(NUMBERS)))
    elif kind == "near":
        put(holder, n, draw(st.sampled_from(nearby(old) if isinstance(old, str) else NUMBERS)))
    elif kind == "key" and isinstance(holder, Mapping):
        others = [k for h, _ in found if isinstance(h, Mapping) for k, _ in h]
        holder[n][0] = draw(
            st.sampled_from((*KEYS, *dict.fromkeys(others), holder[n][0] + "s", holder[n][0][:-1] or "x"))
        )
    elif kind == "drop":
        del holder[n]
    elif kind == "twice":
        holder.insert(n, [holder[n][0], copied(old)] if isinstance(holder, Mapping) else copied(old))
    elif kind == "graft":
        other, m = found[draw(st.integers(0, len(found) - 1))]
        put(holder, n, copied(value(other, m)))
    elif kind == "nest":
        depth = draw(st.sampled_from((1, 2, 11, 13, 60, 3000)))
        put(holder, n, "[" * depth + "]" * depth if draw(st.booleans()) else "{a: " * depth + "1" + "}" * depth)
    elif kind == "alias":
        put(holder, n, draw(st.sampled_from((f"&a {emitted(old, 9)}", "*a", BOMB))))
    elif kind == "swap":
        put(holder, n, Listing([old]) if draw(st.booleans()) else Mapping([["a", old]]))


BOMB = "[" + ", ".join(["&a0 [x, x, x, x, x, x, x, x, x]", *(
    f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9))]) + "]"  # fmt: skip


@st.composite
def documents(draw, seed: str, texts: tuple[str, ...] = ()) -> bytes:
    """A damaged document: some entries of it, its text or its bytes."""
    root = tree(seed)
    for _ in range(draw(st.sampled_from((1, 1, 1, 2, 3)))):
        damage(draw, root, texts)
    data = emitted(root).encode("utf-8", "surrogatepass")
    return draw(broken_texts(data)) if draw(st.integers(0, 7)) == 0 else data


@st.composite
def broken_texts(draw, data: bytes) -> bytes:
    """Text that is cut, in another encoding, or has bytes that do not belong there."""
    at = draw(st.integers(0, len(data)))
    lines = data.split(b"\n")
    n = draw(st.integers(0, len(lines) - 1))
    kind = draw(st.sampled_from(("cut", "utf-16", "bytes", "line", "twice", "endings", "whole", "bom", "move")))
    if kind == "cut":
        return data[:at]
    if kind == "utf-16":
        return data.decode("utf-8", "replace").encode(draw(st.sampled_from(("utf-16", "utf-16-be", "utf-32"))))
    if kind == "bytes":
        some = (
            b"\xff",
            b"\0",
            b"\t",
            b"\x1b[2J",
            b"\xc3",
            b"\xef\xbb\xbf",
            b"\xe2\x80\xa8",
            b"\r",
            b"\x85",
            b"\xed\xa0\x80",
        )
        return data[:at] + draw(st.sampled_from(some)) + data[at:]
    if kind == "line":
        odd = (
            b"%YAML 9.9",
            b"---",
            b"...",
            b"\t- x",
            b": :",
            b"- " * 2000,
            b"[" * 20_000,
            b"x" * 200_000,
            b"? ",
            b"*a",
            b"&a",
        )
        return b"\n".join([*lines[:n], draw(st.sampled_from(odd)), *lines[n:]])
    if kind == "twice":
        return data + draw(st.sampled_from((b"", b"---\n"))) + data
    if kind == "endings":
        return data.replace(b"\n", draw(st.sampled_from((b"\r\n", b"\r", b"\n\n", b"\xe2\x80\xa8", b""))))
    if kind == "bom":
        return b"\xef\xbb\xbf" + data
    if kind == "move":
        return b"\n".join([*lines[:n], b" " * draw(st.integers(1, 5)) + lines[n], *lines[n + 1 :]])
    return draw(
        st.sampled_from((b"", b"\n", b"#\n", b"null", b"[]", b"{}", b"x", b"'", b"\0" * 100, b"\x7fELF", b"PK\3\4"))
    )
