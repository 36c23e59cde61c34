"""One-neuron RNN, two time steps

The forward pass of the sheet with tensors, under the same names and with the numbers of the lines
behind them. Autograd goes back; what it finds is compared with the sheet's gradients. Columns are
tensors of shape (n, 1), rows of shape (1, n). Needs PyTorch.
"""

from fractions import Fraction

import torch

torch.set_default_dtype(torch.float64)  # also of quotients of whole numbers

# How far rounding has led the numbers that are compared below from full precision, at most:
DRIFT = 1.0e-04
compared = []


def number(text):
    """A number in double precision: 0.1, or 1/3."""
    return torch.tensor(float(Fraction(text)))


def array(text):
    """What the sheet has for a number, 0.5, or for an array, [1, 2; 3, 4]."""
    rows = [[float(Fraction(one)) for one in row.split(",")] for row in text.strip("[]").split(";")]
    return torch.tensor(rows if text.startswith("[") else rows[0][0])


def parameter(text):
    """A parameter, of which there will be a gradient."""
    return array(text).requires_grad_()


def keep(value):
    """A line of the sheet of which there will be a gradient."""
    value = value.clone().requires_grad_()  # also where all that goes in is given, or not learnt
    value.retain_grad()
    return value


def compare(name, found, printed, unrounded, lost=0):
    """What autograd has found, beside what the sheet prints and what that is unrounded.

    Where terms cancel, two calculations in doubles may be apart by as much as is lost; where that
    has no bound, nothing is compared.
    """
    found, sheet, exact = found.detach(), array(printed), array(unrounded)
    for text, one in zip(printed.strip("[]").replace(";", ",").split(","), found.ravel().tolist()):
        apart = abs(one - float(Fraction(text)))
        print(f"{name:20} {text.strip():>14} {one:>16.9g} {apart:>12.1e}")
        compared.extend([name] * (lost < float("inf")))
        name = ""
    allowed = 1e-9 * exact.abs() + 1e-11 + lost
    if found.shape != exact.shape or ((found - exact).abs() > allowed).any():
        raise SystemExit(f"autograd finds {found.tolist()}, the sheet unrounded {unrounded}")
    if ((found - sheet).abs() > DRIFT + allowed).any():
        raise SystemExit(f"autograd finds {found.tolist()}; rounding does not explain {printed}")


tanh = torch.tanh


# ---- Given ----

T = 2
w_xh = parameter("0.5")
w_hh = parameter("0.8")
b_h = parameter("0.1")
w_hy = parameter("1.2")
b_y = parameter("-0.3")
x_1 = array("1")
x_2 = array("2")
h_0 = array("0")
target_1 = array("0.5")
target_2 = array("1.0")
eta = array("0.1")


# ---- 1  Forward pass ----

# Time step 1
a_1 = keep(w_xh * x_1 + w_hh * h_0 + b_h)  # 1
h_1 = keep(tanh(a_1))  # 2
y_1 = keep(w_hy * h_1 + b_y)  # 3

# Time step 2
a_2 = keep(w_xh * x_2 + w_hh * h_1 + b_h)  # 4
h_2 = keep(tanh(a_2))  # 5
y_2 = keep(w_hy * h_2 + b_y)  # 6


# ---- 2  Loss ----

L_1 = (y_1 - target_1)**2  # 7
L_2 = (y_2 - target_2)**2  # 8
L = keep((1/T) * (L_1 + L_2))  # 9


# ---- Backward pass, by autograd ----

L.backward()

print(f"{'quantity':20} {'sheet':>14} {'autograd':>16} {'difference':>12}")
compare("L", L, "0.0337", "0.0336379394469")
compare("dL/dy_2", y_2.grad, "-0.2075", "-0.207564509624")
compare("dL/dh_2", h_2.grad, "-0.2490", "-0.249077411549")
compare("dL/da_2", a_2.grad, "-0.0426", "-0.042651860171")
compare("dL/dy_1", y_1.grad, "-0.1556", "-0.155540519602")
compare("dL/dh_1", h_1.grad, "-0.2208", "-0.22077011166")
compare("dL/da_1", a_1.grad, "-0.1571", "-0.157095102101")
compare("dL/dw_xh", w_xh.grad, "-0.2423", "-0.242398822443")
compare("dL/dw_hh", w_hh.grad, "-0.0229", "-0.0229061630365")
compare("dL/db_h", b_h.grad, "-0.1997", "-0.199746962272")
compare("dL/dw_hy", w_hy.grad, "-0.2725", "-0.272491999417")
compare("dL/db_y", b_y.grad, "-0.3631", "-0.363105029227")


# ---- Update, with the gradients that autograd has found ----

dL_dw_xh = w_xh.grad  # 20
dL_dw_hh = w_hh.grad  # 23
dL_db_h = b_h.grad  # 24
dL_dw_hy = w_hy.grad  # 27
dL_db_y = b_y.grad  # 28
w_xh_new = w_xh - eta * dL_dw_xh  # 29
w_hh_new = w_hh - eta * dL_dw_hh  # 30
b_h_new = b_h - eta * dL_db_h  # 31
w_hy_new = w_hy - eta * dL_dw_hy  # 32
b_y_new = b_y - eta * dL_db_y  # 33

compare("w_xh'", w_xh_new, "0.5242", "0.524239882244")
compare("w_hh'", w_hh_new, "0.8023", "0.802290616304")
compare("b_h'", b_h_new, "0.1200", "0.119974696227")
compare("w_hy'", w_hy_new, "1.2273", "1.22724919994")
compare("b_y'", b_y_new, "-0.2637", "-0.263689497077")

print(f"All {len(compared)} values agree with autograd:", end=" ")
print(f"unrounded to 9 digits, and as printed within {DRIFT}.")
