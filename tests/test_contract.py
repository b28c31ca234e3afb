"""What a request refuses, and what data say of their parts."""

import math

import pytest
import toys

from drawgen.contract import Request, check_split


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": -3, "temperature": -1.0}, "n is -3; it has to be at least 1"),
        ({"n": 0}, "n is 0"),
        ({"size": (0, 5)}, "size is 0; it has to be at least 1"),
        ({"size": (5, -1)}, "size is -1"),
        ({"seed": -1}, "seed is -1; it has to be at least 0"),
        ({"temperature": 0.0}, "temperature is 0.0; it has to be above 0 and below 100"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"length": 0}, "length is 0"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0.0; it has to be above 0 and at most 1"),
        ({"top_p": 1.5}, "top_p is 1.5"),
    ],
)
def test_a_request_checks_itself(options, words):
    with pytest.raises(ValueError, match=words):
        Request(**options)


def test_a_split_has_to_be_one_of_the_data_s():
    check_split(toys.Table(), "train")
    check_split(toys.Table(), "valid", measured=True)
    for split in ("test", "nonsense", ""):
        with pytest.raises(ValueError, match=f"split is '{split}'; it is one of train, valid"):
            check_split(toys.Table(), split)
    with pytest.raises(ValueError, match="split is 'train'; it is one of valid"):
        check_split(toys.Table(), "train", measured=True)
