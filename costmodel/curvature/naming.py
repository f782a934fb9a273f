"""Roles by the names that libraries give to the layers of a block: torch, torchvision, timm, transformers."""

from __future__ import annotations

import re
from typing import Final

from costmodel.curvature.roles import LayerRole

_ATTENTION: Final = r"attn|attention"
_FEED_FORWARD: Final = r"mlp|ffn|feed_?forward|densereludense|expert|block_sparse_moe"
#: What the last part of a name says wherever it stands.
_ALWAYS: Final = (
    (r"(to_)?q|q_proj|query|q_lin", LayerRole.QUERY),
    (r"(to_)?k|k_proj|key|k_lin", LayerRole.KEY),
    # Query, key and value in one: the gradient of the value is the largest of the three.
    (r"(to_)?(v|kv|qkv)|(v|kv|in)_proj|value|v_lin|c_attn|key_value|query_key(_value)?", LayerRole.VALUE),
    (r"out_proj|o_proj|out_lin", LayerRole.ATTENTION_OUTPUT),
    (r"linear1|fc1|up_proj|gate_proj|gate_up_proj|c_fc|wi|wi_\d|w1|w3|pwconv1|lin1", LayerRole.MLP_IN),
    (r"linear2|fc2|down_proj|wo|w2|pwconv2|lin2", LayerRole.MLP_OUT),
)
#: What it says inside a part of a block of this name, asked for from the innermost part on.
_INSIDE: Final = (
    (_ATTENTION, r"(c_)?proj|o|out|dense|to_out|output|0", LayerRole.ATTENTION_OUTPUT),
    (_FEED_FORWARD, r"0|in|dense_h_to_4h", LayerRole.MLP_IN),
    (_FEED_FORWARD, r"(c_)?proj|out|2|3|dense_4h_to_h", LayerRole.MLP_OUT),
    (r"intermediate", r"dense", LayerRole.MLP_IN),
    (r"output", r"dense", LayerRole.MLP_OUT),
)


def named_role(name: str) -> LayerRole | None:
    """The role that a layer's full name tells, None where it tells none.

    >>> named_role("transformer.h.3.mlp.c_proj")
    <LayerRole.MLP_OUT: 'mlp_out'>
    >>> named_role("layer1.0.conv2")
    """
    *above, last = name.lower().split(".")
    for pattern, role in _ALWAYS:
        if re.fullmatch(pattern, last):
            return role
    for part in reversed(above):
        for inside, pattern, role in _INSIDE:
            if re.search(inside, part) and re.fullmatch(pattern, last):
                return role
    return None
