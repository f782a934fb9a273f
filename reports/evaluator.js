"use strict";
// A projection by itself: what costmodel.projection computes, on a plan that reports/plan.py made, under some settings.
//
// settings: {digital, analog: names of cards; set: {path: number}; batch, refresh, factors: whole numbers or undefined}

function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  return new Float64Array(bytes.buffer);
}

const DEVIATE_95 = 1.6448536269514722;

/** Values of a quantity at standard normal deviates. */
function quantityAt({ value, low, high }, deviates) {
  if (low === high) return deviates.map(() => value);
  if (low > 0) {
    const up = Math.log(high / value), down = Math.log(value / low);
    return deviates.map((z) => value * Math.exp((z / DEVIATE_95) * (z > 0 ? up : down)));
  }
  return deviates.map((z) => Math.max(value + (z / DEVIATE_95) * (z > 0 ? high - value : value - low), 0));
}

/** Quantities as settings leave them, by path: those of the model, of two cards and what machines are taken to have. */
function quantitiesOf(plan, settings) {
  const groups = plan.quantities, set = settings.set;
  const found = { ...groups.model, ...groups.digital[settings.digital], ...groups.analog[settings.analog] };
  for (const [path, value] of Object.entries(set))
    found[path] = { ...(found[path] || {}), value, low: value, high: value, stream: "", least: found[path]?.least ?? null, most: found[path]?.most ?? null, better: found[path]?.better ?? "either" };
  if ("model.kfac.condition_number" in set) delete found["model.kfac.damping"];
  const given = new Set([...plan.analog[settings.analog].given.map((name) => `analog.${name}`), ...Object.keys(set)]);
  const like = (path, [low, value, high]) => { if (!given.has(path)) found[path] = { ...found[path], low, value, high }; };
  const product = found["analog.product_time"];
  if (product) like("analog.relaxation_time", [product.low, product.value, product.high]);
  const tau = found["analog.relaxation_time"];
  if (product) like("analog.product_time", [tau.low, tau.value, tau.high]);
  like("analog.oscillation_time", [tau.low, tau.value, tau.high]);
  like("analog.capacitance", [tau.low / 100e3, tau.value / 1e3, tau.high / 1e3]);
  const heat = found["analog.temperature"], farad = found["analog.capacitance"], volt = found["analog.full_scale_voltage"];
  const noise = (kelvin, c, v) => plan.fixed.boltzmann * kelvin / (c * v * v);
  like("analog.noise_to_signal", [noise(heat.low, farad.high, volt.high), noise(heat.value, farad.value, volt.value), noise(heat.high, farad.low, volt.low)]);
  return found;
}

/** Draws of all quantities; with no deviates a single draw at their values. */
class Sample {
  constructor(plan, settings, deviates, curvature, count) {
    this.found = quantitiesOf(plan, settings);
    this.scenario = plan.scenario;
    this.deviates = deviates;
    this.count = count;
    this.curvature = curvature;
    this.kept = new Map();
  }
  normal(name) { return this.deviates ? this.deviates[name] : new Float64Array(this.count); }
  drawn(path) {
    if (!this.kept.has(path)) this.kept.set(path, this.draw(path));
    return this.kept.get(path);
  }
  draw(path) {
    const quantity = this.found[path];
    if (!quantity) return null;
    if (quantity.grid) return quantity.grid;
    let values;
    if (!this.deviates) values = new Float64Array(this.count).fill(quantity.value);
    else if (this.scenario === "nominal" || quantity.better === "either")
      values = quantityAt(quantity, quantity.low === quantity.high ? new Float64Array(this.count) : this.normal(quantity.stream || path));
    else values = new Float64Array(this.count).fill((quantity.better === "larger") === (this.scenario === "optimistic") ? quantity.high : quantity.low);
    if (quantity.least == null || !this.deviates) return values;
    const most = quantity.most ?? Infinity;
    return values.map((x) => Math.min(Math.max(x, quantity.least), most));
  }
}

