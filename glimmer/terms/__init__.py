"""Terms: what each learns from the training rows, and its arrays for any data."""

from glimmer.terms.coding import Coder, Coding
from glimmer.terms.common import CommonTerm, learn_common
from glimmer.terms.group import GroupBlock, GroupDesign, learn_groups
from glimmer.terms.response import Outcome, Response, check_outcome, learn_response

__all__ = [
    "Coder",
    "Coding",
    "CommonTerm",
    "GroupBlock",
    "GroupDesign",
    "Outcome",
    "Response",
    "check_outcome",
    "learn_common",
    "learn_groups",
    "learn_response",
]
