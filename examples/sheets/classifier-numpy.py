"""Sequence classifier, three time steps, three classes

The board of the sheet as a program: a statement for each line, under its name and with its number
behind it. Columns are arrays of shape (n, 1), rows of shape (1, n). Every value is compared with
the digits that the sheet prints. Needs NumPy.
"""

from decimal import Decimal
from fractions import Fraction

import numpy as np

np.seterr(over="ignore")  # a square beyond doubles is infinite, and a quotient by it 0
checked = []


def number(text):
    """A number in double precision: 0.1, or 1/3."""
    return np.float64(Fraction(text))


def unit(text):
    """One unit of the last digit: 0.0001 of 0.5370."""
    return 10.0 ** Decimal(text.strip()).as_tuple().exponent


def array(text, read=number):
    """What the sheet has for a number, 0.5, or for an array, [1, 2; 3, 4]."""
    rows = [[read(one) for one in row.split(",")] for row in text.strip("[]").split(";")]
    return np.array(rows) if text.startswith("[") else rows[0][0]


def line(name, value, printed):
    """A line of the sheet: its value must round to what is printed, which is used next."""
    sheet = array(printed)
    allowed = array(printed, unit) / 2 + 1e-12 * np.abs(sheet) + 1e-15
    if np.shape(value) != np.shape(sheet) or not np.all(np.abs(value - sheet) <= allowed):
        raise SystemExit(f"{name} is {np.asarray(value).tolist()}, the sheet has {printed}")
    checked.extend([name] * np.size(sheet))
    return sheet


tanh = np.tanh


def softmax(z):
    """exp(z) / sum(exp(z)), without large exponentials."""
    e = np.exp(z - z.max())
    return e / e.sum()


ln = np.log


# ---- Given ----

W_xh = array("[0.5, -0.3; 0.2, 0.8]")
W_hh = array("[0.4, 0.3; -0.6, 0.7]")
b_h = array("[0.1; 0]")
W_hy = array("[1.2, -0.5; -0.4, 0.9; 0.3, 0.6]")
b_y = array("[0; 0.1; -0.1]")
x_1 = array("[1; 0]")
x_2 = array("[0.5; 1]")
x_3 = array("[-1; 2]")
h_0 = array("[0; 0]")
target_3 = array("[0; 1; 0]")
eta = array("0.5")


# ---- 1  Forward pass ----

# Time step 1
a_1 = line("a_1", W_xh @ x_1 + W_hh @ h_0 + b_h, "[0.6000; 0.2000]")  # 1
h_1 = line("h_1", tanh(a_1), "[0.5370; 0.1974]")  # 2

# Time step 2
a_2 = line("a_2", W_xh @ x_2 + W_hh @ h_1 + b_h, "[0.3240; 0.7160]")  # 3
h_2 = line("h_2", tanh(a_2), "[0.3131; 0.6144]")  # 4

# Time step 3
a_3 = line("a_3", W_xh @ x_3 + W_hh @ h_2 + b_h, "[-0.6904; 1.6422]")  # 5
h_3 = line("h_3", tanh(a_3), "[-0.5982; 0.9278]")  # 6
z_3 = line("z_3", W_hy @ h_3 + b_y, "[-1.1817; 1.1743; 0.2772]")  # 7
y_3 = line("y_3", softmax(z_3), "[0.0631; 0.6655; 0.2714]")  # 8


# ---- 2  Loss ----

L = line("L", -ln(y_3[1, 0]), "0.4072")  # 9


# ---- 3  Backward pass (backpropagation through time) ----

# Time step 3
dL_dz_3 = line("dL/dz_3", y_3 - target_3, "[0.0631; -0.3345; 0.2714]")  # 10
dL_dh_3 = line("dL/dh_3", W_hy.T @ dL_dz_3, "[0.2909; -0.1698]")  # 11
dL_da_3 = line("dL/da_3", dL_dh_3 * (1 - h_3**2), "[0.1868; -0.0236]")  # 12

# Time step 2
dL_dh_2 = line("dL/dh_2", W_hh.T @ dL_da_3, "[0.0889; 0.0395]")  # 13
dL_da_2 = line("dL/da_2", dL_dh_2 * (1 - h_2**2), "[0.0802; 0.0246]")  # 14

# Time step 1
dL_dh_1 = line("dL/dh_1", W_hh.T @ dL_da_2, "[0.0173; 0.0413]")  # 15
dL_da_1 = line("dL/da_1", dL_dh_1 * (1 - h_1**2), "[0.0123; 0.0397]")  # 16


# ---- 4  Gradients of the shared parameters ----

