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
  /** Curvature of the layers that stand for all, by letter. */
  unpack(texts, count) {
    const { unit, weight } = this.plan.curvature, values = {};
    for (const [letter, text] of Object.entries(texts)) values[letter] = array(unpacked(text), 2 * unit.length, count);
    return { unit, weight, values };
  }

  /** The evaluation of all draws; phases that only the digital side decides are kept from one to the next. */
  evaluation(settings, methods = this.plan.methods) {
    const sample = new Sample(this.plan, settings, this.deviates, this.curvature, this.plan.draws);
    const fixed = Object.entries(settings.set).filter(([path]) => path.startsWith("digital.") || path === "model.kfac.block_size" || path === "model.host_time");
    const key = JSON.stringify([settings.digital, settings.batch, settings.refresh, settings.factors, fixed]);
    if (this.keptUnder !== key) [this.keptUnder, this.kept] = [key, new Map()];
    return new Evaluation(this.plan, this.formulas, settings, sample, methods, this.kept);
  }

  /** Methods that a machine can run. */
  able(settings) {
    const { given } = this.plan.analog[settings.analog];
    return this.plan.methods.filter(({ needs }) => !needs || given.includes(needs) || `analog.${needs}` in settings.set);
  }

  /** A single draw, or one for each point of a grid of values by path. */
  atValues(settings, grid = {}) {
    const count = Math.max(1, ...Object.values(grid).map((each) => each.length));
    const sample = new Sample(this.plan, settings, null, settings.curvature || this.nominal, count);
    for (const [path, values] of Object.entries(grid)) sample.found[path] = { ...sample.found[path], grid: values };
    if (grid["model.kfac.condition_number"]) delete sample.found["model.kfac.damping"];
    return new Evaluation(this.plan, this.formulas, settings, sample, this.able(settings));
  }

  /** Settings under which the widths of all layers are multiplied; curvature by its law, parts without factors in proportion. */
  atWidth(settings, factor) {
    const { model, curvature } = this.plan, units = curvature.unit.length, values = {}, from = this.nominal;
    const wide = (size) => Math.max(1, Math.round(size * factor));
    const shapes = model.shapes.map((s) => ({ ...s, d: wide(s.d), a: wide(s.d) + (s.a - s.d), g: wide(s.g) }));
    const least = { theta: 0, s_r: 1, eta: 1, s_d: 0.1 };
    for (const [letter, each] of Object.entries(from.values))
      values[letter] = array(each.data.map((x, i) => {
        const grown = Math.max(x * Math.pow(factor, curvature.widths[letter][i]), least[letter]), shape = shapes[curvature.unit[i % units]];
        return letter === "s_r" ? Math.min(grown, i < units ? shape.a : shape.g) : grown;
      }), each.rows, 1);
    values.eta = zip((gap, rank) => Math.max(gap, Math.min(1 / (rank - 1), 1e12)), values.eta, values.s_r);
    const parameters = shapes.reduce((sum, s) => sum + s.count * s.pairs * s.a * s.g, 0) + model.others;
    return { ...settings, shapes, parameters, otherFlops: model.other_flops * factor, otherGradientFlops: model.other_gradient_flops * factor,
      curvature: { ...from, values } };
  }

  /** Everything about all methods, or about those that the machine can run. */
  project(settings, every = true) {
    const { plan } = this, steps = {}, methods = {}, wanted = every ? plan.methods : this.able(settings);
    const evaluation = this.evaluation(settings, wanted);
    for (const method of wanted) steps[method.name] = evaluation.step(method).data;
    const digital = wanted.filter((each) => each.role === "digital K-FAC");
    const middle = Object.fromEntries(Object.entries(steps).map(([name, values]) => [name, median(values)]));
    const best = digital.reduce((a, b) => (middle[b.name] < middle[a.name] ? b : a));
    const baseline = plan.methods.find((each) => each.role === "baseline").name;
    const adam = evaluation.sample.drawn("model.training.adam_steps"), ratio = evaluation.sample.drawn("model.training.kfac_step_ratio");
    const over2 = (a, b) => estimate(a.map((x, d) => x / b[d]));
    const judged = new Map(), estimates = new Map();
    // Most phases belong to several methods.
    const spread = (values) => { if (!estimates.has(values)) estimates.set(values, estimate(values)); return estimates.get(values); };
    for (const method of wanted) {
      const { name, role } = method, own = steps[name];
      const found = { step: estimate(own), phases: {}, over_best: over2(steps[best.name], own), over_adam: over2(steps[baseline], own) };
      for (const [phase, cost] of evaluation.method(method)) found.phases[phase.name] = spread(cost.data);
      if (adam && (role === "baseline" || role === "digital K-FAC" || role === "thermodynamic")) {
        const target = own.map((x, d) => x * adam[d] * (role === "baseline" ? 1 : ratio[d]));
        found.to_target = estimate(target);
        found.over_adam_to_target = estimate(target.map((x, d) => steps[baseline][d] * adam[d] / x));
      }
      if (role === "thermodynamic") {
        const kind = [method.delivers, method.deflated, method.refined, method.averaged, method.needs].join();
        if (!judged.has(kind)) judged.set(kind, feasibility(method, evaluation));
        found.feasibility = judged.get(kind);
      }
      methods[name] = found;
    }
    const rest = [...evaluation.method(best)].filter(([phase]) => !phase.solver).map(([, cost]) => cost).reduce(plus);
    const able = wanted.filter((each) => methods[each.name].feasibility && methods[each.name].feasibility.reach !== "cannot run");
    const thermo = able.length ? able.reduce((a, b) => (middle[b.name] < middle[a.name] ? b : a)).name : null;
    return { methods, best: best.name, thermo, free: over2(steps[best.name], rest.data), evaluation };
  }

  /** The best digital step over the best thermodynamic one, at every point. */
  advantage(evaluation) {
    const fastest = (role) => this.able(evaluation.settings).filter((each) => each.role === role)
      .map((each) => evaluation.step(each).data).reduce((a, b) => a.map((x, d) => Math.min(x, b[d])));
    const analog = fastest("thermodynamic");
    return fastest("digital K-FAC").map((x, d) => x / analog[d]);
  }
}
