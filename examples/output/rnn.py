"""One-neuron RNN, two time steps

The sheet as a program: a statement for each line, under its name and with its number behind it.
Every value is compared with the digits that the sheet prints. Needs nothing but Python.
"""

from decimal import ROUND_HALF_UP, Context, Decimal, getcontext
from fractions import Fraction

getcontext().prec = 60
checked = []


def decimal(value):
    """A number with 60 digits."""
    if isinstance(value, Decimal):
        return +value
    value = Fraction(value)
    return Decimal(value.numerator) / value.denominator


number = Fraction  # exact: 0.1 is one tenth


def rounded(value):
    """Half away from zero, to 4 decimals."""
    value = Context(prec=50, rounding=ROUND_HALF_UP).plus(decimal(value))  # no traces of divisions
    return number(value.quantize(Decimal("0.0001"), ROUND_HALF_UP))


def to_figures(value):
    """Half away from zero, to 4 significant figures: for products and squares of small numbers."""
    value = Context(prec=50, rounding=ROUND_HALF_UP).plus(decimal(value))
    return number(Context(prec=4, rounding=ROUND_HALF_UP).plus(value))


def line(name, value, printed, rounded=rounded):
    """A line of the sheet: its value is rounded, and the rounded value is used next."""
    result = rounded(value)
    if result != number(printed):
        raise SystemExit(f"{name} is {float(result)}, the sheet has {printed}")
    checked.append(name)
    return result


def tanh(z):
    """(exp(z) - exp(-z)) / (exp(z) + exp(-z)), without large exponentials."""
    if abs(z) < Decimal("1e-20"):
        return number(decimal(z) - decimal(z) ** 3 / 3)  # 1 - small would lose its digits
    small = (-2 * abs(decimal(z))).exp()
    size = (1 - small) / (1 + small)
    return number(size if z >= 0 else -size)


# ---- Given ----

T = number("2")
w_xh = number("0.5")
w_hh = number("0.8")
b_h = number("0.1")
w_hy = number("1.2")
b_y = number("-0.3")
x_1 = number("1")
x_2 = number("2")
h_0 = number("0")
target_1 = number("0.5")
target_2 = number("1.0")
eta = number("0.1")


# ---- 1  Forward pass ----

# Time step 1
a_1 = line("a_1", w_xh * x_1 + w_hh * h_0 + b_h, "0.6000")  # 1
h_1 = line("h_1", tanh(a_1), "0.5370")  # 2
y_1 = line("y_1", w_hy * h_1 + b_y, "0.3444")  # 3

# Time step 2
a_2 = line("a_2", w_xh * x_2 + w_hh * h_1 + b_h, "1.5296")  # 4
h_2 = line("h_2", tanh(a_2), "0.9104")  # 5
y_2 = line("y_2", w_hy * h_2 + b_y, "0.7925")  # 6


# ---- 2  Loss ----

L_1 = line("L_1", (y_1 - target_1)**2, "0.0242")  # 7
L_2 = line("L_2", (y_2 - target_2)**2, "0.0431")  # 8
L = line("L", (1 / T) * (L_1 + L_2), "0.0337")  # 9


# ---- 3  Backward pass (backpropagation through time) ----

# Time step 2
dL_dy_2 = line("dL/dy_2", (2 / T) * (y_2 - target_2), "-0.2075")  # 10
dL_dh_2 = line("dL/dh_2", dL_dy_2 * w_hy, "-0.2490")  # 11
dL_da_2 = line("dL/da_2", dL_dh_2 * (1 - h_2**2), "-0.0426")  # 12

# Time step 1
dL_dy_1 = line("dL/dy_1", (2 / T) * (y_1 - target_1), "-0.1556")  # 13
dL_dh_1_via_y_1 = line("dL/dh_1 via y_1", dL_dy_1 * w_hy, "-0.1867")  # 14
dL_dh_1_via_a_2 = line("dL/dh_1 via a_2", dL_da_2 * w_hh, "-0.0341")  # 15
dL_dh_1 = line("dL/dh_1", dL_dh_1_via_y_1 + dL_dh_1_via_a_2, "-0.2208")  # 16
dL_da_1 = line("dL/da_1", dL_dh_1 * (1 - h_1**2), "-0.1571")  # 17


