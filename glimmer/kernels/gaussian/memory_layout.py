"""Finds the place of each array in the two packed vectors that carry cross-products to kernels.

The vector of integers holds a header, one record per eliminated factor, then what these point to:
the order of coefficients, and for the groups of the rest and of each eliminated factor a few rows
of MEMBER integers. Places of floats count in the vector of floats.
"""

TILE = 128  # levels of a factor that are taken together
HEADER = 20  # integers in the header
FACTOR = 9  # integers per eliminated factor
MEMBER = 4  # integers per group
(
    ELIMINATED,
    REST,
    SPARSE,
    SMOOTH,
    COMMON,
    GROUPS,  # the number of groups in the rest
    COEFFICIENTS,
    TRIANGLES,
    CORNER,
    CONSTANTS,
    ORDER,
    MEMBERS,
    INTEGERS,
    FLOATS,
    PENALISED,
    WORK,
    STATE,
    SHIFTS,  # how many columns may shift the response
    SHIFT_PLACE,  # their cross-products, behind all others
) = range(19)
LEVELS, WIDTH, WITHIN, DENSE, COUPLING, POINTER, MEMBER_COUNT, MEMBER_ROWS, LINKED = range(9)
