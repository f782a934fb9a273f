"""Every symbol of the formulas, once: letter, unit, meaning and the values it may take.

Formulas use the field's letters; everything a user types (YAML keys, keyword arguments, messages) uses ``name``.
``SYMBOLS`` maps both the letter and the name to the record.
"""

from __future__ import annotations

from costmodel.quantities import units
from costmodel.quantities.algebra import Expression as Expression
from costmodel.quantities.symbol import ROUNDING as ROUNDING
from costmodel.quantities.symbol import SYMBOLS as SYMBOLS
from costmodel.quantities.symbol import Better as Better
from costmodel.quantities.symbol import SymbolInfo as SymbolInfo
from costmodel.quantities.symbol import define as _symbol
from costmodel.quantities.symbol import info as info


def _tolerance(letter: str, name: str, cause: str) -> Expression:
    """What training bears of one random flaw alone; such an error has no bound."""
    meaning = f"error of the preconditioned gradient {cause} that training tolerates"
    return _symbol(letter, name, units.one, meaning, open_minimum=True, better=Better.LARGER)


# --- a layer -------------------------------------------------------------------------------------------------------
# Input dimension of the layer's matrix, bias column not counted: d_in, or d_in * kernel height * kernel width.
d = _symbol("d", "input_dimension", units.one, "inputs of the layer's matrix, without the bias column", minimum=1)
# Dimension of the input factor A: d, plus one where the layer has a bias.
a = _symbol(
    "a", "input_factor_dimension", units.one, "dimension of the input factor A, bias column included", minimum=1
)
# Dimension of the output-gradient factor G.
g = _symbol("g", "output_factor_dimension", units.one, "dimension of the output-gradient factor G", minimum=1)
# Rows the layer's matrix sees in one step: batch * weight-sharing positions * calls.
M = _symbol("M", "rows", units.one, "rows through the layer in one step: batch x shared positions x calls", minimum=1)
# Whether the loss is differentiated by the layer's input.
j = _symbol(
    "j",
    "input_gradient",
    units.one,
    "1 where the gradient at the layer's input is computed, 0 where the layer takes the network's input",
    maximum=1,
)
# Examples in one step.
B = _symbol("B", "batch_size", units.one, "examples in one step", minimum=1)
# Dimension of one Kronecker factor, A or G.
n = _symbol("n", "factor_dimension", units.one, "dimension of one Kronecker factor (a or g)", minimum=1)
# Right-hand sides a factor is solved against: g for A, a for G.
k = _symbol("k", "right_hand_sides", units.one, "right-hand sides one factor is solved against", minimum=1)
# FLOPs of one forward pass that belong to no factored layer: attention products, tied projections.
F_o = _symbol("F_o", "other_forward_flops", units.flop, "forward FLOPs outside the factored layers, whole batch")
# FLOPs that carry gradients back through the same, to activations and not to weights.
F_b = _symbol(
    "F_b", "other_input_gradient_flops", units.flop, "FLOPs of gradients at inputs outside the factored layers"
)
# Parameter tensors: a weight and a bias are two. An update is launched for each.
N_t = _symbol("N_t", "tensors", units.one, "parameter tensors of the model, each updated on its own", minimum=1)
# All trainable parameters, factored or not.
N = _symbol("N", "parameters", units.one, "trainable parameters of the model, factored or not", minimum=1)

# --- K-FAC and its accuracy ----------------------------------------------------------------------------------------
# Condition number of a damped factor.
kappa = _symbol("kappa", "condition_number", units.one, "condition number of the damped factor", minimum=1)
# Damping lambda of the Kronecker product A (x) G.
lambda_ = _symbol(
    "lambda",
    "damping",
    units.one,
    "damping added to A (x) G, split by the pi rule",
    open_minimum=True,
    better=Better.LARGER,
)
# Product of the two factors' mean eigenvalues: (tr A / d_A)(tr G / d_G).
theta = _symbol(
    "theta", "mean_curvature", units.one, "mean eigenvalue of A (x) G: (tr A / a)(tr G / g)", open_minimum=True
)
# Stable rank of a factor: trace over largest eigenvalue.
s_r = _symbol(
    "s_r",
    "stable_rank",
    units.one,
    "stable rank of the factor, trace over largest eigenvalue",
    minimum=1,
    better=Better.LARGER,
    of_each_factor=True,
)
# Relative error allowed in the inverse or the solution.
epsilon = _symbol(
    "epsilon",
    "relative_error",
    units.one,
    "relative error allowed in the inverse or the solution",
    open_minimum=True,
    maximum=1,
    open_maximum=True,
)
# How fast a factor's eigenvalues fall: lambda_i = lambda_1 / i^s_d.
s_d = _symbol(
    "s_d",
    "spectral_decay",
    units.one,
    "exponent of the factor's spectrum before damping: its i-th eigenvalue falls as i^-s_d",
    open_minimum=True,
    better=Better.EITHER,
    of_each_factor=True,
)
# Columns of a randomised sketch: modes kept plus oversampling.
r = _symbol(
    "r",
    "rank",
    units.one,
    "columns of the sketch: eigenmodes kept, oversampling included",
    minimum=1,
    better=Better.EITHER,
)
# Largest side of a block that Shampoo preconditions on its own.
b = _symbol(
    "b",
    "block_size",
    units.one,
    "largest side of a block that Shampoo preconditions on its own",
    minimum=1,
    better=Better.EITHER,
)