# ---- 4  Gradients of the shared parameters ----

# Gradient of w_xh
dL_dw_xh_via_a_1 = line("dL/dw_xh via a_1", dL_da_1 * x_1, "-0.1571")  # 18
dL_dw_xh_via_a_2 = line("dL/dw_xh via a_2", dL_da_2 * x_2, "-0.0852")  # 19
dL_dw_xh = line("dL/dw_xh", dL_dw_xh_via_a_1 + dL_dw_xh_via_a_2, "-0.2423")  # 20

# Gradient of w_hh
dL_dw_hh_via_a_1 = line("dL/dw_hh via a_1", dL_da_1 * h_0, "0.0000")  # 21
dL_dw_hh_via_a_2 = line("dL/dw_hh via a_2", dL_da_2 * h_1, "-0.0229")  # 22
dL_dw_hh = line("dL/dw_hh", dL_dw_hh_via_a_1 + dL_dw_hh_via_a_2, "-0.0229")  # 23

# Gradient of b_h
dL_db_h = line("dL/db_h", dL_da_1 + dL_da_2, "-0.1997")  # 24

# Gradient of w_hy
dL_dw_hy_via_y_1 = line("dL/dw_hy via y_1", dL_dy_1 * h_1, "-0.0836")  # 25
dL_dw_hy_via_y_2 = line("dL/dw_hy via y_2", dL_dy_2 * h_2, "-0.1889")  # 26
dL_dw_hy = line("dL/dw_hy", dL_dw_hy_via_y_1 + dL_dw_hy_via_y_2, "-0.2725")  # 27

# Gradient of b_y
dL_db_y = line("dL/db_y", dL_dy_1 + dL_dy_2, "-0.3631")  # 28


# ---- 5  Update ----

w_xh_new = line("w_xh'", w_xh - eta * dL_dw_xh, "0.5242")  # 29
w_hh_new = line("w_hh'", w_hh - eta * dL_dw_hh, "0.8023")  # 30
b_h_new = line("b_h'", b_h - eta * dL_db_h, "0.1200")  # 31
w_hy_new = line("w_hy'", w_hy - eta * dL_dw_hy, "1.2273")  # 32
b_y_new = line("b_y'", b_y - eta * dL_db_y, "-0.2637")  # 33


# ---- 6  Forward pass with the new parameters ----

# Time step 1
a_1_at2 = line("a_1@2", w_xh_new * x_1 + w_hh_new * h_0 + b_h_new, "0.6442")  # 34
h_1_at2 = line("h_1@2", tanh(a_1_at2), "0.5678")  # 35
y_1_at2 = line("y_1@2", w_hy_new * h_1_at2 + b_y_new, "0.4332")  # 36

# Time step 2
a_2_at2 = line("a_2@2", w_xh_new * x_2 + w_hh_new * h_1_at2 + b_h_new, "1.6239")  # 37
h_2_at2 = line("h_2@2", tanh(a_2_at2), "0.9252")  # 38
y_2_at2 = line("y_2@2", w_hy_new * h_2_at2 + b_y_new, "0.8718")  # 39

L_1_at2 = line("L_1@2", (y_1_at2 - target_1)**2, "0.0045")  # 40
L_2_at2 = line("L_2@2", (y_2_at2 - target_2)**2, "0.0164")  # 41
L_at2 = line("L@2", (1 / T) * (L_1_at2 + L_2_at2), "0.0105")  # 42


# ---- 7  Memory: how far an error reaches back ----

dh_2_dh_1 = line("dh_2/dh_1", w_hh * (1 - h_2**2), "0.1369", to_figures)  # 43


print(f"All {len(checked)} values agree with the sheet.")
