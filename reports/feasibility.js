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

/** Error that couplings may cause before refinement. */
function askedOf(method, target) {
  if (!method.refined) return target;
  return target.map((x) => {
    const each = Math.sqrt(Math.sqrt(1 + x * x) - 1), before = Math.min(Math.sqrt(each / Math.sqrt(3)), 0.3), power = 1 + before * before;
    return Math.sqrt(power * power - 1);
  });
}

/** Reach, worst error and its cause, bits needed and share of layers reached of a thermodynamic method. */
function feasibility(method, evaluation) {
  const { fixed, curved } = evaluation, { found: quantities } = evaluation.sample;
  const missing = method.needs && !evaluation.machine.given.includes(method.needs) && !(`analog.${method.needs}` in evaluation.settings.set);
  const causes = { input_rounding: [fixed.rounding], ...fixed.causes[method.delivers] };
  if (quantities["analog.mismatch"]) causes.mismatch = [fixed.mismatch];
  const target = evaluation.sample.drawn("model.kfac.relative_error");
  const seen = { ...curved, ...seenBy(method, evaluation), epsilon_n: draws(askedOf(method, target)) };
  const names = Object.values(causes).flat(), read = names.filter((name) => fixed.readings.includes(name));
  const found = { ...evaluation.formulas.evaluate(names.filter((name) => !fixed.readings.includes(name)).concat(fixed.bits), seen) };
  if (read.length) Object.assign(found, evaluation.formulas.evaluate(read, curved));
  const parts = {};
  let squares = scalar(0);
  for (const [cause, own] of Object.entries(causes)) {
    let errors = own.map((name) => found[name]).reduce(times);
    if (method.refined) {
      const name = fixed.after_refinement[own[0]] || fixed.refined_couplings;
      errors = evaluation.evaluate1(name, { ...curved, epsilon: evaluation.full(errors) });
    }
    parts[cause] = evaluation.ofLayers(evaluation.full(errors));
    squares = zip((x, y) => x + y * y, squares, parts[cause]);
  }
  const counts = evaluation.layerCounts, cols = squares.cols, { count } = evaluation;
  let reached = 0, all = 0, worst = 0, error = -1;
  counts.forEach((layers, row) => {
    const own = squares.data.subarray(row * cols, (row + 1) * cols).map(Math.sqrt);
    let within = 0;
    for (let d = 0; d < count; d++) if (own[cols > 1 ? d : 0] <= target[d]) within++;
    if (within / count >= 0.5) reached += layers;
    all += layers;
    const middle = median(own);
    if (middle > error) { error = middle; worst = row; }
  });
  const middle = Object.entries(parts).map(([cause, part]) => [cause, median(part.data.subarray(worst * part.cols, (worst + 1) * part.cols))]);
  const limit = middle.reduce((a, b) => (b[1] > a[1] ? b : a))[0], share = reached / all;
  const bits = median(overUnits(found[fixed.bits], Math.max).data);
  const reach = missing ? "cannot run" : Math.round(share * 1e9) / 1e9 >= 0.99 ? "yes" : share > 0 ? "some layers" : "no";
  return { reach, error, limit, share, bits };
}