# --- accuracy of the preconditioned gradient -------------------------------------------------------------------------
# Parts of the error of the preconditioned gradient, |approximate - exact| / |exact| of a layer, one for each flaw.
epsilon_t = _symbol(
    "epsilon_t",
    "settling_error",
    units.one,
    "part of the preconditioned gradient's relative error that settling too briefly may make",
    open_minimum=True,
    maximum=1,
    open_maximum=True,
)
epsilon_n = _symbol(
    "epsilon_n",
    "sampling_error",
    units.one,
    "part of the preconditioned gradient's relative error that sampling and noise may make",
    open_minimum=True,
)
epsilon_p = _symbol(
    "epsilon_p",
    "pass_error",
    units.one,
    "what one pass of an iteration leaves of the residual that it is given",
    open_minimum=True,
    maximum=1,
    open_maximum=True,
)
# Flaws that no time removes, each over what training bears of it, their squares added.
u_s = _symbol(
    "u_s",
    "systematic_share",
    units.one,
    "systematic errors of the preconditioned gradient over their tolerances, root of the sum of squares",
)
u_i = _symbol("u_i", "inverse_systematic_share", units.one, "systematic share of a layer where inverses are read")
u_p = _symbol("u_p", "product_systematic_share", units.one, "systematic share of a layer where products are read")
u_x = _symbol("u_x", "solution_systematic_share", units.one, "systematic share of a layer where solutions are read")
# What training bears of one flaw alone. A filter of the spectrum leaves out 1 at most; random errors have no bound.
T_t = _symbol(
    "T_t",
    "settling_tolerance",
    units.one,
    "error of the preconditioned gradient by settling or iterating too briefly that training tolerates",
    open_minimum=True,
    maximum=1,
    open_maximum=True,
    better=Better.LARGER,
)
T_n = _tolerance("T_n", "sampling_tolerance", "by sampling and noise")
T_c = _tolerance("T_c", "coupling_tolerance", "by couplings that are rounded, deflated or not")
T_r = _tolerance("T_r", "reading_tolerance", "by rounding of what is read and of right-hand sides")
T_m = _tolerance("T_m", "mismatch_tolerance", "by components that do not match")
# Settling error of an inverse that starts from the last one, fitted, over that of a start at rest, after an equal run:
# at a refresh every 100 steps and factors every 10 whose running average keeps 0.95.
d_r = _symbol(
    "d_r",
    "drift",
    units.one,
    "error of an inverse settled from the last one over that of one settled from rest, refreshed every 100 steps",
    open_minimum=True,
    maximum=1,
)
beta_f = _symbol(
    "beta_f",
    "factor_decay",
    units.one,
    "share of a factor's running average that an update keeps",
    maximum=1,
    open_maximum=True,
    better=Better.EITHER,
)
# Sum over the factor's eigenvalues alpha, before damping by gamma, of alpha / (alpha + gamma).
d_e = _symbol(
    "d_e",
    "effective_dimension",
    units.one,
    "sum over modes of alpha / (alpha + gamma), alpha the factor's eigenvalues and gamma its damping",
    open_minimum=True,
)
# Mean over those effective dimensions of gamma / (alpha + gamma): 1 / s_d for a power law.
q = _symbol(
    "q",
    "damping_share",
    units.one,
    "mean of gamma / (alpha + gamma) over modes weighted by alpha / (alpha + gamma)",
    open_minimum=True,
    maximum=1,
)
# Squared Frobenius norm over squared spectral norm of the damped factor.
s_2 = _symbol(
    "s_2", "squared_rank", units.one, "sum over modes of (lambda / lambda_max)^2 of the damped factor", minimum=1
)
# Error that is alike in all components, relative, after an inverse has been applied, over what it was before.
h = _symbol(
    "h",
    "white_gain",
    units.one,
    "how much more the other factor's inverse, applied later, enlarges white noise than a gradient; 1 for the last",
)
psi = _symbol(
    "psi",
    "diagonal_peak",
    units.one,
    "largest diagonal entry over the mean one, of the factor before damping",
    minimum=1,
)
y = _symbol(
    "y", "run_length", units.one, "time a run takes over the relaxation time of its slowest mode", open_minimum=True
)
c_r = _symbol(
    "c_r",
    "cost_ratio",
    units.one,
    "time that sampling takes at an error of 1 over the time of settling by a factor e",
    open_minimum=True,
)

