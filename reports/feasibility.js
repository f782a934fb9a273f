"use strict";
// Whether a machine reaches the accuracy that is asked of it, as costmodel.projection.feasibility has it.

/** Symbols of a factor as the arrays of a method see it. */
function seenBy(method, evaluation) {
  if (!method.deflated) return {};
  const { fixed, curved } = evaluation, names = Object.values(fixed.moments);
  const found = evaluation.formulas.evaluate(names, { ...curved, eta: map((x) => Math.min(x, 1e6), curved.eta) });
  const values = Object.fromEntries(Object.entries(fixed.moments).map(([letter, name]) => [letter, found[name]]));
  values.d_e = map((x) => Math.max(x, 1e-9), values.d_e);
  values.q = map((x) => Math.min(Math.max(x, 1e-9), 1 - 1e-9), values.q);
  const bound = zip((d, q) => d * (2 - q), values.d_e, values.q);
  values.s_r = most(values.s_r, zip((x, kappa) => x / Math.max(kappa - 1, 1e-9) * (1 + 1e-9), bound, values.kappa));
  const peak = evaluation.evaluate1(fixed.chi, { ...curved, ...values });
  return { ...values, chi: map((x) => Math.min(x, 1), peak) };
}

/** Symbols of the converter that the mean of offset readings stands for. */
function finerOf(method, evaluation) {
  if (!method.averaged) return {};
  const { fixed, curved } = evaluation;
  return { b_out: evaluation.evaluate1(fixed.finer, { ...curved, N_f: evaluation.evaluate1(method.averaged, curved) }) };
}

/** Error that couplings may cause before refinement. */
function askedOf(method, target) {
  if (!method.refined) return target;
  return target.map((x) => {
    const each = Math.sqrt(Math.sqrt(1 + x * x) - 1), before = Math.min(Math.sqrt(each / Math.sqrt(3)), 0.3), power = 1 + before * before;
    return Math.sqrt(power * power - 1);
  });
}

/** Reach, the worst layer's share of the budget, its error and largest cause, bits needed and share of layers reached. */
function feasibility(method, evaluation) {
  const { fixed, curved } = evaluation;
  const missing = method.needs && !evaluation.machine.given.includes(method.needs) && !(`analog.${method.needs}` in evaluation.settings.set);
  const causes = evaluation.causes(method.delivers);
  const finer = finerOf(method, evaluation);
  const seen = { ...curved, ...seenBy(method, evaluation), ...finer, epsilon_n: draws(askedOf(method, evaluation.sample.drawn(fixed.tolerances.T_c))) };
  const names = Object.values(causes).flat(), read = names.filter((name) => fixed.readings.includes(name));
  const found = { ...evaluation.formulas.evaluate(names.filter((name) => !fixed.readings.includes(name)).concat(fixed.bits), seen) };
  if (read.length) Object.assign(found, evaluation.formulas.evaluate(read, { ...curved, ...finer }));
  const parts = {};
  for (const [cause, own] of Object.entries(causes)) {
    let errors = own.map((name) => found[name]).reduce(times);
    if (method.refined) {
      const name = fixed.after_refinement[own[0]] || fixed.refined_couplings;
      errors = evaluation.evaluate1(name, { ...curved, epsilon: evaluation.full(errors) });
    }
    parts[cause] = evaluation.ofLayers(evaluation.full(errors));
  }
  const shares = map(Math.sqrt, evaluation.taken(parts, curved)), counts = evaluation.layerCounts, { count } = evaluation;
  const row = (a, index) => a.data.subarray(index * a.cols, (index + 1) * a.cols);
  let reached = 0, all = 0, worst = 0, budget = -1;
  counts.forEach((layers, index) => {
    const own = row(shares, index);
    let within = 0;
    for (let d = 0; d < count; d++) if (own[shares.cols > 1 ? d : 0] <= 1) within++;
    if (within / count >= 0.5) reached += layers;
    all += layers;
    const middle = median(own);
    if (middle > budget) { budget = middle; worst = index; }
  });
  const tolerated = (cause) => curved[fixed.tolerated[cause]];
  const middle = Object.entries(parts).map(([cause, part]) => [cause, median(row(zip((x, t) => x / t, part, tolerated(cause)), worst))]);
  const limit = middle.reduce((a, b) => (b[1] > a[1] ? b : a))[0], share = reached / all;
  const error = median(row(map(Math.sqrt, Object.values(parts).map((part) => times(part, part)).reduce(plus)), worst));
  const bits = median(overUnits(found[fixed.bits], Math.max).data);
  const reach = missing ? "cannot run" : Math.round(share * 1e9) / 1e9 >= 0.99 ? "yes" : share > 0 ? "some layers" : "no";
  return { reach, budget, error, limit, share, bits };
}
