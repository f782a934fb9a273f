"use strict";
// What the page shows of a projection: steps by phase, speedups with intervals, time to target, accuracy.

/** Median and 90 % interval of some draws. */
function estimate(values) {
  const sorted = Float64Array.from(values).sort();
  return { median: quantile(sorted, 0.5), p05: quantile(sorted, 0.05), p95: quantile(sorted, 0.95) };
}

class Projector {
  constructor(plan) {
    this.plan = plan;
    this.formulas = new Formulas(plan.compiled);
    this.deviates = Object.fromEntries(Object.entries(plan.deviates).map(([name, text]) => [name, unpacked(text)]));
    this.curvature = this.unpack(plan.curvature.draws, plan.draws);
    this.nominal = this.unpack(plan.curvature.nominal, 1);
  }
  unpack(texts, count) {
    const { unit, weight } = this.plan.curvature, values = {};
    for (const [letter, text] of Object.entries(texts)) values[letter] = array(unpacked(text), 2 * unit.length, count);
    return { unit, weight, values };
  }

  /** The evaluation of all draws. */
  evaluation(settings) {
    return new Evaluation(this.plan, this.formulas, settings, new Sample(this.plan, settings, this.deviates, this.curvature, this.plan.draws));
  }

  /** A single draw, or one for each point of a grid of values by path. */
  atValues(settings, grid = {}) {
    const count = Math.max(1, ...Object.values(grid).map((each) => each.length));
    const sample = new Sample(this.plan, settings, null, settings.curvature || this.nominal, count);
    for (const [path, values] of Object.entries(grid)) sample.found[path] = { ...sample.found[path], grid: values };
    if (grid["model.kfac.condition_number"]) delete sample.found["model.kfac.damping"];
    return new Evaluation(this.plan, this.formulas, settings, sample);
  }

  project(settings) {
    const evaluation = this.evaluation(settings), { plan } = this, steps = {}, methods = {};
    for (const method of plan.methods) steps[method.name] = evaluation.step(method).data;
    const digital = plan.methods.filter((each) => each.role === "digital K-FAC");
    const middle = Object.fromEntries(Object.entries(steps).map(([name, values]) => [name, median(values)]));
    const best = digital.reduce((a, b) => (middle[b.name] < middle[a.name] ? b : a));
    const baseline = plan.methods.find((each) => each.role === "baseline").name;
    const adam = evaluation.sample.drawn("model.training.adam_steps"), ratio = evaluation.sample.drawn("model.training.kfac_step_ratio");
    const over2 = (a, b) => estimate(a.map((x, d) => x / b[d]));
    const judged = new Map(), estimates = new Map();
    // Most phases belong to several methods.
    const spread = (values) => { if (!estimates.has(values)) estimates.set(values, estimate(values)); return estimates.get(values); };
    for (const method of plan.methods) {
      const { name, role } = method, own = steps[name];
      const found = { step: estimate(own), phases: {}, over_best: over2(steps[best.name], own), over_adam: over2(steps[baseline], own) };
      for (const [phase, cost] of evaluation.method(method)) found.phases[phase.name] = spread(cost.data);
      if (adam && (role === "baseline" || role === "digital K-FAC" || role === "thermodynamic")) {
        const target = own.map((x, d) => x * adam[d] * (role === "baseline" ? 1 : ratio[d]));
        found.to_target = estimate(target);
        found.over_adam_to_target = estimate(target.map((x, d) => steps[baseline][d] * adam[d] / x));
      }
      if (role === "thermodynamic") {
        const kind = [method.delivers, method.deflated, method.refined, method.needs].join();
        if (!judged.has(kind)) judged.set(kind, feasibility(method, evaluation));
        found.feasibility = judged.get(kind);
      }
      methods[name] = found;
    }
    const rest = [...evaluation.method(best)].filter(([phase]) => !phase.solver).map(([, cost]) => cost).reduce(plus);
    const able = plan.methods.filter((each) => methods[each.name].feasibility && methods[each.name].feasibility.reach !== "cannot run");
    const thermo = able.length ? able.reduce((a, b) => (middle[b.name] < middle[a.name] ? b : a)).name : null;
    return { methods, best: best.name, thermo, free: over2(steps[best.name], rest.data), evaluation };
  }

  /** Steps of the best digital and the best accurate thermodynamic method at values: their ratio at every point. */
  advantage(evaluation, projected) {
    const fastest = (role) => this.plan.methods
      .filter((each) => each.role === role && (role !== "thermodynamic" || projected.methods[each.name].feasibility.reach !== "cannot run"))
      .map((each) => evaluation.step(each).data).reduce((a, b) => a.map((x, d) => Math.min(x, b[d])));
    const analog = fastest("thermodynamic");
    return fastest("digital K-FAC").map((x, d) => x / analog[d]);
  }
}