# --- several workers -----------------------------------------------------------------------------------------------
# Devices that share one training job, data parallel.
p = _symbol("p", "workers", units.one, "data-parallel devices that share the factors' work", minimum=1)
# KAISA's gradient-worker fraction: 1/p memory-optimal, 1 communication-optimal, between hybrid.
f_g = _symbol(
    "f_g",
    "gradient_worker_fraction",
    units.one,
    "share of the workers that hold a layer's inverses: 1/p memory-optimal, 1 communication-optimal",
    open_minimum=True,
    maximum=1,
)

# --- the analog machine --------------------------------------------------------------------------------------------
# RC of one cell, with couplings scaled so that lambda_max = 1: the fastest relaxation time.
tau = _symbol(
    "tau", "relaxation_time", units.second, "RC of a cell; modes decay as exp(-lambda t / tau)", open_minimum=True
)
# Rows and columns one array holds.
m = _symbol("m", "cells", units.one, "rows and columns of one array", minimum=1, whole=True, better=Better.LARGER)
# Arrays that run side by side behind one link.
P = _symbol(
    "P",
    "arrays",
    units.one,
    "arrays that run side by side behind one link",
    minimum=1,
    whole=True,
    better=Better.LARGER,
)
# Bits a coupling or a right-hand side is uploaded with; one is its sign, so a single bit has no step at all.
b_in = _symbol("b_in", "input_bits", units.bit, "bits of an uploaded coupling or input, its sign included", minimum=2)
# Bits a read-out value carries.
b_out = _symbol("b_out", "output_bits", units.bit, "bits of a value read out, its sign included", minimum=2)
# Digital link to the machine.
W = _symbol(
    "W",
    "link_bandwidth",
    units.bit_per_second,
    "bandwidth of the link to the machine",
    open_minimum=True,
    better=Better.LARGER,
)
# Delay of one transfer.
t_l = _symbol("t_l", "link_latency", units.second, "delay of one transfer over the link")
# Time to write one row of couplings once its bits have arrived.
t_w = _symbol("t_w", "row_write_time", units.second, "time to write one row of couplings into an array")
# One product of a vector with what stands on an array, its conversions included.
t_p = _symbol(
    "t_p", "product_time", units.second, "one product with one array, conversions included", open_minimum=True
)
# Conversions a second of one converter, and converters of one array.
f_c = _symbol(
    "f_c",
    "conversion_rate",
    units.hertz,
    "conversions a second of one converter",
    open_minimum=True,
    better=Better.LARGER,
)
n_c = _symbol(
    "n_c",
    "converters",
    units.one,
    "converters of one array, working in parallel",
    minimum=1,
    whole=True,
    better=Better.LARGER,
)
# Noise power at one node over the squared norm of the input: 1 / (beta |b|^2).
nu = _symbol("nu", "noise_to_signal", units.one, "noise variance at a node over the squared norm of the input")
# sqrt(LC) of a cell of second order, with couplings scaled so that lambda_max = 1.
tau_o = _symbol(
    "tau_o",
    "oscillation_time",
    units.second,
    "sqrt(LC) of an underdamped cell; modes swing at sqrt(lambda) / tau_o",
    open_minimum=True,
)
# Standard deviation of a coupling, relative to its value, fixed for a chip.
delta = _symbol("delta", "mismatch", units.one, "standard deviation of a coupling, relative to its value", maximum=1)
# Capacitance and resistance of a cell, and the swing a converter covers.
C = _symbol("C", "capacitance", units.farad, "capacitance of a cell", open_minimum=True)
R = _symbol("R", "resistance", units.ohm, "resistance of the largest coupling, R = tau / C", open_minimum=True)
V = _symbol("V", "full_scale_voltage", units.volt, "full scale of a node, peak to peak", open_minimum=True)
# Boltzmann's constant times temperature: 4.14e-21 J at 300 K.
E_T = _symbol("E_T", "thermal_energy", units.joule, "Boltzmann's constant times temperature", open_minimum=True)
# Energy of one conversion out, one conversion in, one bit over the link.
e_a = _symbol("e_a", "conversion_energy", units.joule, "energy of one analog-to-digital conversion")
e_d = _symbol("e_d", "input_conversion_energy", units.joule, "energy of one digital-to-analog conversion or cell write")
e_l = _symbol("e_l", "link_energy", (units.joule / units.bit).named("J/bit"), "energy of one bit over the link")

