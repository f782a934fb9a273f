"use strict";
// Moments of a spectrum by its power law, as costmodel.formulas.accuracy.power_law has them.

/** d_e, q, s_2, mu_2, s_x of factors: n of shape (units, 1), the rest (units, draws). */
function powerLawMoments(n, kappa, s_r, eta, s_d) {
  const units = n.rows, count = Math.max(kappa.cols, s_r.cols, eta.cols, s_d.cols), size = units * count;
  const out = {};
  for (const letter of ["d_e", "q", "s_2", "mu_2", "s_x"]) out[letter] = array(new Float64Array(size), units, count);
  const groups = 12, logs = new Float64Array(groups), counts = new Float64Array(groups);
  const powers = new Float64Array(groups), reached = new Float64Array(groups);
  const at = (a, u, d) => a.data[u * a.cols + (a.cols > 1 ? d : 0)];
  for (let u = 0, i = 0; u < units; u++) {
    const order = n.data[u];
    for (let rank = 2; rank < 6; rank++) { logs[rank - 2] = Math.log(rank); counts[rank - 2] = rank <= order ? 1 : 0; }
    const growth = Math.max((order + 0.5) / 5.5, 1), edge = (k) => 5.5 * Math.pow(growth, k / 8);
    for (let k = 0; k < 8; k++) {
      logs[4 + k] = (Math.log(edge(k)) + Math.log(edge(k + 1))) / 2;
      counts[4 + k] = edge(k + 1) - edge(k);
    }
    for (let d = 0; d < count; d++, i++) {
      const K = at(kappa, u, d), rank = at(s_r, u, d), decay = at(s_d, u, d), top = Math.max(K - 1, 1e-9);
      const second = top / at(eta, u, d);
      let left = (rank - 1) * top, all = 0;
      for (let k = 0; k < groups; k++) {
        powers[k] = second * Math.exp(-decay * (logs[k] - Math.LN2));
        reached[k] = Math.min(counts[k], left / powers[k]);
        left -= reached[k] * powers[k];
        all += reached[k];
      }
      const more = left / Math.max(all, 1);
      let effective = top / K, share = top / (K * K), squared = K * K, inverse = 1 / (K * K);
      for (let k = 0; k < groups; k++) {
        const damped = 1 + powers[k] + more, part = reached[k] * (powers[k] + more) / damped;
        effective += part;
        share += part / damped;
        squared += reached[k] * damped * damped + counts[k] - reached[k];
        inverse += reached[k] / (damped * damped) + counts[k] - reached[k];
      }
      share /= effective;
      out.d_e.data[i] = effective;
      out.q.data[i] = share;
      out.s_2.data[i] = squared / (K * K);
      out.mu_2.data[i] = K * K * inverse / order;
      out.s_x.data[i] = K * K * effective * share / (rank * top);
    }
  }
  return out;
}
