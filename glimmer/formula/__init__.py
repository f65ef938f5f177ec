"""Reads formulas: text to terms, terms to columns, without running any code."""

from glimmer.formula.contrasts import contrast_matrix
from glimmer.formula.evaluator import column
from glimmer.formula.factors import ContrastChoice
from glimmer.formula.learned import Learned, Numbers, learn
from glimmer.formula.nodes import (
    Bar,
    Binary,
    Call,
    Dot,
    Formula,
    Name,
    Node,
    Number,
    String,
    Unary,
    variables,
    walk,
)
from glimmer.formula.parser import parse
from glimmer.formula.specials import register_special, special_words
from glimmer.formula.term_algebra import expand
from glimmer.formula.terms import GroupTerm, Interaction, Terms

__all__ = [
    "Bar",
    "Binary",
    "Call",
    "ContrastChoice",
    "Dot",
    "Formula",
    "GroupTerm",
    "Interaction",
    "Learned",
    "Name",
    "Node",
    "Number",
    "Numbers",
    "String",
    "Terms",
    "Unary",
    "column",
    "contrast_matrix",
    "expand",
    "learn",
    "parse",
    "register_special",
    "special_words",
    "variables",
    "walk",
]