/** One network on one digital device and one analog machine. */
class Evaluation {
  constructor(plan, formulas, settings, sample, methods = plan.methods, kept = null) {
    this.wanted = [...new Set(methods.flatMap((method) => method.phases))];
    this.deliveries = new Set(methods.map((method) => method.delivers).filter(Boolean));
    this.kept = kept;
    Object.assign(this, { plan, formulas, settings, sample, fixed: plan.fixed, model: plan.model, count: sample.count });
    this.card = plan.digital[settings.digital];
    this.machine = plan.analog[settings.analog];
    this.shapes = settings.shapes || plan.model.shapes;
    this.batch = settings.batch ?? plan.model.batch;
    this.refresh = settings.refresh ?? plan.model.refresh;
    this.factors = settings.factors ?? plan.model.factors;
    this.curvedLetters = new Set(plan.fixed.curved);
    this.costs = new Map();
    this.steps = new Map();
    this.symbols();
    this.evaluated = new Map();
    this.all();
  }
  drawn(path) { const found = this.sample.drawn(path); return found && draws(found); }
  evaluate1(name, values) { return this.formulas.evaluate([name], values)[name]; }

  // --- symbols ---
  symbols() {
    const { shapes, model } = this, each = (f) => column(shapes.map(f)), deviceBatch = this.batch / model.devices;
    const ones = (value) => each(() => value);
    const layer = {
      d: each((s) => s.d), a: each((s) => s.a), g: each((s) => s.g), M: each((s) => s.rows * deviceBatch), B: ones(deviceBatch),
      pairs: each((s) => s.pairs), j: each((s) => s.j), b: this.drawn("model.kfac.block_size"), p: ones(model.devices), f_g: ones(model.fraction),
    };
    const whole = {
      N: this.settings.parameters ?? model.parameters, N_t: model.tensors, F_o: (this.settings.otherFlops ?? model.other_flops) * this.batch / model.devices,
      F_b: (this.settings.otherGradientFlops ?? model.other_gradient_flops) * this.batch / model.devices, pairs: 1, p: model.devices, f_g: model.fraction,
    };
    const both = (x, y) => array(Float64Array.from([...x.data, ...y.data]), x.rows + y.rows, 1);
    const factor = {};
    for (const [letter, path] of Object.entries(this.fixed.analog)) { const values = this.drawn(path); if (values) factor[letter] = values; }
    factor.E_T = scaled(factor.E_T, this.fixed.boltzmann);
    factor.n = both(layer.a, layer.g);
    factor.k = both(layer.g, layer.a);
    for (const letter of ["pairs", "M", "B"]) factor[letter] = both(layer[letter], layer[letter]);
    factor.m = factor.m ? least(factor.m, factor.n) : factor.n;
    factor.n_c = factor.n_c || factor.m;
    for (const [letter, path] of Object.entries(this.fixed.tolerances)) factor[letter] = this.drawn(path);
    factor.d_r = this.drawn("model.kfac.drift");
    factor.beta_f = this.drawn("model.kfac.factor_decay");
    factor.i_r = scalar(this.refresh);
    factor.i_f = scalar(this.factors);
    this.values = { model: Object.fromEntries(Object.entries(whole).map(([k, v]) => [k, scalar(v)])), layer, factor };
    this.standing();
    this.curve();
  }

  /** Which factors stand for those of each shape. */
  standing() {
    const { unit, weight } = this.sample.curvature, shapes = this.shapes.length;
    this.unit = [...unit, ...unit.map((each) => each + shapes)];
    this.weights = [...weight, ...weight];
    this.layerCounts = unit.map((each, index) => this.shapes[each].count * weight[index]);
  }
  spread(a) {
    if (a.rows === 1) return a;
    const out = new Float64Array(this.unit.length * a.cols);
    this.unit.forEach((from, to) => out.set(a.data.subarray(from * a.cols, (from + 1) * a.cols), to * a.cols));
    return array(out, this.unit.length, a.cols);
  }
  mean(a) {
    if (a.rows === 1) return a;
    const rows = 2 * this.shapes.length, out = new Float64Array(rows * a.cols);
    this.unit.forEach((to, from) => { for (let d = 0; d < a.cols; d++) out[to * a.cols + d] += a.data[from * a.cols + d] * this.weights[from]; });
    return array(out, rows, a.cols);
  }