# Gradient of W_xh
dL_dW_xh_via_a_1 = line(  # 17
    "dL/dW_xh via a_1", dL_da_1 @ x_1.T, "[0.0123, 0.0000; 0.0397, 0.0000]"
)
dL_dW_xh_via_a_2 = line(  # 18
    "dL/dW_xh via a_2", dL_da_2 @ x_2.T, "[0.0401, 0.0802; 0.0123, 0.0246]"
)
dL_dW_xh_via_a_3 = line(  # 19
    "dL/dW_xh via a_3", dL_da_3 @ x_3.T, "[-0.1868, 0.3736; 0.0236, -0.0472]"
)
dL_dW_xh = line(  # 20
    "dL/dW_xh",
    dL_dW_xh_via_a_1 + dL_dW_xh_via_a_2 + dL_dW_xh_via_a_3,
    "[-0.1344, 0.4538; 0.0756, -0.0226]",
)

# Gradient of W_hh
dL_dW_hh_via_a_1 = line(  # 21
    "dL/dW_hh via a_1", dL_da_1 @ h_0.T, "[0.0000, 0.0000; 0.0000, 0.0000]"
)
dL_dW_hh_via_a_2 = line(  # 22
    "dL/dW_hh via a_2", dL_da_2 @ h_1.T, "[0.0431, 0.0158; 0.0132, 0.0049]"
)
dL_dW_hh_via_a_3 = line(  # 23
    "dL/dW_hh via a_3", dL_da_3 @ h_2.T, "[0.0585, 0.1148; -0.0074, -0.0145]"
)
dL_dW_hh = line(  # 24
    "dL/dW_hh",
    dL_dW_hh_via_a_1 + dL_dW_hh_via_a_2 + dL_dW_hh_via_a_3,
    "[0.1016, 0.1306; 0.0058, -0.0096]",
)

# Gradient of b_h
dL_db_h = line("dL/db_h", dL_da_1 + dL_da_2 + dL_da_3, "[0.2793; 0.0407]")  # 25

# Gradient of W_hy
dL_dW_hy = line(  # 26
    "dL/dW_hy", dL_dz_3 @ h_3.T, "[-0.0377, 0.0585; 0.2001, -0.3103; -0.1624, 0.2518]"
)

# Gradient of b_y
dL_db_y = line("dL/db_y", dL_dz_3, "[0.0631; -0.3345; 0.2714]")  # 27


# ---- 5  Update ----

W_xh_new = line("W_xh'", W_xh - eta * dL_dW_xh, "[0.5672, -0.5269; 0.1622, 0.8113]")  # 28
W_hh_new = line("W_hh'", W_hh - eta * dL_dW_hh, "[0.3492, 0.2347; -0.6029, 0.7048]")  # 29
b_h_new = line("b_h'", b_h - eta * dL_db_h, "[-0.0397; -0.0204]")  # 30
W_hy_new = line(  # 31
    "W_hy'", W_hy - eta * dL_dW_hy, "[1.2189, -0.5293; -0.5001, 1.0552; 0.3812, 0.4741]"
)
b_y_new = line("b_y'", b_y - eta * dL_db_y, "[-0.0316; 0.2673; -0.2357]")  # 32


# ---- 6  Forward pass with the new parameters ----

# Time step 1
a_1_at2 = line("a_1@2", W_xh_new @ x_1 + W_hh_new @ h_0 + b_h_new, "[0.5275; 0.1418]")  # 33
h_1_at2 = line("h_1@2", tanh(a_1_at2), "[0.4835; 0.1409]")  # 34

# Time step 2
a_2_at2 = line("a_2@2", W_xh_new @ x_2 + W_hh_new @ h_1_at2 + b_h_new, "[-0.0811; 0.6798]")  # 35
h_2_at2 = line("h_2@2", tanh(a_2_at2), "[-0.0809; 0.5914]")  # 36

# Time step 3
a_3_at2 = line("a_3@2", W_xh_new @ x_3 + W_hh_new @ h_2_at2 + b_h_new, "[-1.5501; 1.9056]")  # 37
h_3_at2 = line("h_3@2", tanh(a_3_at2), "[-0.9138; 0.9567]")  # 38
z_3_at2 = line("z_3@2", W_hy_new @ h_3_at2 + b_y_new, "[-1.6518; 1.7338; -0.1305]")  # 39
y_3_at2 = line("y_3@2", softmax(z_3_at2), "[0.0285; 0.8411; 0.1304]")  # 40

L_at2 = line("L@2", -ln(y_3_at2[1, 0]), "0.1730")  # 41


print(f"All {len(checked)} values agree with the sheet.")
