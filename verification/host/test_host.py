"""Words of a descriptor, from the register map."""

import pytest

from insitu.program.window import WORDS, window


def test_fields_are_where_the_map_says():
    words = window(flags_version=1, flags_order=1, m=5, clamp_low=-128, zeros_b=-1)
    assert len(words) == WORDS == 35
    assert words[0] == 1 | 1 << 17
    assert words[1] == 5
    assert words[20] == 0xFFFF0000
    assert words[21] == (-128 & 0x3FF) << 10


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("depth", 1, "depth: must be one of "),
        ("flags_format", 4, "flags_format: must be from -2 to 3, not 4"),
        ("m", -(1 << 31) - 1, "m: must be from -2147483648 to 4294967295, not -2147483649"),
    ],
)
def test_what_does_not_fit_is_refused(field, value, says):
    with pytest.raises(ValueError, match=f"^{says}"):
        window(**{field: value})