  /** Symbols of the factors that stand for all, in the order in which they rest on each other. */
  curve() {
    const values = {}, { fixed } = this, plain = this.values.factor, state = (name) => this.evaluate1(name, values);
    for (const [letter, each] of Object.entries(plain)) values[letter] = this.spread(each);
    Object.assign(values, this.sample.curvature.values);
    const rows = this.unit.length, half = rows / 2, { count } = this;
    if (this.sample.found["model.kfac.condition_number"]) values.kappa = zip((x) => x, this.drawn("model.kfac.condition_number"), column(new Array(rows).fill(0)));
    else { values.lambda = this.drawn("model.kfac.damping"); values.kappa = state(fixed.kappa); }
    Object.assign(values, powerLawMoments(values.n, values.kappa, values.s_r, values.eta, values.s_d));
    const gain = zip((x, y) => Math.sqrt(x / y), values.mu_2, values.s_x), width = gain.cols;
    values.h = array(new Float64Array(rows * width).fill(1), rows, width);
    values.h.data.set(gain.data.subarray(half * width), 0);
    values.psi = least(this.drawn("model.kfac.diagonal_peak"), over(values.n, values.s_r));
    values.chi = map((x) => Math.min(x, 1), state(fixed.chi));
    values.r = this.model.given_rank ? least(this.drawn("model.kfac.rank"), values.n) : state(fixed.r);
    for (const delivers of this.deliveries) values[fixed.shares[delivers]] = this.systematic(delivers, values);
    values.nu = state(fixed.nu);
    if (this.machine.relaxation_of === "largest_coupling") {
      values.tau = times(values.tau, values.chi);
      values.tau_o = zip((x, chi) => x * Math.sqrt(chi), values.tau_o, values.chi);
    }
    this.curved = values;
  }
  ofLayers(errors) {
    const half = errors.rows / 2, size = half * errors.cols, out = new Float64Array(size);
    for (let i = 0; i < size; i++) { const x = errors.data[i], y = errors.data[size + i]; out[i] = Math.sqrt((1 + x * x) * (1 + y * y) - 1); }
    return array(out, half, errors.cols);
  }
  full(a) { return a.rows === this.unit.length ? a : zip((x) => x, a, column(new Array(this.unit.length).fill(0))); }
  /** Errors of a gradient that no time removes, by cause: formulas that amplify each other. */
  causes(delivers) {
    const { mismatch, ...causes } = this.fixed.causes[delivers];
    return this.sample.found["analog.mismatch"] ? { ...causes, mismatch } : causes;
  }
  /** Squares of what some errors of layers take of what is tolerated of each, added. */
  taken(parts, values) {
    return Object.entries(parts).map(([cause, part]) => zip((x, t) => (x / t) * (x / t), part, values[this.fixed.tolerated[cause]])).reduce(plus);
  }
  /** What all causes take together in a layer, once for A and once for G. */
  systematic(delivers, values) {
    const causes = this.causes(delivers), found = this.formulas.evaluate(Object.values(causes).flat(), values);
    const parts = Object.fromEntries(Object.entries(causes).map(([cause, own]) => [cause, this.ofLayers(this.full(own.map((name) => found[name]).reduce(times)))]));
    const layer = map(Math.sqrt, this.taken(parts, values)), out = new Float64Array(2 * layer.data.length);
    out.set(layer.data, 0);
    out.set(layer.data, layer.data.length);
    return array(out, 2 * layer.rows, layer.cols);
  }

