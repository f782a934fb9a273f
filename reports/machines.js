"use strict";
// Laws of digital cards, as costmodel.machines.laws and costmodel.projection.digital have them.

/** A curve at a size: linear in the logarithm between knots, a tail beyond the last. */
function curveAt(curve, size) {
  const { sizes, values, limit } = curve, last = sizes.length - 1;
  if (size > sizes[last]) return limit + (values[last] - limit) * sizes[last] / size;
  const x = Math.log(size);
  if (x <= Math.log(sizes[0])) return values[0];
  let low = 0;
  while (low < last - 1 && Math.log(sizes[low + 1]) <= x) low++;
  if (last === 0) return values[0];
  const start = Math.log(sizes[low]), end = Math.log(sizes[low + 1]);
  return values[low] + (values[low + 1] - values[low]) * (x - start) / (end - start);
}

const STRIDES = { stride_512: 128, stride_1024: 256, stride_2048: 512, stride_4096: 1024, stride_8192: 2048 };

/** Penalties of memory layout for rows of n elements. */
function alignments(n) {
  const found = [];
  for (const [name, divisor] of [["not_32", 32], ["not_8", 8], ["not_4", 4], ["odd", 2]]) if (n % divisor) found.push(name);
  for (const [name, step] of Object.entries(STRIDES)) if (n % step === 0) found.push(name);
  const beside = (step) => Math.min(n % step, (step - n % step) % step);
  if (beside(256) === 1 && n > 250) {
    found.push("near_stride");
    if (beside(1024) === 1) found.push("near_4096");
  }
  return found;
}

/** The nearest whole number, the even one of two, as Python rounds. */
function rounded(x) {
  const low = Math.floor(x), rest = x - low;
  return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
}

/** Seconds a unit of work of a fitted law. */
function perUnit(law, size, n) {
  let total = curveAt(law.work, size);
  for (const name of alignments(rounded(n))) if (law.penalties[name]) total += curveAt(law.penalties[name], size);
  return total;
}

/** How many times sizes lie outside a domain; 1 inside. An end that is null is open. */
function excess(size, domain) {
  if (!size || !domain) return scalar(1);
  const [low, high] = [domain[0] ?? 0, domain[1] ?? Infinity];
  return map((each) => { const x = Math.max(each / high, low / each); return x <= 1 + 1e-9 ? 1 : x; }, size);
}

function widened(found, growth, deviates) {
  if (!found.data.some((each) => each > 1)) return scalar(1);
  return zip((x, z) => Math.exp(growth * Math.log(x) * z), found, deviates);
}

const EXTRAPOLATION_SPREAD = 0.15;

/** Seconds of some work under a law of constants. */
function constantSeconds(law, work, part, context) {
  const counts = {
    launch: scaled(work.calls, part.launch),
    element_time: work.elements && scaled(work.elements, part.element_time),
    bandwidth: scaled(work.units, 4 * part.work),
    rate: scaled(work.units, part.work),
  };
  let total = null;
  for (const [name, domain] of Object.entries(law.constants)) {
    const count = counts[name];
    if (!count) continue;
    const constant = draws(context.drawn(name));
    let seconds = name === "bandwidth" || name === "rate" ? over(count, constant) : times(count, constant);
    if (law.scatter) seconds = times(seconds, draws(context.drawn("scatter")));
    seconds = times(seconds, widened(excess(work.size, domain), EXTRAPOLATION_SPREAD, context.unexplained()));
    total = total ? plus(total, seconds) : seconds;
  }
  return total;
}

/** Seconds of some work under a fitted law, in a training step. */
function fittedSeconds(law, work, part, context) {
  let each;
  if (!work.size) each = scalar(curveAt(law.work, law.work.sizes[law.work.sizes.length - 1]));
  else each = zip((size, n) => perUnit(law, size, n), work.size, work.sides[0]);
  let seconds = plus(scaled(work.calls, part.launch * law.launch), scaled(work.items, law.item));
  seconds = plus(seconds, times(scaled(work.units, part.work), each));
  if (law.element && work.sides) {
    const elements = zip(work.elementsOf, ...work.sides);
    seconds = plus(seconds, times(scaled(work.matrices, part.element_time * law.element), elements));
  }
  if (law.in_step) seconds = plus(scaled(seconds, law.in_step.factor), scaled(work.calls, law.in_step.launch * part.launch));
  const outside = excess(work.size, law.domain);
  return times(times(seconds, draws(context.drawn("scatter"))), widened(outside, law.growth, context.unexplained()));
}

/** Jobs of each kind that each device gets, the longest first to the device that is free soonest. */
function dealt(costs, jobs, devices) {
  const share = Array.from({ length: devices }, () => new Float64Array(costs.length)), loads = new Float64Array(devices);
  const order = costs.map((_, kind) => kind).sort((a, b) => costs[b] - costs[a] || a - b);
  for (const kind of order) {
    const top = Math.max(...loads), behind = loads.reduce((sum, load) => sum + (top - load), 0);
    const levelling = costs[kind] > 0 ? devices + Math.floor(behind / costs[kind]) : 0;
    const alike = Math.floor(Math.max(0, Math.floor(jobs[kind]) - levelling) / devices);
    for (let device = 0; device < devices; device++) { share[device][kind] += alike; loads[device] += alike * costs[kind]; }
    for (let rest = Math.floor(jobs[kind]) - alike * devices; rest > 0; rest--) {
      let free = 0;
      for (let device = 1; device < devices; device++) if (loads[device] < loads[free]) free = device;
      share[free][kind] += 1;
      loads[free] += costs[kind];
    }
  }
  return share;
}

/** Seconds of the device with most to do. */
function busiest(seconds, counts, devices) {
  const row = (kind) => seconds.data.subarray(kind * seconds.cols, (kind + 1) * seconds.cols);
  const costs = counts.map((_, kind) => median(row(kind))), jobs = counts.reduce((sum, each) => sum + Math.floor(each), 0);
  const share = dealt(costs, counts, Math.max(1, Math.min(devices, jobs)));
  const distinct = [...new Map(share.map((each) => [each.join(), each])).values()];
  const out = new Float64Array(seconds.cols).fill(-Infinity);
  for (const loads of distinct) {
    const sum = new Float64Array(seconds.cols);
    for (let kind = 0; kind < loads.length; kind++) if (loads[kind]) { const own = row(kind); for (let d = 0; d < sum.length; d++) sum[d] += loads[kind] * own[d]; }
    for (let d = 0; d < out.length; d++) out[d] = Math.max(out[d], sum[d]);
  }
  return draws(out);
}
