"use strict";
// Evaluation of compiled formulas on arrays with two axes, units and draws; an axis that nothing depends on has length 1.

const array = (data, rows, cols) => ({ data, rows, cols });
const scalar = (value) => array(Float64Array.of(value), 1, 1);
const column = (values) => array(Float64Array.from(values), values.length, 1);
const draws = (data) => array(data, 1, data.length);

/** f of two arrays, broadcast against each other. */
function zip(f, a, b) {
  const rows = Math.max(a.rows, b.rows), cols = Math.max(a.cols, b.cols), out = new Float64Array(rows * cols);
  const ar = a.rows > 1 ? a.cols : 0, ac = a.cols > 1 ? 1 : 0, br = b.rows > 1 ? b.cols : 0, bc = b.cols > 1 ? 1 : 0;
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < cols; c++, i++) out[i] = f(a.data[r * ar + c * ac], b.data[r * br + c * bc]);
  return array(out, rows, cols);
}
const map = (f, a) => array(a.data.map(f), a.rows, a.cols);
const plus = (a, b) => zip((x, y) => x + y, a, b);
const times = (a, b) => zip((x, y) => x * y, a, b);
const over = (a, b) => zip((x, y) => x / y, a, b);
const least = (a, b) => zip(Math.min, a, b);
const most = (a, b) => zip(Math.max, a, b);
const scaled = (a, factor) => map((x) => x * factor, a);

/** Sum (or another fold) over units: an array of one row. */
function overUnits(a, fold = (x, y) => x + y) {
  const out = a.data.slice(0, a.cols);
  for (let r = 1; r < a.rows; r++) for (let c = 0; c < a.cols; c++) out[c] = fold(out[c], a.data[r * a.cols + c]);
  return array(out, 1, a.cols);
}

/** Linear interpolation between order statistics, as numpy's. */
function quantile(sorted, share) {
  const at = share * (sorted.length - 1), low = Math.floor(at), high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}
const median = (values) => quantile(Float64Array.from(values).sort(), 0.5);

/** Compiled formulas; a kernel is made for every set of formulas and every pattern of axes, and kept. */
class Formulas {
  constructor(compiled) {
    this.nodes = new Map(compiled.nodes.map(([name, text, needs]) => [name, { text, needs }]));
    this.names = compiled.formulas;
    this.kernels = new Map();
  }

  /** Values of formulas, by name, at arrays by letter. */
  evaluate(wanted, values) {
    const units = Math.max(1, ...Object.values(values).map((each) => each.rows));
    const count = Math.max(1, ...Object.values(values).map((each) => each.cols));
    const letters = this.letters(wanted);
    for (const letter of letters) if (!values[letter]) throw new Error(`no value for ${letter}`);
    const axes = letters.map((letter) => (values[letter].rows > 1 ? 1 : 0) + (values[letter].cols > 1 ? 2 : 0));
    const key = wanted.join() + "|" + axes.join("");
    let kernel = this.kernels.get(key);
    if (!kernel) this.kernels.set(key, (kernel = this.kernel(wanted, letters, axes)));
    const found = kernel(units, count, letters.map((letter) => values[letter].data));
    return Object.fromEntries(wanted.map((name, index) => {
      const [data, axis] = found[index];
      return [name, array(data, axis & 1 ? units : 1, axis & 2 ? count : 1)];
    }));
  }

  /** Letters and subexpressions behind some formulas, in an order in which each needs only those before it. */
  needed(wanted) {
    const found = new Set();
    const visit = (name) => {
      if (found.has(name)) return;
      const node = this.nodes.get(name);
      if (node) node.needs.forEach(visit);
      found.add(name);
    };
    wanted.forEach((name) => visit(this.names[name]));
    return [...found];
  }

  letters(wanted) {
    const key = "letters " + wanted.join();
    if (!this.kernels.has(key)) this.kernels.set(key, this.needed(wanted).filter((name) => !this.nodes.has(name)));
    return this.kernels.get(key);
  }

  /** A function that computes what depends on no axis once, what depends on one of them in a loop over it. */
  kernel(wanted, letters, axes) {
    const axis = new Map(letters.map((letter, index) => [letter, axes[index]]));
    const order = this.needed(wanted).filter((name) => this.nodes.has(name));
    for (const name of order) axis.set(name, this.nodes.get(name).needs.reduce((all, each) => all | axis.get(each), 0));
    const results = new Set(wanted.map((name) => this.names[name]));
    const outer = (name) => order.some((each) => axis.get(each) !== axis.get(name) && this.nodes.get(each).needs.includes(name));
    const kept = new Set(order.filter((name) => results.has(name) || (axis.get(name) && axis.get(name) < 3 && outer(name))));
    const sizes = ["1", "U", "D", "U*D"], at = ["0", "u", "d", "i"];
    const lines = letters.map((letter, index) => `const L${index} = L[${index}];`);
    const read = (name) => letters.includes(name) ? `L${letters.indexOf(name)}[${at[axis.get(name)]}]` : `K${name}[${at[axis.get(name)]}]`;
    for (const name of kept) lines.push(`const K${name} = new Float64Array(${sizes[axis.get(name)]});`);
    for (const own of [0, 1, 2, 3]) {
      const body = [], known = new Set();
      for (const name of order.filter((each) => axis.get(each) === own)) {
        for (const need of this.nodes.get(name).needs) {
          const global = this.nodes.has(need) && axis.get(need) === 0;
          if (known.has(need) || (global && own)) continue;
          if (axis.get(need) !== own || !this.nodes.has(need)) body.push(`const $${need} = ${read(need)};`);
          known.add(need);
        }
        body.push(`const $${name} = ${this.nodes.get(name).text};`);
        known.add(name);
        if (kept.has(name)) body.push(`K${name}[${at[own]}] = $${name};`);
      }
      const text = body.join("\n");
      if (own === 0) lines.push(text);
      else if (body.length) lines.push([, `for (let u = 0; u < U; u++) {\n${text}\n}`, `for (let d = 0; d < D; d++) {\n${text}\n}`,
        `for (let u = 0, i = 0; u < U; u++) for (let d = 0; d < D; d++, i++) {\n${text}\n}`][own]);
    }
    const back = wanted.map((name) => {
      const result = this.names[name];
      return `[${letters.includes(result) ? `L${letters.indexOf(result)}` : `K${result}`}, ${axis.get(result)}]`;
    });
    return new Function("lambertLower", `"use strict"; return (U, D, L) => {\n${lines.join("\n")}\nreturn [${back.join(", ")}];\n}`)(lambertLower);
  }
}