  // --- formulas of work, all at once ---
  isCurved(name) { return this.plan.letters[name].some((letter) => this.curvedLetters.has(letter)); }
  all() {
    const groups = new Map();
    for (const work of this.works()) {
      const scope = work.kind === "analog" ? "factor" : work.scope;
      for (const key of ["calls", "units", "elements", "time", "systems", "messages", "words"])
        if (typeof work[key] === "string") {
          const [own, name, tolerance] = this.place(work[key], scope, work.tolerance);
          const group = own + "|" + (tolerance || "");
          if (!groups.has(group)) groups.set(group, { own, tolerance, names: new Set() });
          groups.get(group).names.add(name);
        }
    }
    const tolerances = [...new Set([...groups.values()].map((each) => each.tolerance).filter(Boolean))];
    const found = tolerances.length ? this.formulas.evaluate(tolerances, this.curved) : {};
    for (const [key, { own, tolerance, names }] of groups) {
      const values = own === "curved" ? { ...this.curved, ...(tolerance ? { epsilon: found[tolerance] } : {}) } : this.values[own];
      const results = this.formulas.evaluate([...names], values);
      for (const name of names) this.evaluated.set(key + "|" + name, own === "curved" ? this.mean(results[name]) : results[name]);
    }
  }
  works() { return this.wanted.filter((index) => !this.known(index)).flatMap((index) => this.plan.phases[index].works); }

  /** Whether a phase costs what it did under other settings: digital work that depends on sizes and on the card alone. */
  known(index) { return this.kept !== null && this.kept.has(index); }
  isPlain(phase) {
    return phase.works.every((work) => work.kind === "digital" && work.sizes.every((letter) => letter !== "r")
      && ["calls", "units", "elements"].every((key) => typeof work[key] !== "string" || this.place(work[key], work.scope, work.tolerance)[0] !== "curved"
        && !this.plan.letters[work[key]].some((letter) => letter in this.fixed.analog || letter in this.fixed.tolerances)));
  }
  place(name, scope, tolerance) {
    const own = tolerance && this.plan.letters[name].includes("epsilon") ? tolerance : null;
    return [own || this.isCurved(name) ? "curved" : scope, name, own];
  }
  value(counted, scope, tolerance) {
    if (typeof counted !== "string") return scalar(counted);
    const [own, name, used] = this.place(counted, scope, tolerance);
    return this.evaluated.get(own + "|" + (used || "") + "|" + name);
  }

  // --- scopes ---
  pairs(scope) { return this.values[scope].pairs; }
  weight(scope, pairs, layers = "all") {
    if (scope === "model") return scalar(1);
    const having = (s) => (layers === "all" || (layers === "convolution") === s.patches ? 1 : 0);
    const own = this.shapes.map((s) => s.count * having(s) * (pairs ? s.pairs : 1));
    return column(scope === "layer" ? own : [...own, ...own]);
  }
  sum(a) { const found = overUnits(a); return found.cols === this.count ? found : draws(new Float64Array(this.count).fill(found.data[0])); }
  dimension(letter, scope) {
    let values = this.values[scope][letter];
    if (!values) values = this.mean(this.curved[letter]);
    const whole = (x) => Math.round(x * 1e9) / 1e9;
    if (values.cols === 1) return map(whole, values);
    return column(Array.from({ length: values.rows }, (_, row) => whole(median(values.data.subarray(row * values.cols, (row + 1) * values.cols)))));
  }

