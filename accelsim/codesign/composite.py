"""Calls that hide their products, rewritten as the calls they are made of."""

from __future__ import annotations

from accelsim.codesign.calls import marked
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError


def two_operand_einsum(args: tuple):
    """An einsum of two tensors as one matrix product: ((a, b), order) with einsum(args) == (a @ b).permute(order); an
    order of None leaves it as it is.

    Heads may share the second operand ('bqhd,bkd->bqhk'): of the axes that only the first has, the longest counts the
    rows. (None, None) when it is no such product: letters summed within one operand, repeated letters, or not exactly
    one summed letter.
    """
    if len(args) == 2 and isinstance(args[1], list | tuple):
        args = (args[0], *args[1])
    if len(args) != 3 or not isinstance(args[0], str):
        return None, None
    equation, a, b = args
    left, arrow, out = equation.replace(" ", "").partition("->")
    first, comma, second = left.partition(",")
    if not arrow or not comma or "." in equation or any(len(set(t)) != len(t) for t in (first, second, out)):
        return None, None
    summed = [c for c in first if c in second and c not in out]
    batch = [c for c in first if c in second and c in out]
    rows = [c for c in first if c not in second]
    columns = [c for c in second if c not in first]
    shares = len(rows) > 1 and bool(batch)
    if len(summed) != 1 or not (len(rows) == 1 or shares) or len(columns) != 1 or set(out) != {*batch, *rows, *columns}:
        return None, None
    row = max(rows, key=lambda c: a.shape[first.index(c)])
    sharing = [c for c in rows if c != row]
    made = [*batch, *sharing, row, *columns]
    turned_b = b.permute(*(second.index(c) for c in [*batch, *summed, *columns]))
    for _ in sharing:
        turned_b = turned_b.unsqueeze(len(batch))
    turned_a = a.permute(*(first.index(c) for c in [*batch, *sharing, row, *summed]))
    order = [made.index(c) for c in out]
    return (marked(turned_a, a), marked(turned_b, b)), None if order == sorted(order) else order


def multi_head_attention(
    query,
    key,
    value,
    embed_dim_to_check,
    num_heads,
    in_proj_weight,
    in_proj_bias,
    bias_k,
    bias_v,
    add_zero_attn,
    dropout_p,
    out_proj_weight,
    out_proj_bias,
    training=True,
    key_padding_mask=None,
    need_weights=True,
    attn_mask=None,
    use_separate_proj_weight=False,
    q_proj_weight=None,
    k_proj_weight=None,
    v_proj_weight=None,
    static_k=None,
    static_v=None,
    average_attn_weights=True,
    is_causal=False,
):
    """`torch.nn.functional.multi_head_attention_forward` (tokens first: [tokens, images, features]) by its parts, for
    the inputs a vision transformer gives it. The weights are never returned. Errors: InputError for the others."""
    torch = need("torch", "watching a model")
    linear = torch.nn.functional.linear
    odd = [
        name
        for name, value in (
            ("bias_k", bias_k),
            ("bias_v", bias_v),
            ("add_zero_attn", add_zero_attn or None),
            ("key_padding_mask", key_padding_mask),
            ("static_k", static_k),
            ("static_v", static_v),
        )
        if value is not None
    ]
    if odd:
        raise InputError(f"nn.MultiheadAttention with {odd[0]} cannot be represented in a workload.")
    weights = [q_proj_weight, k_proj_weight, v_proj_weight] if use_separate_proj_weight else in_proj_weight.chunk(3)
    biases = in_proj_bias.chunk(3) if in_proj_bias is not None else [None] * 3
    if query is key and key is value and not use_separate_proj_weight:
        q, k, v = linear(query, in_proj_weight, in_proj_bias).chunk(3, -1)
    else:
        q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))
    heads = [t.unflatten(-1, (num_heads, -1)).permute(1, 2, 0, 3) for t in (q, k, v)]
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        attn_mask = ~attn_mask  # there True is masked, in the fused operator it is kept
    if attn_mask is not None and attn_mask.dim() == 3:
        attn_mask = attn_mask.unflatten(0, (-1, num_heads))
    out = torch.nn.functional.scaled_dot_product_attention(
        *heads, attn_mask=attn_mask, dropout_p=dropout_p if training else 0.0, is_causal=is_causal and attn_mask is None
    )
    return linear(out.permute(2, 0, 1, 3).flatten(2), out_proj_weight, out_proj_bias), None