# --- what a run on the array is planned with -------------------------------------------------------------------------
t = _symbol("t", "run_time", units.second, "time an array runs from rest", open_minimum=True)
Delta = _symbol("Delta", "sample_spacing", units.second, "time between two samples", open_minimum=True)
# Mean over the modes of (lambda_max / lambda_i)^2, between 1 and kappa^2.
mu_2 = _symbol("mu_2", "mean_inverse_square", units.one, "mean over modes of (lambda_max / lambda)^2", minimum=1)
# |A^-1 b|^2 over |b|^2 with lambda_max = 1, between 1 and kappa^2; the worst case is 1.
s_x = _symbol("s_x", "solution_gain", units.one, "squared norm of the solution over that of the input", minimum=1)
# Largest entry of the programmed matrix over its largest eigenvalue: 1 at most, since the matrix is positive definite.
chi = _symbol("chi", "peak_entry", units.one, "largest entry over largest eigenvalue", open_minimum=True, maximum=1)
N_r = _symbol("N_r", "roundings", units.one, "independent stochastic roundings whose results are averaged", minimum=1)
N_f = _symbol("N_f", "offset_readings", units.one, "readings of one state, offset by fractions of a step", minimum=1)
# First eigenvalue over the second, of the factor before damping.
eta = _symbol(
    "eta",
    "top_mode_gap",
    units.one,
    "largest eigenvalue over the second largest, before damping",
    minimum=1,
    better=Better.EITHER,
    of_each_factor=True,
)
N_p = _symbol("N_p", "power_iterations", units.one, "iterations that find the top mode", minimum=1)

# --- converters as a class (survey envelopes) ------------------------------------------------------------------------
e_q = _symbol(
    "e_q", "converter_thermal_energy", units.joule, "1 / FOMS of slow converters: 10^(-F0 / 10)", open_minimum=True
)
e_f = _symbol(
    "e_f",
    "converter_speed_energy",
    (units.joule / units.hertz).named("J/Hz"),
    "1 / FOMS of fast converters, for each Hz: 10^(-K / 10)",
    open_minimum=True,
)
e_w = _symbol("e_w", "converter_step_energy", units.joule, "Walden's energy for each of 2^b steps", open_minimum=True)
f_r = _symbol(
    "f_r", "fastest_conversion_rate", units.hertz, "fastest converter of 7.5 effective bits", open_minimum=True
)

# --- crossovers ------------------------------------------------------------------------------------------------------
F_d = _symbol(
    "F_d", "digital_rate", units.flop_per_second, "FLOPs a second the digital inverse reaches", open_minimum=True
)
c_3 = _symbol(
    "c_3", "inversion_flops", units.flop, "FLOPs of a digital inverse over n^3: 1 by Cholesky", open_minimum=True
)
phi = _symbol(
    "phi", "solver_share", units.one, "share of the digital step that a solver replaces", maximum=1, open_maximum=True
)
ell = _symbol("ell", "link_share", units.one, "time on the solver's link over the digital step")
i_f = _symbol("i_f", "factor_interval", units.one, "steps between two factor updates", minimum=1)
i_r = _symbol("i_r", "refresh_interval", units.one, "steps between two inversions", minimum=1)

# --- a refresh beside training ---------------------------------------------------------------------------------------
z = _symbol("z", "stale_steps", units.one, "steps between the start of a refresh and the first step that uses it")
t_b = _symbol("t_b", "beside_time", units.second, "time of one refresh that can run beside training")
t_d = _symbol("t_d", "training_step_time", units.second, "time of one step in which a refresh can run beside it")
P_d = _symbol("P_d", "idle_power", units.watt, "power of a device that waits for the machine", better=Better.EITHER)
t_i = _symbol("t_i", "idle_time", units.second, "time that a device waits for the machine")
t_f = _symbol("t_f", "factor_update_time", units.second, "time of one factor update that a refresh can run beside")