  // --- digital work ---
  groups(place) { return place === "all" ? 1 : place === "owner" ? this.model.devices : Math.round(1 / this.model.fraction); }
  batchOf(scope) {
    const weight = this.weight(scope, false);
    if (scope !== "factor") return weight;
    const sizes = this.values.factor.n.data, sum = new Map();
    sizes.forEach((n, index) => sum.set(n, (sum.get(n) || 0) + weight.data[index]));
    return column(Array.from(sizes, (n) => sum.get(n)));
  }
  launches(work, place) {
    const calls = this.value(work.calls, work.scope, work.tolerance);
    if (!work.batched) return calls;
    return over(calls, map((x) => Math.max(x / this.groups(place), 1), this.batchOf(work.scope)));
  }
  digital(work, place) {
    const weight = this.weight(work.scope, false, work.layers), parts = this.card.resolved[work.operation];
    const zero = draws(new Float64Array(this.count));
    if (!parts.length || !weight.data.some((each) => each)) return zero;
    const pairs = this.pairs(work.scope), calls = this.value(work.calls, work.scope, work.tolerance);
    let size = null, sides = null;
    if (work.sizes.length) {
      const columns = work.sizes.map((letter) => this.dimension(letter, work.scope));
      const inverse = columns.map((each) => map((x) => 1 / x, each)).reduce(plus);
      size = map((x) => 3 / x, inverse);
      const rows = size.rows, wide = (a) => (a.rows === rows ? a : column(new Array(rows).fill(a.data[0])));
      sides = [wide(columns[0]), wide(columns[2])];
    }
    const counted = {
      calls: this.launches(work, place), matrices: times(calls, pairs), items: pairs, size, sides,
      units: times(scaled(this.value(work.units, work.scope, work.tolerance), work.per_unit), pairs),
      elements: work.elements && times(this.value(work.elements, work.scope), pairs),
    };
    let seconds = null;
    for (const part of parts) {
      const law = this.card.laws[part.law], prefix = `digital.operations.${part.law}.`;
      law.elementsOf ||= new Function("$n", "$m", `return ${law.elements};`);
      counted.elementsOf = law.elementsOf;
      const context = { drawn: (name) => this.sample.drawn(prefix + name), unexplained: () => draws(this.sample.normal(prefix + "extrapolation")) };
      const own = (law.kind === "fitted" ? fittedSeconds : constantSeconds)(law, counted, part, context);
      if (own) seconds = seconds ? plus(seconds, own) : own;
    }
    if (!seconds) return zero;
    const step = this.drawn("digital.step");
    if (step) seconds = times(seconds, step);
    const groups = this.groups(place);
    if (groups > 1 && work.scope !== "model") {
      let units = zip((x) => x, seconds, array(new Float64Array(weight.rows * this.count), weight.rows, this.count)), counts = [...weight.data];
      if (work.scope === "factor" && Math.round(this.model.fraction * this.model.devices) === 1) {
        const half = units.rows / 2, size2 = half * this.count;
        units = array(units.data.subarray(0, size2).map((x, i) => x + units.data[size2 + i]), half, this.count);
        counts = counts.slice(0, half);
      }
      return busiest(units, counts, groups);
    }
    return this.sum(times(seconds, weight));
  }
  host(work, place) {
    let found = null;
    for (const part of this.card.resolved[work.operation]) {
      const { host } = this.card.laws[part.law];
      if (!host) continue;
      const calls = this.sum(times(this.launches(work, place), this.weight(work.scope, false, work.layers)));
      const scatter = this.sample.drawn(`digital.operations.${part.law}.scatter`), groups = this.groups(place);
      const own = draws(calls.data.map((x, d) => (x * part.launch / groups > 0 ? host.start + host.call * x * part.launch / groups : 0) * scatter[d]));
      found = found ? plus(found, own) : own;
    }
    return found;
  }
  message(work) {
    let seconds = scalar(0);
    if (work.messages) seconds = plus(seconds, times(this.value(work.messages, work.scope), this.drawn("digital.interconnect_latency")));
    if (work.words) seconds = plus(seconds, over(times(scaled(this.value(work.words, work.scope), 4), this.pairs(work.scope)), this.drawn("digital.interconnect_bandwidth")));
    return this.sum(times(seconds, this.weight(work.scope, false)));
  }

