"""Declares terms: what each learns from the training rows, and adds to a predictor for any data."""

from glimmer.terms.coding import Coder, Coding
from glimmer.terms.common import CommonTerm, learn_common, of_predictor
from glimmer.terms.gaussian import Gaussian, Law
from glimmer.terms.group import GroupBlock, GroupDesign
from glimmer.terms.named_smooths import SmoothBlock, smooth_blocks
from glimmer.terms.protocol import Term, TermArrays, TermParameter, register_term
from glimmer.terms.response import Outcome, Response, check_outcome, learn_response
from glimmer.terms.term_block import TermBlock
from glimmer.terms.written_groups import learn_groups

__all__ = [
    "Coder",
    "Coding",
    "CommonTerm",
    "Gaussian",
    "GroupBlock",
    "GroupDesign",
    "Law",
    "Outcome",
    "Response",
    "SmoothBlock",
    "Term",
    "TermArrays",
    "TermBlock",
    "TermParameter",
    "check_outcome",
    "learn_common",
    "learn_groups",
    "learn_response",
    "of_predictor",
    "register_term",
    "smooth_blocks",
]
