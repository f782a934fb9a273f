"use strict";
// The page: controls, tables and pictures that follow them, formulas behind every number, state in the fragment.

const data = JSON.parse(document.getElementById("plan").textContent);
const { plan, shown } = data;
const projector = new Projector(plan);
const $ = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; texts are texts, never markup. */
function element(tag, attributes = {}, ...children) {
  const own = tag.startsWith("svg:") ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) own.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) own.setAttribute(name, value === true ? "" : value);
  }
  own.append(...children.filter((each) => each !== null));
  return own;
}

// --- numbers in words ---
const PREFIXES = [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"], [1e-15, "f"]];
function significant(value, digits = 3) {
  const x = Number(value.toPrecision(digits));
  return Math.abs(x) < 1e6 && (x === 0 || Math.abs(x) >= 1e-4) ? String(x) : x.toExponential().replace("e+", "e");
}
function withPrefix(value, unit, digits = 3) {
  const x = Number(value.toPrecision(digits));
  if (x === 0) return `0 ${unit}`;
  let [factor, prefix] = PREFIXES.find(([each]) => Math.abs(x) >= each) || PREFIXES[PREFIXES.length - 1];
  if (unit === "s" && factor > 1) [factor, prefix] = [1, ""];
  return `${significant(x / factor, digits)} ${prefix}${unit}`;
}
function inUnit(value, unit) {
  if (unit === "1" || unit === "bit") return significant(value) + (unit === "bit" ? " bit" : "");
  return withPrefix(value, unit);
}
function duration(value) {
  for (const [size, name] of [[86400, "days"], [3600, "h"], [60, "min"]]) if (value >= size) return `${significant(value / size)} ${name}`;
  return withPrefix(value, "s");
}
const seconds = (e) => [withPrefix(e.median, "s"), `${withPrefix(e.p05, "s")} to ${withPrefix(e.p95, "s")}`];
const ratio = (e) => [`${significant(e.median)}×`, `${significant(e.p05)} to ${significant(e.p95)}`];

/** A number as somebody types it: "1 us", "50 Gbit/s", "1e-3", "0.02". NaN where it is none. */
function typed(text, unit) {
  const match = /^\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(.*?)\s*$/.exec(text);
  if (!match) return NaN;
  const [, number, rest] = match;
  if (!rest || rest === unit) return Number(number);
  const found = PREFIXES.concat([[1e-6, "u"], [1e-6, "μ"]]).find(([, prefix]) => prefix && rest === prefix + unit);
  return found ? Number((Number(number) * found[0]).toPrecision(15)) : NaN;
}

// --- state ---
let state = { digital: shown.digital, analog: shown.analog, set: {} };
function readFragment() {
  const found = { digital: shown.digital, analog: shown.analog, set: {} };
  for (const [key, text] of new URLSearchParams(location.hash.slice(1))) {
    if (key === "digital" && plan.digital[text]) found.digital = text;
    else if (key === "analog" && plan.analog[text]) found.analog = text;
    else {
      const control = controls.find((each) => each.path === key), value = Number(text);
      if (!control || !(value > 0) || !Number.isFinite(value)) continue;
      if (control.whole) found[control.whole] = Math.max(1, Math.round(value));
      else found.set[key] = value;
    }
  }
  return found;
}
function writeFragment() {
  const found = new URLSearchParams();
  if (state.digital !== shown.digital) found.set("digital", state.digital);
  if (state.analog !== shown.analog) found.set("analog", state.analog);
  for (const control of controls) {
    const value = control.whole ? state[control.whole] : state.set[control.path];
    if (value !== undefined) found.set(control.path, String(value));
  }
  history.replaceState(null, "", `#${found}`);
}

// --- controls ---
const given = plan.model.given_condition;
const controls = [
  given ? null : { path: "model.kfac.damping", label: "damping λ", unit: "1", low: 1e-6, high: 1 },
  { path: "model.kfac.condition_number", label: given ? "condition number κ" : "condition number κ, instead of damping", unit: "1", low: 2, high: 1e6 },
  { path: "analog.relaxation_time", label: "relaxation time RC", unit: "s", low: 1e-10, high: 1e-3 },
  { path: "analog.input_bits", label: "bits of couplings and inputs", unit: "bit", low: 3, high: 20, step: 1 },
  { path: "analog.output_bits", label: "bits of what is read out", unit: "bit", low: 3, high: 20, step: 1 },
  { path: "analog.link_bandwidth", label: "bandwidth of the link", unit: "bit/s", low: 1e9, high: 1e14 },
  { path: "analog.arrays", label: "arrays side by side", unit: "1", low: 1, high: 4096, round: true },
  { path: "batch", label: "batch size", unit: "1", low: 1, high: 65536, round: true, whole: "batch" },
  { path: "refresh", label: "steps between refreshes", unit: "1", low: 1, high: 10000, round: true, whole: "refresh" },
  { path: "model.kfac.sampling_tolerance", label: "tolerated error of a gradient by sampling", unit: "1", low: 0.005, high: 4 },
  { path: "model.kfac.settling_tolerance", label: "the same by settling too briefly", unit: "1", low: 0.005, high: 0.95 },
  { path: "model.kfac.coupling_tolerance", label: "by rounded couplings", unit: "1", low: 0.005, high: 4 },
  { path: "model.kfac.reading_tolerance", label: "by rounded readings", unit: "1", low: 0.005, high: 4 },
  { path: "model.kfac.mismatch_tolerance", label: "by mismatched components", unit: "1", low: 0.005, high: 4 },
  plan.model.target ? { path: "model.training.kfac_step_ratio", label: "steps of K-FAC over Adam's", unit: "1", low: 0.05, high: 2 } : null,
].filter(Boolean);

const NORMAL = { batch: plan.model.batch, refresh: plan.model.refresh };
function currentOf(control) {
  if (control.whole) return state[control.whole] ?? NORMAL[control.whole];
  if (control.path in state.set) return state.set[control.path];
  const found = quantitiesOf(plan, state)[control.path];
  return found ? found.value : null;
}
const isSet = (control) => (control.whole ? state[control.whole] !== undefined : control.path in state.set);
const toSlider = (control, value) => (control.step ? value : 1000 * Math.log(value / control.low) / Math.log(control.high / control.low));
function fromSlider(control, position) {
  if (control.step) return Number(position);
  const value = control.low * Math.pow(control.high / control.low, position / 1000);
  return control.round ? Math.max(1, Math.round(value)) : Number(value.toPrecision(3));
}
function change(control, value) {
  state = { ...state, set: { ...state.set } };
  if (control.whole) { if (value === undefined) delete state[control.whole]; else state[control.whole] = value; }
  else if (value === undefined) delete state.set[control.path];
  else {
    state.set[control.path] = value;
    if (control.path === "model.kfac.damping") delete state.set["model.kfac.condition_number"];
    if (control.path === "model.kfac.condition_number") delete state.set["model.kfac.damping"];
  }
  redraw();
}
function build() {
  for (const [kind, what] of [["digital", "digital device"], ["analog", "thermodynamic machine"]]) {
    const options = Object.entries(plan[kind]).map(([name, card]) => element("option", { value: name }, `${name}: ${card.title}`));
    const select = element("select", { id: kind, onchange: (event) => { state = { ...state, [kind]: event.target.value }; redraw(); } }, ...options);
    $("controls").append(element("div", { class: "control" }, element("label", { for: kind }, what), select));
  }
  for (const control of controls) {
    const id = control.path.replaceAll(".", "-");
    control.slider = element("input", { type: "range", id, min: control.step ? control.low : 0, max: control.step ? control.high : 1000, step: 1,
      oninput: (event) => change(control, fromSlider(control, event.target.value)) });
    control.field = element("input", { type: "text", "aria-label": `${control.label}, as a number`, autocomplete: "off",
      onchange: (event) => {
        const value = typed(event.target.value, control.unit);
        if (value > 0 && Number.isFinite(value)) change(control, control.round ? Math.max(1, Math.round(value)) : value);
        else redraw();
      } });
    control.back = element("button", { type: "button", title: "back to the model's or the card's own value", "aria-label": `${control.label}: back to its own value`,
      onclick: () => change(control, undefined) }, "↺");
    control.box = element("div", { class: "control" }, element("label", { for: id }, control.label), element("div", { class: "row" }, control.slider, control.field, control.back));
    $("controls").append(control.box);
  }
  $("all").addEventListener("change", redraw);
  $("rest").addEventListener("change", redraw);
  $("reset").addEventListener("click", () => { state = { digital: shown.digital, analog: shown.analog, set: {} }; redraw(); });
}
function follow() {
  $("digital").value = state.digital;
  $("analog").value = state.analog;
  for (const control of controls) {
    const value = currentOf(control);
    control.box.classList.toggle("set", isSet(control));
    control.back.disabled = !isSet(control);
    control.field.value = value === null ? "by damping" : control.unit === "1" ? significant(value, 6) : inUnit(value, control.unit);
    const at = value === null ? toSlider(control, Math.sqrt(control.low * control.high)) : toSlider(control, value);
    control.slider.value = Math.min(Math.max(at, control.step ? control.low : 0), control.step ? control.high : 1000);
    control.slider.setAttribute("aria-valuetext", control.field.value);
  }
}

// --- tables and pictures ---
const colours = new Map([["forward_backward", "#7f8896"]]);
/** A colour for each phase as it first shows: hues a golden angle apart, light and dark in turn. */
function colour(phase) {
  if (!colours.has(phase)) colours.set(phase, `hsl(${Math.round(colours.size * 137.5 + 70) % 360} 55% ${colours.size % 2 ? 45 : 62}%)`);
  return colours.get(phase);
}
const opens = (text, what, onclick) => element("button", { type: "button", class: "opens", "aria-label": `${text}: ${what}`, onclick }, text);
function rowsShown(found) {
  return plan.methods.filter((each) => found.methods[each.name]);
}
function methodsTable(found) {
  const body = rowsShown(found).map((method) => {
    const own = found.methods[method.name], judged = own.feasibility;
    const cell = (pair, what, open) => element("td", { class: "number" }, ...(pair ? [opens(pair[0], what, open), element("small", {}, pair[1])] : ["unknown"]));
    const open = () => explain(method, found);
    const mark = method.name === found.best ? "best" : method.name === found.thermo ? "thermo" : judged?.reach === "cannot run" ? "out" : null;
    const target = own.to_target && [duration(own.to_target.median), `${duration(own.to_target.p05)} to ${duration(own.to_target.p95)}`];
    return element("tr", { class: mark, "data-method": method.name }, element("td", { class: "name", title: method.title }, method.name),
      cell(seconds(own.step), `step of ${method.name}, its formulas`, open),
      cell(ratio(own.over_best), `over ${found.best}`, open),
      cell(target, "time to target", open),
      cell(own.over_adam_to_target && ratio(own.over_adam_to_target), "over adam, to target", open),
      element("td", {}, judged ? judged.reach + (judged.reach === "yes" && method.assumes.length ? "*" : "") : ""));
  });
  const heads = ["method", "a step", `over ${found.best}`, "to target", "over adam, to target", "accurate"];
  $("methods").replaceChildren(element("table", {}, element("caption", { class: "soft" }, "medians and 90 % intervals; a number opens its formulas"),
    element("thead", {}, element("tr", {}, ...heads.map((text, index) => element("th", { scope: "col", class: index && index < 5 ? "number" : null }, text)))),
    element("tbody", {}, ...body)));
}
function stepChart(found) {
  const rows = rowsShown(found), leave = $("rest").checked, width = Math.max(300, Math.min(860, $("steps").clientWidth || 760));
  const narrow = width < 560, left = narrow ? 0 : 16 + 6.4 * Math.max(...rows.map((method) => method.name.length)), right = 70, high = narrow ? 36 : 22, top = narrow ? 17 : 3;
  const parts = rows.map((method) => Object.entries(found.methods[method.name].phases).filter(([phase]) => !leave || phase !== "forward_backward"));
  const lengths = parts.map((each) => each.reduce((sum, [, e]) => sum + e.median, 0)), scale = (width - left - right) / Math.max(...lengths);
  const svg = element("svg:svg", { viewBox: `0 0 ${width} ${rows.length * high + 6}`, width, role: "img", "aria-label": "Seconds of a step by phase; steps are in the table below, phases behind its numbers." });
  rows.forEach((method, index) => {
    let x = left;
    const y = index * high + top;
    svg.append(element("svg:text", narrow ? { x: 0, y: y - 4 } : { x: left - 8, y: y + 13, "text-anchor": "end" }, method.name));
    for (const [phase, e] of parts[index]) {
      svg.append(element("svg:rect", { x, y, width: Math.max(e.median * scale, 0), height: 16, fill: colour(phase) }, element("svg:title", {}, `${phase}: ${withPrefix(e.median, "s")}`)));
      x += Math.max(e.median * scale, 0);
    }
    const shownLength = leave ? lengths[index] : found.methods[method.name].step.median;
    svg.append(element("svg:text", { x: x + 6, y: y + 13, class: "soft" }, withPrefix(shownLength, "s")));
  });
  const seen = new Set(parts.flat().filter(([, e]) => e.median * scale > 0.5).map(([phase]) => phase));
  $("steps").replaceChildren(svg, element("ul", { class: "legend" }, ...[...seen].map((phase) => element("li", {}, element("span", { style: `background:${colour(phase)}` }), phase.replaceAll("_", " ")))));
}

const WIDTHS = Array.from({ length: 13 }, (_, index) => Math.pow(2, (index - 4) / 2));
function axes(svg, box, { x, y }) {
  svg.append(element("svg:rect", { x: box.left, y: box.top, width: box.width, height: box.height, fill: "none", stroke: "var(--rule)" }));
  for (const [at, text] of x.ticks) svg.append(element("svg:text", { x: at, y: box.top + box.height + 16, "text-anchor": "middle", class: "soft" }, text));
  for (const [at, text] of y.ticks) svg.append(element("svg:text", { x: box.left - 6, y: at + 4, "text-anchor": "end", class: "soft" }, text));
  svg.append(element("svg:text", { x: box.left + box.width / 2, y: box.top + box.height + 34, "text-anchor": "middle" }, x.title));
  svg.append(element("svg:text", { x: 12, y: box.top + box.height / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${box.top + box.height / 2})` }, y.title));
}
function crossover() {
  const values = WIDTHS.map((factor) => projector.advantage(projector.atValues(projector.atWidth(state, factor)))[0]);
  const box = { left: 62, top: 10, width: 330, height: 200 }, low = Math.min(0.8, ...values), high = Math.max(1.25, ...values);
  const px = (factor) => box.left + box.width * (Math.log2(factor) + 2) / 6;
  const py = (value) => box.top + box.height * (1 - Math.log(value / low) / Math.log(high / low));
  const cross = values.findIndex((value) => value >= 1);
  const words = cross < 0 ? "At no width shown is a thermodynamic step shorter." : cross === 0 ? "A thermodynamic step is shorter from the narrowest width shown on." : `From ${significant(WIDTHS[cross])} times the width on a thermodynamic step is shorter.`;
  const svg = element("svg:svg", { viewBox: "0 0 410 250", role: "img", "aria-label": `Speedup against width. ${words}` });
  axes(svg, box, { x: { title: "width, as a multiple of the model's", ticks: [0.25, 0.5, 1, 2, 4, 8, 16].map((each) => [px(each), String(each)]) },
    y: { title: "digital step over analog", ticks: [...new Set([low, 1, high])].map((each) => [py(each), significant(each, 2)]) } });
  svg.append(element("svg:line", { x1: box.left, x2: box.left + box.width, y1: py(1), y2: py(1), stroke: "var(--soft)", "stroke-dasharray": "4 4" }));
  svg.append(element("svg:polyline", { points: WIDTHS.map((factor, index) => `${px(factor)},${py(values[index])}`).join(" "), fill: "none", stroke: "var(--wins)", "stroke-width": 2.5 }));
  svg.append(element("svg:circle", { cx: px(1), cy: py(values[4]), r: 5, fill: "var(--wins)" }));
  $("crossover").replaceChildren(svg, element("p", { class: "soft" }, words));
}
const COLUMNS = 18, ROWS = 12;
function regimes() {
  const byKappa = quantitiesOf(plan, state)["model.kfac.condition_number"] !== undefined;
  const path = byKappa ? "model.kfac.condition_number" : "model.kfac.damping", ends = byKappa ? [2, 1e6] : [1e-6, 1], taus = [1e-10, 1e-3];
  const at = ([low, high], share) => low * Math.pow(high / low, share), count = COLUMNS * ROWS;
  const xs = new Float64Array(count), ys = new Float64Array(count);
  for (let i = 0; i < count; i++) { xs[i] = at(ends, (i % COLUMNS + 0.5) / COLUMNS); ys[i] = at(taus, (Math.floor(i / COLUMNS) + 0.5) / ROWS); }
  const values = projector.advantage(projector.atValues({ ...state, set: { ...state.set } }, { [path]: xs, "analog.relaxation_time": ys }));
  const box = { left: 72, top: 10, width: 320, height: 200 }, w = box.width / COLUMNS, h = box.height / ROWS;
  const svg = element("svg:svg", { viewBox: "0 0 410 250", role: "img", "aria-label": `Where a thermodynamic step is shorter, over ${byKappa ? "condition number" : "damping"} and relaxation time: at ${values.filter((each) => each > 1).length} of ${count} points.` });
  values.forEach((value, i) => {
    const share = Math.min(1, Math.abs(Math.log(value)) / Math.log(2));
    svg.append(element("svg:rect", { x: box.left + (i % COLUMNS) * w, y: box.top + (ROWS - 1 - Math.floor(i / COLUMNS)) * h, width: w + 0.5, height: h + 0.5,
      fill: `color-mix(in srgb, var(${value > 1 ? "--wins" : "--loses"}) ${Math.round(12 + 88 * share)}%, var(--even))` }, element("svg:title", {}, `${significant(value)}×`)));
  });
  const px = (x) => box.left + box.width * Math.log(x / ends[0]) / Math.log(ends[1] / ends[0]), py = (y) => box.top + box.height * (1 - Math.log(y / taus[0]) / Math.log(taus[1] / taus[0]));
  const now = quantitiesOf(plan, state), inside = (x, [low, high]) => Math.min(Math.max(x, low), high);
  svg.append(element("svg:circle", { cx: px(inside(now[path].value, ends)), cy: py(inside(now["analog.relaxation_time"].value, taus)), r: 6, fill: "none", stroke: "var(--ink)", "stroke-width": 2.5 }));
  axes(svg, box, { x: { title: byKappa ? "condition number κ" : "damping λ", ticks: (byKappa ? [10, 1e3, 1e5] : [1e-6, 1e-4, 1e-2, 1]).map((each) => [px(each), significant(each)]) },
    y: { title: "relaxation time", ticks: [1e-9, 1e-7, 1e-5, 1e-3].map((each) => [py(each), withPrefix(each, "s")]) } });
  $("regimes").replaceChildren(svg, element("ul", { class: "legend" }, element("li", {}, element("span", { style: "background:var(--loses)" }), "digital shorter, 2× where full"),
    element("li", {}, element("span", { style: "background:var(--wins)" }), "thermodynamic shorter"), element("li", {}, "○ as set")));
}
function headline(found) {
  const { methods, best, thermo } = found;
  if (!thermo) return $("headline").replaceChildren("The machine can run no thermodynamic method.");
  const own = methods[thermo], judged = own.feasibility, gain = own.over_best.median;
  const pays = own.over_best.p05 > 1 ? "Yes" : own.over_best.p95 < 1 ? "No" : "Undecided";
  const accuracy = judged.reach === "yes" ? "accurate enough in all layers" : judged.reach === "no" ? `accurate enough in no layer (${judged.limit.replaceAll("_", " ")})` : `accurate enough in ${significant(100 * judged.share)} % of layers`;
  const answer = judged.reach === "no" ? "No" : pays;
  $("headline").replaceChildren(element("strong", {}, `${answer}. `), `${thermo} on ${state.analog} is ${significant(gain)}× as fast a step as ${best} on ${state.digital} (${ratio(own.over_best)[1]}), ${accuracy}. A solver that took no time at all would gain ${significant(found.free.median)}×.`);
}
function command() {
  const parts = [`python -m costmodel project ${shown.quoted}`, `--digital ${state.digital}`, `--analog ${state.analog}`, `--draws ${plan.draws}`, `--seed ${shown.seed}`];
  if (plan.scenario !== "nominal") parts.push(`--scenario ${plan.scenario}`);
  parts.push(...shown.settings);
  for (const [path, value] of Object.entries(state.set)) {
    const unit = controls.find((each) => each.path === path).unit;
    parts.push(unit === "1" ? `--set ${path}=${value}` : `--set "${path}=${value} ${unit}"`);
  }
  if (state.batch !== undefined) parts.push(`--set model.batch_size=${state.batch}`);
  if (state.refresh !== undefined) parts.push(`--set model.kfac.refresh_interval=${state.refresh}`);
  $("command").textContent = parts.join(" \\\n  ");
}

// --- behind a number ---
function explain(method, found) {
  const now = found.evaluation.sample.found, inner = [];
  for (const index of method.phases) {
    const phase = plan.phases[index], own = found.methods[method.name].phases[phase.name];
    inner.push(element("h3", {}, `${phase.name.replaceAll("_", " ")}: ${seconds(own)[0]} (${seconds(own)[1]})`), element("p", { class: "soft" }, `${phase.label}, ${phase.interval ? `every ${phase.interval} steps` : phase.cadence.toLowerCase().replaceAll("_", " ")}`));
    for (const work of phase.works) {
      if (work.operation) {
        const laws = plan.digital[state.digital].resolved[work.operation].map((part) => part.law);
        inner.push(element("p", {}, `Digital: ${work.operation.replaceAll("_", " ")}, by the law of ${laws.join(" and ") || "nothing: part of another operation"} on ${state.digital}.`));
      }
      for (const key of ["time", "calls", "units", "elements", "systems", "tolerance", "messages", "words"])
        if (typeof work[key] === "string") inner.push(formulaBox(work[key], now));
    }
  }
  $("behind-title").textContent = `${method.name}: ${method.title}`;
  $("behind-body").replaceChildren(...inner);
  $("behind").showModal();
}
function formulaBox(name, now) {
  const formula = data.formulas[name], box = element("details", {}, element("summary", {}, `${formula.name} [${formula.unit}]: ${formula.meaning}`));
  box.addEventListener("toggle", () => {
    if (!box.open || box.children.length > 1) return;
    const math = element("div", { class: "formula", tabindex: 0 });
    math.innerHTML = formula.mathml;  // made by sympy from the formula itself
    const rows = plan.letters[name].map((letter) => {
      const symbol = data.symbols[letter], paths = symbol.paths.filter((path) => now[path]);
      const values = paths.map((path) => { const q = now[path]; return `${path} = ${inUnit(q.value, q.unit || symbol.unit)}${q.low < q.high ? ` (${inUnit(q.low, q.unit)} to ${inUnit(q.high, q.unit)})` : ""}, ${state.set[path] !== undefined ? "set here" : `${q.status}: ${q.source}`}`; });
      return element("tr", {}, element("td", {}, letter), element("td", {}, `${symbol.name}: ${symbol.meaning}`), element("td", { class: "source" }, values.join("; ") || "of each layer"));
    });
    box.append(math, element("p", { class: "soft" }, `source: ${formula.source}`), element("div", { class: "scroll" }, element("table", {}, element("tbody", {}, ...rows))));
  });
  return box;
}

// --- static tables ---
function sortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = element("button", { type: "button", onclick: () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const numeric = [...table.tBodies[0].rows].every((row) => key(row) !== "" && !Number.isNaN(Number(key(row))));
      const rows = [...table.tBodies[0].rows].sort((a, b) => (numeric ? key(a) - key(b) : key(a).localeCompare(key(b))) * (up ? 1 : -1));
      table.tBodies[0].append(...rows);
    } }, head.textContent);
    head.replaceChildren(button);
  });
}
function filter(field) {
  const table = $(field.dataset.table);
  field.addEventListener("input", () => {
    const wanted = field.value.toLowerCase();
    for (const row of table.tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });
}

let pending = 0;
function redraw() {
  const started = performance.now(), found = projector.project(state, $("all").checked);
  follow();
  headline(found);
  methodsTable(found);
  stepChart(found);
  command();
  writeFragment();
  window.shownNow = found;
  window.redrawTook = performance.now() - started;
  clearTimeout(pending);
  pending = setTimeout(() => {
    const begun = performance.now();
    crossover();
    regimes();
    window.picturesTook = performance.now() - begun;
  }, 120);
}
build();
state = readFragment();
window.addEventListener("hashchange", () => { state = readFragment(); redraw(); });
document.querySelectorAll("table.sortable").forEach(sortable);
document.querySelectorAll("input[data-table]").forEach(filter);
$("close").addEventListener("click", () => $("behind").close());
redraw();