  // --- analog work ---
  analog(work) {
    const factor = work.law && this.drawn(`solver.${work.law}.factor`);
    let seconds = this.value(work.time, "factor", work.tolerance);
    if (factor) seconds = times(seconds, factor);
    const { machines } = this.model;
    let whole = this.sum(times(seconds, this.weight("factor", true)));
    if (work.resource === "link" && machines > 1) whole = most(scaled(whole, 1 / machines), overUnits(seconds, Math.max));
    if (work.resource === "arrays") {
      let jobs = work.systems ? over(seconds, this.value(work.systems, "factor")) : seconds;
      if (work.chained) {
        jobs = zip((x) => x, jobs, array(new Float64Array(2 * this.shapes.length), 2 * this.shapes.length, 1));
        const size = jobs.data.length / 2;
        jobs = array(jobs.data.subarray(0, size).map((x, i) => x + jobs.data[size + i]), jobs.rows / 2, jobs.cols);
      }
      whole = most(zip((x, arrays) => x / (machines * arrays), whole, this.drawn("analog.arrays")), overUnits(jobs, Math.max));
    }
    return whole;
  }
  runsPerStep(phase) {
    if (phase.interval) return scalar(1 / phase.interval);
    if (phase.cadence === "STEP") return scalar(1);
    if (phase.cadence === "FACTOR_UPDATE") return scalar(1 / this.factors);
    if (phase.cadence === "REFRESH") return scalar(1 / this.refresh);
    const { n, m } = this.values.factor, blocks = overUnits(times(zip((x, y) => Math.ceil(x / y), n, m), this.weight("factor", true)));
    return zip((arrays, all) => { const share = Math.min(1, this.model.machines * arrays / all); return share / this.refresh + (1 - share); }, this.drawn("analog.arrays"), blocks);
  }
  phase(index) {
    if (this.costs.has(index)) return this.costs.get(index);
    if (this.known(index)) return this.kept.get(index);
    const phase = this.plan.phases[index], share = this.runsPerStep(phase);
    const parts = phase.works.map((work) => times(work.kind === "analog" ? this.analog(work) : work.kind === "message" ? this.message(work) : this.digital(work, phase.place), share));
    let cost = parts.reduce(phase.pipelined ? most : plus);
    const hosts = phase.works.filter((work) => work.kind === "digital").map((work) => this.host(work, phase.place)).filter(Boolean);
    if (hosts.length) {
      const host = times(hosts.reduce(plus), share);
      if (host.data.some((each) => each)) cost = zip(Math.hypot, cost, host);
    }
    const floor = phase.fed && this.drawn("model.host_time");
    if (floor && median(floor.data) > median(cost.data)) cost = most(cost, floor);
    this.costs.set(index, cost);
    if (this.kept && this.isPlain(phase)) this.kept.set(index, cost);
    return cost;
  }
  /** What each phase of a method adds to a step; a stale refresh runs beside training. */
  method(method) {
    if (this.steps.has(method.name)) return this.steps.get(method.name);
    const own = new Map(method.phases.map((index) => [this.plan.phases[index], this.phase(index)]));
    const { model } = this, isMessage = (phase) => phase.works.some((work) => work.kind === "message");
    const moving = !model.stale ? [] : [...own.keys()].filter((phase) => phase.cadence === "REFRESH" && method.delivers !== "solution"
      && !isMessage(phase) && (model.second_stream || phase.works.every((work) => work.kind === "analog")));
    if (moving.length) {
      const interval = moving[0].interval || this.refresh, stale = Math.min(model.stale, interval);
      const whole = scaled(moving.map((phase) => own.get(phase)).reduce(plus), interval);
      const onLink = moving.some((phase) => phase.works.some((work) => work.kind === "analog" && work.resource === "link"));
      const room = [...own.keys()].filter((phase) => !(onLink && model.shared_link && isMessage(phase)));
      const during = (cadence) => room.filter((phase) => phase.cadence === cadence).map((phase) => own.get(phase)).reduce(plus, scalar(0));
      const left = this.evaluate1(this.fixed.exposed, { z: scalar(stale), i_f: scalar(this.factors), t_b: whole,
        t_d: during("STEP"), t_f: scaled(during("FACTOR_UPDATE"), this.factors) });
      const share = zip((x, y) => x / (y > 0 ? y : 1), left, whole);
      for (const phase of moving) own.set(phase, times(own.get(phase), share));
    }
    this.steps.set(method.name, own);
    return own;
  }
  step(method) { return [...this.method(method).values()].reduce(plus); }
}
